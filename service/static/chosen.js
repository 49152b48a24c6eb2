// What is set, as chips above the results: a tap takes one away.

import { at, button } from "./nodes.js";
import { figures, heading, t, valueWord } from "./words.js";

const EDGES = { gte: "from", lte: "to" };

// What a filter asks of a field, part by part: its words, and what is left of it without that part.
function partsOf(field, asked) {
  if (Array.isArray(asked) && asked.every((value) => Object(value) !== value)) {
    return asked.map((value) => [
      value === true || value === false ? `${heading(field)}: ${valueWord(value)}` : valueWord(value),
      asked.length > 1 ? asked.filter((other) => other !== value) : undefined]);
  }
  const edges = Object.keys(EDGES).filter((edge) => Number.isFinite(asked?.[edge]));
  if (!edges.length) return [[heading(field), undefined]];
  return edges.map((edge) => {
    const { [edge]: _, ...left } = asked;
    return [`${heading(field)} ${t(EDGES[edge])} ${figures(asked[edge])}`, Object.keys(left).length ? left : undefined];
  });
}

// All that is set in a search: words, and the changes to the search that take it away.
function settingsOf({ filter, part }) {
  const filters = Object.entries(filter).flatMap(([field, asked]) => partsOf(field, asked).map(([words, left]) => (
    [words, { filter: JSON.parse(JSON.stringify({ ...filter, [field]: left })) }]))); // without what is undefined
  return part ? [...filters, [t("part"), { part: undefined }]] : filters;
}

// `changed` is called with the changes that a chip stands for.
export function makeChosen(changed) {
  const row = at("chosen");
  return {
    show(search) {
      row.replaceChildren(...settingsOf(search).map(([words, left]) => {
        const chip = button("chip", words, t("remove", { value: words }));
        chip.addEventListener("click", () => {
          at("found").focus({ preventScroll: true });
          changed(left);
        });
        return chip;
      }));
      row.hidden = row.childElementCount === 0;
    },
  };
}
