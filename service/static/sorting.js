// The sort menu: nearest first, or by price; where there is none, by another field of numbers.

import { at, element } from "./nodes.js";
import { plain } from "./product.js";
import { SETTINGS, TEXTS, heading, t } from "./words.js";

function option(value, text) {
  const node = element("option", "", text);
  node.value = value;
  return node;
}

export const isPrice = (field) => SETTINGS.fields.price.includes(plain(field));

function fieldsOf(filters) {
  const numbers = filters.filter((facet) => !facet.values).map((facet) => facet.field);
  const price = numbers.find(isPrice);
  return price ? [price] : numbers;
}

// "Price, lowest first"
export const sortWords = ({ field, order }) => t("sort_option", { field: heading(field), order: TEXTS.orders[order] });

// `changed` is called with {sort} whenever the user has chosen.
export function makeSorting(changed) {
  const menu = at("sort");
  menu.addEventListener("change", () => changed({ sort: menu.value ? JSON.parse(menu.value) : undefined }));
  let asked = undefined;

  function show(sort) {
    asked = sort;
    const value = sort ? JSON.stringify(sort) : "";
    const known = [...menu.options].some((one) => one.value === value);
    if (sort && !known) menu.append(option(value, sortWords(sort)));
    menu.value = value;
  }

  return {
    // Offer what the index can be sorted by, once it has answered.
    offer({ filters = [] }) {
      const sorts = fieldsOf(filters).flatMap((field) => ["asc", "desc"].map((order) => ({ field, order })));
      menu.replaceChildren(option("", t("sort_nearest")),
        ...sorts.map((sort) => option(JSON.stringify(sort), sortWords(sort))));
      at("sorting").hidden = sorts.length === 0;
      show(asked);
    },
    show: ({ sort }) => show(sort),
  };
}
