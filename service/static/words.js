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

// A number of the metadata, and the price's currency: "12.90 EUR"; empty where there is none.
export function amount(metadata, field) {
  const value = metadata[field];
  if (typeof value !== "number") return "";
  const digits = field === "price" && !Number.isInteger(value) ? 2 : 0;
  const text = value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: Math.max(digits, 2) });
  return field === "price" && metadata.currency ? `${text} ${metadata.currency}` : text;
}

// Rounded down, so that nothing is called closer than it is; the very best pairs stay apart from "all".
export function percent(percentile) {
  return percentile >= 99.95 ? "99.9+ %" : `${(Math.floor(percentile * 10) / 10).toFixed(1)} %`;
}
