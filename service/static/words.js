// Names and counts in words.

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

// A field's name as a heading: "sleeve_length" is "Sleeve length".
export const heading = (field) => capital(field.replaceAll(/[_-]+/g, " ").trim() || field);

const GARMENTS = { upper: "Top", outer: "Coat or jacket" };

// A type of garment, as the API names it, in words.
export const garmentName = (type) => GARMENTS[type] ?? capital(type);

export const many = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

export function nameOf(result) {
  const { name, title, category } = result.metadata;
  return capital(String(name || title || category || result.item_id));
}

// An amount as people write it: "€89.90", and "89.90" where no currency is known; empty for what is no number.
export function amount(value, currency = null, digits = 0) {
  if (!Number.isFinite(value)) return "";
  const known = /^[A-Z]{3}$/.test(currency ?? "");
  return value.toLocaleString("en", known ? { style: "currency", currency } : { minimumFractionDigits: digits });
}

// What an item costs now, and what it cost before where it is in a sale; null where it has no price.
export function priceOf({ metadata }) {
  const [price, sale] = [metadata.price, metadata.sale_price].map((each) => (Number.isFinite(each) ? each : null));
  const reduced = sale !== null && price !== null && sale < price;
  const now = reduced ? sale : price ?? sale;
  if (now === null) return null;
  return { now: amount(now, metadata.currency, 2), before: reduced ? amount(price, metadata.currency, 2) : null };
}

// The address of an item's page in its shop; null where it has none that may be opened.
export function pageOf({ metadata }) {
  return /^https?:\/\//i.test(metadata.link) ? metadata.link : null;
}

// Rounded down, so that nothing is called closer than it is; the very best pairs stay apart from "all".
export function percent(percentile) {
  return percentile >= 99.95 ? "99.9+ %" : `${(Math.floor(percentile * 10) / 10).toFixed(1)} %`;
}

// What the drawing of a result over the query shows, and what was measured.
export const overlayWords = (name, sentence) =>
  `Both outlines: yours with a solid blue line, ${name} with a broken orange line. ${sentence}.`;
