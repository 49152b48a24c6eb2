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

// Rounded down, so that nothing is called closer than it is; the very best pairs stay apart from "all".
export function percent(percentile) {
  return percentile >= 99.95 ? "99.9+ %" : `${(Math.floor(percentile * 10) / 10).toFixed(1)} %`;
}
