// The filters: chips for the values of fields, ranges for numbers, from the facets of the index.

import { at, element, settled, tell } from "./nodes.js";
import { makeValues } from "./values.js";
import { heading, t } from "./words.js";

const PAUSE = 500; // of typing, in milliseconds, after which is searched
const COUNTED = 1000; // garments of an answer that its counts are of

function group(facet, ...parts) {
  const node = element("fieldset", "facet");
  node.append(element("legend", "", heading(facet.field)), ...parts);
  return node;
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
  label.append(element("span", "", t(operator === "gte" ? "from" : "to")), input);
  return label;
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

function fillBounds(filter) {
  for (const input of inputs("number")) {
    if (input !== document.activeElement) input.value = filter[input.dataset.field]?.[input.dataset.operator] ?? "";
  }
}

// Show filters; `changed` is called with {filter, everything} whenever the user has chosen.
export function makeFilters(changed) {
  const panel = at("filters");
  let lists = []; // of values, one for each field that has some
  panel.open = matchMedia("(min-width: 60rem)").matches;
  const choose = () => changed({ filter: chosen(), everything: !at("collapse").checked });
  const chooseLater = settled(choose, PAUSE);
  at("facets").addEventListener("input", ({ target }) => (target.type === "number" ? chooseLater() : choose()));
  at("collapse").addEventListener("input", choose);
  at("to-filters").addEventListener("click", () => {
    panel.open = true;
    panel.scrollIntoView({ block: "start" });
    panel.querySelector("summary").focus({ preventScroll: true });
  });
  for (const id of ["clear-filters", "unfilter"]) {
    at(id).addEventListener("click", () => {
      chooseLater.cancel();
      changed({ filter: {}, everything: !at("collapse").checked });
      panel.querySelector("summary").focus({ preventScroll: true, focusVisible: false });
    });
  }

  function facetNode(facet) {
    if (!facet.values) return group(facet, bound(facet, "gte"), bound(facet, "lte"));
    const list = makeValues(facet);
    lists.push(list);
    return group(facet, ...list.nodes);
  }

  return {
    // The fields whose values an answer is to count.
    get counted() {
      return lists.map((list) => list.field);
    },
    // Show the facets, once the index has answered.
    offer({ filters = [], duplicates = 0 }, search) {
      lists = [];
      at("facets").replaceChildren(...filters.map(facetNode));
      at("collapsing").hidden = duplicates === 0;
      panel.hidden = at("to-filters").hidden = filters.length === 0 && duplicates === 0;
      if (search) this.show(search);
    },
    show({ filter, everything }) {
      chooseLater.cancel();
      for (const list of lists) list.fill(filter[list.field]);
      fillBounds(filter);
      at("collapse").checked = !everything;
      const count = Object.keys(filter).length;
      tell("filter-count", count ? String(count) : "");
      at("clear-filters").hidden = count === 0;
    },
    // Show how many garments of an answer have each value.
    count({ facets, total }) {
      for (const list of lists) {
        const counted = facets.find((facet) => facet.field === list.field);
        if (counted) list.count(counted);
      }
      at("counted").hidden = total <= COUNTED;
    },
  };
}
