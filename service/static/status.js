// The status page: asks for a key, shows what the service tells, and changes the version in use.

import { at, element } from "./nodes.js";
import { fillBuilds, fillVersions, versionBefore } from "./status-builds.js";
import { chooseVersions, fillChoices, fillGolden, installComparison } from "./status-compare.js";
import { picture } from "./status-pieces.js";
import { fillSearches } from "./status-searches.js";
import { ask, forgetKey, keepKey, keptKey } from "./status-service.js";
import { ago, decimal, ms, percent, shareOf, when, whole } from "./status-words.js";
import { TEXTS, filled, t } from "./words.js";

const EVERY_MS = 60_000;

let shown = null; // what the service told last
let span = "day";

function trouble(error) {
  at("trouble").hidden = !error;
  at("trouble").textContent = error?.message ?? "";
}

// --- at a glance ---------------------------------------------------------

function tile(value, about, bad = false) {
  const node = element("li", bad ? "bad" : "");
  node.append(element("b", "", value), element("span", "", about));
  return node;
}

function fillTiles({ now, versions, served, items, changes, builds, day }) {
  const inUse = versions.find(({ version }) => version === served);
  const last = builds.find(({ outcome }) => outcome !== "running");
  const total = day?.total;
  const about = TEXTS.tiles;
  const tiles = [
    served ? tile(inUse ? ago(now - Date.parse(inUse.built_at) / 1000) : served, about.built)
      : tile(t("none"), about.served, true),
    tile(items === null ? t("none") : whole(items), changes ? filled(about.items_changed, { n: changes }) : about.items, items === null),
  ];
  if (last) tiles.push(tile(TEXTS.outcomes[last.outcome], filled(about.last, { ago: ago(now - Date.parse(last.begun) / 1000) }), last.outcome !== "published"));
  if (total) {
    tiles.push(
      tile(whole(total.searches), about.searches),
      tile(shareOf(total.refused, total.searches), about.refused, total.refused > 0.05 * total.searches),
      tile(total.p95_ms === null ? t("none_yet") : ms(total.p95_ms), about.p95),
      tile(shareOf(total.loose, total.judged), about.loose),
    );
  }
  at("tiles").replaceChildren(...tiles);
}

// --- the version in use --------------------------------------------------

function confirmSwitch(version) {
  const back = version.version < shown.current;
  at("ask-title").textContent = t(back ? "go_back_to" : "go_over_to", version);
  at("ask-text").textContent = t("switch_how", { n: version.items });
  at("yes").textContent = t(back ? "go_back" : "activate");
  at("yes").onclick = () => { at("ask").close(); switchTo(version.version); };
  at("ask").showModal();
}

async function switchTo(version) {
  try {
    await ask("/v1/index/activate", { method: "POST", body: { version } });
    at("said").textContent = t("is_in_use", { version });
    trouble(null);
    await load();
  } catch (error) {
    trouble(error);
    at("trouble").scrollIntoView({ block: "center" });
  }
}

// --- queries that found nothing close -----------------------------------

function fillLoose({ loose, pictures_kept: kept, now }) {
  at("loose-note").textContent = t(kept ? "loose_kept" : "loose_not_kept");
  at("loose").replaceChildren(...(loose.length ? loose.map((query) => {
    const node = element("li");
    if (query.image_url) node.append(picture(query.image_url));
    const kind = TEXTS.query_kinds[query.kind] ?? TEXTS.query_kinds.photo;
    const sure = query.confidence === null ? [] : [t("sure", { share: percent(query.confidence) })];
    const first = query.percentile === null ? [] : [t("closer_than", { percent: decimal(query.percentile, 1) })];
    node.append(
      element("div", "", query.category ? t("query_looks", { kind, category: query.category }) : kind),
      element("div", "fine", [...sure, ...first].join(", ")),
      element("div", "fine", ago(now - query.at)),
    );
    return node;
  }) : [element("li", "", t("loose_none"))]));
}

// --- all together --------------------------------------------------------

const fills = [
  [["day", "month"], (status) => fillSearches(status, span)],
  [["versions", "damaged", "current", "served", "builds"], (status) => fillVersions(status, { activate: confirmSwitch, compare: chooseVersions })],
  [["versions", "served", "golden"], fillChoices],
  [["builds"], fillBuilds],
  [["golden"], fillGolden],
  [["loose", "pictures_kept"], fillLoose],
];

function show(status) {
  const last = shown;
  shown = status;
  at("entry").hidden = true;
  at("board").hidden = at("session").hidden = false;
  at("told").textContent = t("as_of", { time: when(status.now, { timeStyle: "short" }) });
  fillTiles(status);
  for (const [names, fill] of fills) { // what is the same stays, with what was opened in it
    if (!last || names.some((name) => JSON.stringify(last[name]) !== JSON.stringify(status[name]))) fill(status);
  }
}

async function load(key = keptKey()) {
  const status = await ask("/v1/status", { key });
  keepKey(key);
  show(status);
}

function askForKey(text) {
  shown = null;
  at("board").hidden = at("session").hidden = true;
  at("entry").hidden = false;
  at("wrong").hidden = !text;
  at("wrong").textContent = text;
  at("key").focus();
}

function leave(text = "") {
  forgetKey();
  at("key").value = "";
  askForKey(text);
}

async function refresh() {
  try {
    await load();
    trouble(null);
  } catch (error) {
    if (error.status === 401 || error.status === 403) leave(error.message);
    else if (shown) trouble(error);
    else askForKey(error.message);
  }
}

at("entry").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await load(at("key").value.trim());
    at("key").value = "";
    at("refresh").focus();
  } catch (error) {
    leave(error.message);
  }
});
at("refresh").addEventListener("click", refresh);
at("leave").addEventListener("click", () => { forgetKey(); location.reload(); }); // with all that was shown
at("no").addEventListener("click", () => at("ask").close());
at("back").addEventListener("click", () => confirmSwitch(versionBefore(shown)));
for (const choice of document.querySelectorAll("[data-span]")) {
  choice.addEventListener("click", () => { span = choice.dataset.span; fillSearches(shown, span); });
}
installComparison();
setInterval(() => { if (shown && document.visibilityState === "visible") refresh(); }, EVERY_MS);

if (keptKey()) refresh();
else leave();
