// The searches of a day or a month: three charts, and the same as a table.

import { chart } from "./charts.js";
import { at, element } from "./nodes.js";
import { ms, percent, shareOf, when, whole } from "./status-words.js";

const COLUMNS = [
  ["Searches", ({ searches }) => whole(searches)],
  ["Refused", ({ refused }) => whole(refused)],
  ["For want of capacity", ({ busy: count }) => whole(count)],
  ["Median", ({ p50_ms: value }) => (value === null ? "" : ms(value))],
  ["95 %", ({ p95_ms: value }) => (value === null ? "" : ms(value))],
  ["99 %", ({ p99_ms: value }) => (value === null ? "" : ms(value))],
  ["Found nothing close", ({ loose, judged }) => (judged ? `${whole(loose)} of ${whole(judged)}` : "")],
];

function table(parts, labels, span) {
  const node = element("table");
  const [head, body] = [element("thead"), element("tbody")];
  const top = element("tr");
  for (const name of [span === "day" ? "Hour" : "Day (UTC)", ...COLUMNS.map(([title]) => title)]) {
    const cell = element("th", "", name);
    cell.scope = "col";
    top.append(cell);
  }
  head.append(top);
  parts.forEach((part, place) => {
    const row = element("tr");
    const first = element("th", "", labels[place]);
    first.scope = "row";
    row.append(first, ...COLUMNS.map(([, show]) => element("td", "", show(part))));
    body.append(row);
  });
  node.append(head, body);
  return node;
}

// Show a span of the status, "day" or "month".
export function fillSearches(status, span) {
  const found = status[span];
  for (const choice of document.querySelectorAll("[data-span]")) choice.setAttribute("aria-pressed", choice.dataset.span === span);
  if (!found) {
    at("charts").replaceChildren(element("p", "wrong", "The figures can't be read; the log of the service says why."));
    at("figures").replaceChildren();
    return;
  }
  const { parts, total } = found;
  const labels = parts.map(({ at: time }) => when(time, span === "day" ? { timeStyle: "short" } : { day: "numeric", month: "short", timeZone: "UTC" }));
  const a = span === "day" ? "an hour" : "a day";
  const values = (take) => parts.map(take);
  at("charts").replaceChildren(
    chart({
      title: `Searches ${a}`, kind: "bars", labels, show: whole, least: 4,
      summary: `${whole(total.searches)} in all, ${whole(total.refused)} of them refused`,
      series: [
        { name: "answered", className: "first", values: values(({ answered }) => answered) },
        { name: "refused", className: "light", values: values(({ refused, busy: count }) => refused - count) },
        { name: "too busy", className: "second", values: values(({ busy: count }) => count) },
      ],
    }),
    chart({
      title: "Time to an answer", kind: "lines", labels, show: ms, least: 10,
      summary: total.p50_ms === null ? "none yet" : `median ${ms(total.p50_ms)}, 95 % within ${ms(total.p95_ms)}, 99 % within ${ms(total.p99_ms)}`,
      series: [
        { name: "median", className: "first", values: values(({ p50_ms: value }) => value) },
        { name: "95 %", className: "second", values: values(({ p95_ms: value }) => value) },
        { name: "99 %", className: "third", values: values(({ p99_ms: value }) => value) },
      ],
    }),
    chart({
      title: "Answers to pictures that found nothing close", kind: "bars", labels, show: percent, least: 0.1, named: false,
      summary: `${shareOf(total.loose, total.judged)} over the whole time`,
      series: [{ name: "nothing close", className: "first", values: values(({ loose, judged }) => (judged ? loose / judged : 0)) }],
    }),
  );
  at("figures").replaceChildren(table([...parts].reverse(), [...labels].reverse(), span));
}
