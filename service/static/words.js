// The page's texts in its language, and names, counts and amounts in words.

const { words, settings } = document.body.dataset;
const LANGUAGE = document.documentElement.lang;
const plural = new Intl.PluralRules(LANGUAGE);

export const TEXTS = JSON.parse(words);
export const SETTINGS = JSON.parse(settings); // of the service, as far as the page has to know them

const formats = {}; // of numbers, by their options: each takes long to make

export const figures = (value, options = {}) => (
  formats[JSON.stringify(options)] ??= new Intl.NumberFormat(LANGUAGE, options)).format(value);

// A text of the table with values for its `{names}`; `n` chooses between one and several.
export function t(key, values = {}) {
  const entry = TEXTS[key];
  const text = typeof entry === "string" ? entry : entry[plural.select(values.n)] ?? entry.other;
  return filled(text, values);
}

export const filled = (text, values) => text.replaceAll(/\{(\w+)\}/g, (_, name) => (
  typeof values[name] === "number" ? figures(values[name]) : values[name]));

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

// A field's name as a heading: "sleeve_length" is "Sleeve length".
export const heading = (field) => TEXTS.fields[field] ?? capital(field.replaceAll(/[_-]+/g, " ").trim() || field);

// A value of a field in words.
export const valueWord = (value) => (value === true ? t("yes") : value === false ? t("no") : capital(String(value).replaceAll("_", " ")));

// A type of garment, as the API names it, in words.
export const garmentName = (type) => TEXTS.types[type] ?? capital(type);

// An amount as people write it: "€89.90", and "89.90" where no currency is known; empty for what is no number.
export function amount(value, currency = null, digits = 0) {
  if (!Number.isFinite(value)) return "";
  const known = /^[A-Z]{3}$/.test(currency ?? "");
  return figures(value, known ? { style: "currency", currency } : { minimumFractionDigits: digits });
}

// Rounded down, so that nothing is called closer than it is; the very best pairs stay apart from "all".
export function percent(percentile) {
  if (percentile >= 99.95) return `${figures(99.9)}+ %`;
  return `${figures(Math.floor(percentile * 10) / 10, { minimumFractionDigits: 1 })} %`;
}

// How a percentile is told: "Closer than 96.4 % of all pairs".
export const percentileWords = (percentile) => t("percentile", { percent: percent(percentile) });

// How close a result is in shape.
export const closeness = (percentile) => t(percentile >= 99 ? "very_close" : percentile >= 95 ? "close" : "loose");

// What is said of how two garments agree, part by part.
export const agreement = (sentence) => `${sentence.split("; ").map((part) => TEXTS.phrases[part] ?? part).join("; ")}.`;
