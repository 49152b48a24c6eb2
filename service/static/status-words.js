// The words of the status page: figures, times, and names of items.

export const whole = (value) => value.toLocaleString("en");
export const percent = (share) => `${(100 * share).toLocaleString("en", { maximumFractionDigits: share < 0.1 ? 1 : 0 })} %`;
export const shareOf = (part, all) => (all ? percent(part / all) : "none yet");
export const when = (time, options = { dateStyle: "medium", timeStyle: "short" }) =>
  new Intl.DateTimeFormat("en-GB", options).format(typeof time === "number" ? 1000 * time : new Date(time));
export const ms = (value) => (value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`);
export const many = (count, noun) => `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;

export function lasted(seconds) {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function ago(seconds) {
  if (seconds < 5400) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  return seconds < 129_600 ? `${Math.round(seconds / 3600)} h ago` : `${Math.round(seconds / 86_400)} days ago`;
}

export const nameOf = ({ metadata, item_id: id }) => [metadata.title, metadata.name].find((text) => typeof text === "string" && text) ?? id;
