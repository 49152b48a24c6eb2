// The searches of a day or a month: three charts, and the same as a table.

import { chart } from "./charts.js";
import { at, element } from "./nodes.js";
import { ms, percent, shareOf, when, whole } from "./status-words.js";
import { TEXTS, t } from "./words.js";

const COLUMNS = [
  ["searches", ({ searches }) => whole(searches)],
  ["refused", ({ refused }) => whole(refused)],
  ["busy", ({ busy: count }) => whole(count)],
  ["p50", ({ p50_ms: value }) => (value === null ? "" : ms(value))],
  ["p95", ({ p95_ms: value }) => (value === null ? "" : ms(value))],
  ["p99", ({ p99_ms: value }) => (value === null ? "" : ms(value))],
  ["loose", ({ loose, judged }) => (judged ? t("part_of", { part: loose, all: judged }) : "")],
];

function table(parts, labels, span) {
  const node = element("table");
  const [head, body] = [element("thead"), element("tbody")];
  const top = element("tr");
  for (const name of [t(span === "day" ? "hour" : "day_utc"), ...COLUMNS.map(([column]) => TEXTS.columns[column])]) {
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
    at("charts").replaceChildren(element("p", "wrong", t("no_figures")));
    at("figures").replaceChildren();
    return;
  }
  const { parts, total } = found;
  const labels = parts.map(({ at: time }) => when(time, span === "day" ? { timeStyle: "short" } : { day: "numeric", month: "short", timeZone: "UTC" }));
  const { answered, refused, busy, p50, p95, p99, loose } = TEXTS.series;
  const values = (take) => parts.map(take);
  at("charts").replaceChildren(
    chart({
      title: t(span === "day" ? "searches_day" : "searches_month"), kind: "bars", labels, show: whole, least: 4,
      summary: t("in_all", total),
      series: [
        { name: answered, className: "first", values: values((part) => part.answered) },
        { name: refused, className: "light", values: values((part) => part.refused - part.busy) },
        { name: busy, className: "second", values: values(({ busy: count }) => count) },
      ],
    }),
    chart({
      title: t("time_to_answer"), kind: "lines", labels, show: ms, least: 10,
      summary: total.p50_ms === null ? t("none_yet") : t("latencies", { p50: ms(total.p50_ms), p95: ms(total.p95_ms), p99: ms(total.p99_ms) }),
      series: [
        { name: p50, className: "first", values: values(({ p50_ms: value }) => value) },
        { name: p95, className: "second", values: values(({ p95_ms: value }) => value) },
        { name: p99, className: "third", values: values(({ p99_ms: value }) => value) },
      ],
    }),
    chart({
      title: t("loose_answers"), kind: "bars", labels, show: percent, least: 0.1, named: false,
      summary: t("whole_time", { share: shareOf(total.loose, total.judged) }),
      series: [{ name: loose, className: "first", values: values((part) => (part.judged ? part.loose / part.judged : 0)) }],
    }),
  );
  at("figures").replaceChildren(table([...parts].reverse(), [...labels].reverse(), span));
}
