// The values of a field as chips with counts; beyond SHOWN of them, those that match what is typed.

import { element } from "./nodes.js";
import { figures, heading, t, valueWord } from "./words.js";

const SHOWN = 24;

function chip(field, value) {
  const label = element("label", "pick");
  const input = element("input");
  input.type = "checkbox";
  input.dataset.field = field;
  input.value = JSON.stringify(value);
  label.append(input, element("span", "", valueWord(value)));
  return label;
}

// How many garments of the answer have a value: after its word, and said in full; null takes it away.
function tell(label, count) {
  label.classList.toggle("none", count === 0);
  label.title = count === null ? "" : t("garments_n", { n: count });
  label.lastChild.dataset.count = count === null ? "" : figures(count);
}

function searchBox(facet, changed) {
  const input = element("input", "search-values");
  input.type = "search";
  input.placeholder = t("values_search", { n: facet.values.length });
  input.setAttribute("aria-label", `${heading(facet.field)}: ${input.placeholder}`);
  input.addEventListener("input", (event) => { event.stopPropagation(); changed(); });
  return input;
}

// The values that are typed for, the more common ones first, those that start so before those that hold it.
function matching(values, typed, countOf) {
  const places = values.map((value) => String(value).toLowerCase().indexOf(typed));
  const found = values.map((value, at) => at).filter((at) => places[at] >= 0);
  const weight = (at) => [typed && places[at] > 0 ? 1 : 0, -(countOf(values[at]) ?? 0), at];
  return found.map((at) => [weight(at), values[at]])
    .sort(([a], [b]) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2])
    .map(([, value]) => value);
}

export function makeValues(facet) {
  const values = facet.values.map(({ value }) => value);
  const long = values.length > SHOWN;
  const nodes = []; // beside the list
  const list = element("div", "values");
  const rest = element("p", "aside");
  const chips = new Map(); // by the value in JSON
  let picked = []; // the values in JSON that the filter names
  let counts = null; // of values in JSON

  const typed = long ? searchBox(facet, () => arrange()) : null;
  const countOf = (value) => counts?.get(JSON.stringify(value)) ?? (counts ? 0 : null);

  function chipOf(value) {
    const key = JSON.stringify(value);
    if (!chips.has(key)) chips.set(key, chip(facet.field, value));
    const label = chips.get(key);
    label.firstChild.checked = picked.includes(key);
    tell(label, picked.length && !picked.includes(key) ? null : countOf(value));
    return label;
  }

  function arrange() {
    const chosen = picked.map((key) => JSON.parse(key));
    const others = values.filter((value) => !picked.includes(JSON.stringify(value)));
    const found = long ? matching(others, typed.value.trim().toLowerCase(), countOf) : others;
    const shown = long ? [...chosen, ...found.slice(0, SHOWN)] : [...new Set([...values, ...chosen])];
    const focused = document.activeElement;
    list.replaceChildren(...shown.map(chipOf));
    if (list.contains(focused)) focused.focus({ preventScroll: true });
    rest.hidden = !long || (found.length <= SHOWN && found.length > 0);
    rest.textContent = found.length ? t("values_more", { n: found.length - SHOWN }) : t("values_none");
  }

  if (long) nodes.push(typed);
  nodes.push(list, rest);
  arrange();
  return {
    field: facet.field,
    nodes,
    fill(asked) {
      picked = Array.isArray(asked) ? asked.map((value) => JSON.stringify(value)) : [];
      arrange();
    },
    count(counted) {
      counts = new Map(counted.values.map(({ value, items }) => [JSON.stringify(value), items]));
      arrange();
    },
  };
}
