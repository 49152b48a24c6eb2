// The words of the status page: figures, times, and names of items.

import { figures, t } from "./words.js";

const { lang } = document.documentElement;

export const whole = (value) => figures(value);
export const decimal = (value, digits) => figures(value, { minimumFractionDigits: digits, maximumFractionDigits: digits });
export const percent = (share) => `${figures(100 * share, { maximumFractionDigits: share < 0.1 ? 1 : 0 })} %`;
export const shareOf = (part, all) => (all ? percent(part / all) : t("none_yet"));
export const when = (time, options = { dateStyle: "medium", timeStyle: "short" }) =>
  new Intl.DateTimeFormat(lang === "en" ? "en-GB" : lang, options).format(typeof time === "number" ? 1000 * time : new Date(time));
export const ms = (value) => (value >= 1000 ? `${decimal(value / 1000, 1)} s` : `${decimal(value, value < 10 ? 1 : 0)} ms`);

export function lasted(seconds) {
  if (seconds < 60) return `${decimal(seconds, seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function ago(seconds) {
  if (seconds < 5400) return t("ago_minutes", { n: Math.max(1, Math.round(seconds / 60)) });
  return seconds < 129_600 ? t("ago_hours", { n: Math.round(seconds / 3600) }) : t("ago_days", { n: Math.round(seconds / 86_400) });
}

export const nameOf = ({ metadata, item_id: id }) => [metadata.title, metadata.name].find((text) => typeof text === "string" && text) ?? id;
