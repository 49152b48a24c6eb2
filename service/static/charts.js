// Charts as inline SVG: bars and lines over time, stretched to their place; what they say is text beside them.

import { element } from "./nodes.js";
import { t } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const HIGH = 100;

function drawn(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

// The smallest of 1, 2, 5, 10, 20 … that is at least a value; `least` where that is smaller.
function roundUp(value, least) {
  if (value <= least) return least;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value - 1e-9);
}

// Stacked bars: each series has a `className` and the `values` of all places.
function bars(series, top) {
  const heights = series[0].values.map(() => 0);
  return series.flatMap(({ className, values }) => values.map((value, at) => {
    const height = (value / top) * HIGH;
    heights[at] += height;
    return drawn("rect", { class: className, x: at + 0.12, width: 0.76, y: HIGH - heights[at], height });
  }));
}

// Lines that are broken where a value is null; a value between two such ones is a dot.
function lines(series, top) {
  return series.flatMap(({ className, values }) => {
    let [path, pen] = ["", "M"];
    const dots = [];
    values.forEach((value, at) => {
      if (value === null) { pen = "M"; return; }
      const [x, y] = [at + 0.5, HIGH - (value / top) * HIGH];
      path += `${pen}${x} ${y}`;
      if ((values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null) dots.push(`M${x} ${y}h0`);
      pen = "L";
    });
    return [drawn("path", { class: className, d: path }), ...dots.map((d) => drawn("path", { class: `dot ${className}`, d }))];
  });
}

// A chart: `series` of { name, className, values }, `labels` of the places, `show` a value as text, and the
// `least` height of its scale. `summary` is what a screen reader says; the figures are in the table.
export function chart({ title, series, kind, labels, show, least, summary, named = true }) {
  const figure = element("figure");
  const caption = element("figcaption", "", `${title} `);
  if (named) caption.append(...series.map(({ name, className }) => element("span", `key ${className}`, name)));
  const count = labels.length;
  const stacked = labels.map((_, at) => series.reduce((sum, { values }) => sum + (values[at] ?? 0), 0));
  const highest = kind === "bars" ? stacked : series.flatMap(({ values }) => values.map((value) => value ?? 0));
  const top = roundUp(Math.max(...highest), least);
  const svg = drawn("svg", { viewBox: `0 0 ${count} ${HIGH}`, preserveAspectRatio: "none", role: "img", "aria-label": `${title}. ${summary}` });
  svg.append(...(kind === "bars" ? bars : lines)(series, top));
  labels.forEach((label, at) => {
    const slot = drawn("rect", { class: "slot", x: at, y: 0, width: 1, height: HIGH });
    const words = series.map(({ name, values }) => `${name}: ${values[at] === null ? t("none") : show(values[at])}`);
    slot.append(drawn("title", {}));
    slot.firstChild.textContent = [label, ...words].join("\n");
    svg.append(slot);
  });
  const plot = element("div", "plot");
  plot.append(svg, element("span", "most", show(top)));
  const axis = element("div", "axis");
  axis.setAttribute("aria-hidden", "true");
  axis.append(...[0, Math.floor(count / 2), count - 1].map((at) => element("span", "", labels[at])));
  figure.append(caption, plot, axis);
  return figure;
}

// How a whole is made up: one bar of parts side by side.
export function shares(values, label) {
  const whole = values.reduce((sum, value) => sum + value, 0) || 1;
  const svg = drawn("svg", { class: "steps", viewBox: `0 0 ${whole} 1`, preserveAspectRatio: "none", role: "img", "aria-label": label });
  let x = 0;
  for (const value of values) {
    svg.append(drawn("rect", { x, y: 0, width: value, height: 1 }));
    x += value;
  }
  return svg;
}
