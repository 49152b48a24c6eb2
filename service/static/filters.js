// The filters: chips for fields with few values, ranges for numbers, from the facets of the index.

import { at, element, settled } from "./nodes.js";
import { capital, heading, many } from "./words.js";

const PAUSE = 500; // of typing, in milliseconds, after which is searched

const wordOf = (value) => (value === true ? "Yes" : value === false ? "No" : capital(value));

function group(facet, ...parts) {
  const node = element("fieldset", "facet");
  node.append(element("legend", "", heading(facet.field)), ...parts);
  return node;
}

function chip(field, { value, items }) {
  const label = element("label", "pick");
  const input = element("input");
  input.type = "checkbox";
  input.dataset.field = field;
  input.value = JSON.stringify(value);
  label.title = many(items, "garment");
  label.append(input, element("span", "", wordOf(value)));
  return label;
}

function bound(facet, operator) {
  const label = element("label", "bound");
  const input = element("input");
  input.type = "number";
  input.step = "any";
  input.inputMode = "decimal";
  input.dataset.field = facet.field;
  input.dataset.operator = operator;
  input.placeholder = operator === "gte" ? facet.lowest : facet.highest;
  label.append(element("span", "", operator === "gte" ? "from" : "to"), input);
  return label;
}

function facetNode(facet) {
  if (!facet.values) return group(facet, bound(facet, "gte"), bound(facet, "lte"));
  return group(facet, ...facet.values.map((value) => chip(facet.field, value)));
}

const inputs = (kind) => [...at("facets").querySelectorAll(`input[type=${kind}]`)];

// The state of the controls as an API filter.
function chosen() {
  const filter = {};
  for (const { dataset, value, checked } of inputs("checkbox")) {
    if (checked) (filter[dataset.field] ??= []).push(JSON.parse(value));
  }
  for (const { dataset, valueAsNumber } of inputs("number")) {
    if (!Number.isNaN(valueAsNumber)) (filter[dataset.field] ??= {})[dataset.operator] = valueAsNumber;
  }
  return filter;
}

function fill(filter) {
  for (const input of inputs("checkbox")) {
    const values = filter[input.dataset.field];
    input.checked = Array.isArray(values) && values.some((value) => JSON.stringify(value) === input.value);
  }
  for (const input of inputs("number")) {
    if (input !== document.activeElement) input.value = filter[input.dataset.field]?.[input.dataset.operator] ?? "";
  }
}

// Show filters; `changed` is called with {filter, everything} whenever the user has chosen.
export function makeFilters(changed) {
  const panel = at("filters");
  panel.open = matchMedia("(min-width: 60rem)").matches;
  const tell = () => changed({ filter: chosen(), everything: !at("collapse").checked });
  const tellLater = settled(tell, PAUSE);
  at("facets").addEventListener("input", ({ target }) => (target.type === "number" ? tellLater() : tell()));
  at("collapse").addEventListener("input", tell);
  for (const id of ["clear-filters", "unfilter"]) {
    at(id).addEventListener("click", () => {
      tellLater.cancel();
      changed({ filter: {}, everything: !at("collapse").checked });
      panel.querySelector("summary").focus({ preventScroll: true, focusVisible: false });
    });
  }

  return {
    // Show the facets, once the index has answered.
    offer({ filters = [], duplicates = 0 }, search) {
      at("facets").replaceChildren(...filters.map(facetNode));
      at("collapsing").hidden = duplicates === 0;
      panel.hidden = filters.length === 0 && duplicates === 0;
      if (search) this.show(search);
    },
    show({ filter, everything }) {
      tellLater.cancel();
      fill(filter);
      at("collapse").checked = !everything;
      const count = Object.keys(filter).length;
      at("filter-count").textContent = count ? String(count) : "";
      at("filter-count").hidden = count === 0;
      at("clear-filters").hidden = count === 0;
    },
  };
}
