// The product that an item is: which of its metadata are title, brand, price, link and availability.

import { SETTINGS, amount, capital, t } from "./words.js";

const ID = /^(\d{5,}|[\da-f-]{12,}|\S+\.(jpe?g|png|webp|gif))$/i;
const GONE = /^(outofstock|soldout|unavailable|discontinued|notavailable|ausverkauft|vergriffen|nichtverfügbar|0)$/;

const plain = (text) => String(text).toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "");

// Whether a field of the metadata has a role of a product's, such as its price.
export const isField = (role, field) => SETTINGS.fields[role].includes(plain(field));

// The first value that fits, of the fields that may have the role, and its field.
function find(metadata, role, fits) {
  for (const name of SETTINGS.fields[role]) {
    const field = Object.keys(metadata).find((each) => plain(each) === name);
    if (field !== undefined && fits(metadata[field])) return [metadata[field], field];
  }
  return [null, null];
}

const isText = (value) => typeof value === "string" && value.trim() !== "";

// A name, and no id or file's name.
const isTitle = (value, id) => isText(value) && value !== id && !ID.test(value.trim());

function priceOf(metadata) {
  const [price, sale] = ["price", "sale_price"].map((role) => find(metadata, role, Number.isFinite)[0]);
  const reduced = sale !== null && price !== null && sale < price;
  const now = reduced ? sale : price ?? sale;
  if (now === null) return null;
  const [currency] = find(metadata, "currency", isText);
  return { now: amount(now, currency, 2), before: reduced ? amount(price, currency, 2) : null };
}

function isSoldOut(metadata) {
  const [value, field] = find(metadata, "availability", (each) => each !== null && each !== "");
  if (typeof value === "boolean") return value === (plain(field) === "soldout");
  return value !== null && GONE.test(plain(String(value).replace(/^https?:\/\/schema\.org\//i, "")));
}

// Title, brand, price now and before, page in the shop; each null where the metadata have none.
export function productOf({ item_id: id, metadata }) {
  const [title] = find(metadata, "title", (value) => isTitle(value, id));
  const { category } = metadata;
  return {
    title: title ?? (isTitle(category, id) ? capital(category) : null),
    brand: find(metadata, "brand", isText)[0],
    price: priceOf(metadata),
    page: find(metadata, "link", (value) => /^https?:\/\//i.test(value))[0],
    soldOut: isSoldOut(metadata),
  };
}

// What an item is called where it must have a name.
export const nameOf = (result) => productOf(result).title ?? t("garment");
