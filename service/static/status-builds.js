// Versions and builds: what the gate has measured, how long it took, and what changed.

import { shares } from "./charts.js";
import { at, element } from "./nodes.js";
import { badge, button, facts, picture } from "./status-pieces.js";
import { ask } from "./status-service.js";
import { decimal, lasted, percent, when, whole } from "./status-words.js";
import { TEXTS, filled, t } from "./words.js";

const STEPS = ["catalogue", "train", "embed", "duplicates", "write", "check", "publish", "thumbnails"];
const GATE = {
  recall_at_10: (value) => decimal(value, 3),
  self_recall_at_1: (value) => decimal(value, 3),
  golden_right: percent,
  search_ms: (value) => `${decimal(value, value < 1 ? 2 : 1)} ms`,
  items_before: whole,
};

function gallery(title, entries, caption) {
  if (!entries.length) return [];
  const list = element("ul", "pictures");
  list.append(...entries.map((entry) => {
    const node = element("li");
    node.append(picture(entry.image_url), caption(entry));
    return node;
  }));
  return [element("h4", "", title), list];
}

async function showChanges(name, counts, place, opener) {
  if (place.childNodes.length) {
    place.replaceChildren();
    opener.setAttribute("aria-expanded", "false");
    return;
  }
  opener.disabled = true;
  try {
    const build = await ask(`/v1/status/builds/${encodeURIComponent(name)}`);
    const first = (kind) => {
      const n = build[kind].length;
      const count = filled(TEXTS.kinds[kind], { n: counts[kind] ?? n });
      return counts[kind] > n ? t("first_of", { count, n }) : count;
    };
    const id = (entry) => element("div", "name", entry.item_id);
    const nodes = [
      ...gallery(first("new"), build.new, id),
      ...gallery(first("changed"), build.changed, id),
      ...gallery(first("removed"), build.removed, id),
      ...gallery(first("skipped"), build.skipped, (entry) => {
        const words = document.createDocumentFragment();
        words.append(element("b", "", entry.item_id || entry.path.split("/").pop()), element("span", "", ` ${entry.reason}`));
        return words;
      }),
    ];
    place.replaceChildren(...(nodes.length ? nodes : [element("p", "fine", t("no_changes"))]));
    opener.setAttribute("aria-expanded", "true");
  } catch (error) {
    place.replaceChildren(element("p", "wrong", error.message));
  }
  opener.disabled = false;
}

const named = (pairs) => pairs.map(([fact, value]) => [TEXTS.facts[fact], value]);

function changeWords({ new: added = 0, changed = 0, removed = 0, skipped = 0 }) {
  return t("changed_in_all", { added, changed, removed, skipped });
}

function changesOf(name, counts) {
  const place = element("div", "changes");
  const opener = button(t("what_changed"), () => showChanges(name, counts, place, opener));
  opener.setAttribute("aria-expanded", "false");
  return [opener, place];
}

const OUTCOMES = { published: "good", refused: "bad", interrupted: "bad", running: "plain" };

function buildRow(build) {
  const node = element("li");
  const head = element("h3", "", when(build.begun));
  head.append(badge(TEXTS.outcomes[build.outcome], OUTCOMES[build.outcome]));
  node.append(head);
  const pairs = [["catalogue", build.catalogue]];
  if (build.took > 0 && build.outcome !== "running") pairs.unshift(["took", lasted(build.took)]);
  if (build.version) pairs.push(["version", build.version], ["items", whole(build.counts.items)], ["changes", changeWords(build.counts)]);
  node.append(facts(named(pairs)));
  const steps = STEPS.filter((step) => build.seconds[step] > 0);
  if (steps.length) {
    const words = steps.map((step) => `${TEXTS.steps[step]} ${lasted(build.seconds[step])}`).join(", ");
    node.append(shares(steps.map((step) => build.seconds[step]), t("steps_of", { steps: words })), element("p", "fine", words));
  }
  if (build.problem) node.append(element("p", "problem", build.problem));
  if (Object.keys(build.figures).length && build.outcome !== "published") node.append(facts(gateOf(build.figures)));
  if (build.outcome !== "running") node.append(...changesOf(build.build, build.counts));
  return node;
}

const gateOf = (figures) => Object.entries(GATE).filter(([name]) => name in figures)
  .map(([name, show]) => [TEXTS.gate[name], show(figures[name])]);

function versionRow(version, build, { served, activate, compare }) {
  const node = element("li");
  const head = element("h3", "", version.version);
  const inUse = version.version === served;
  if (inUse) head.append(badge(t("in_use"), "good"));
  if (version.current && !inUse) head.append(badge(t("not_in_use"), "bad"));
  if (!version.usable) head.append(badge(t("other_encoder"), "plain"));
  const counts = [["items", whole(version.items)]];
  if (version.photographs > version.items) counts.push(["photographs", whole(version.photographs)]);
  if (version.duplicates) counts.push(["duplicates", whole(version.duplicates)]);
  counts.push(["skipped", whole(version.skipped)], ["kind", version.kind], ["encoder", version.encoder.slice(0, 12)], ["catalogue", version.catalogue]);
  node.append(head, facts(named(counts)), facts(gateOf(version.gate)));
  if (build) node.append(element("p", "fine", t("against_before", { changes: changeWords(build.counts) })));
  if (!version.usable && version.bundle) node.append(element("p", "fine", t("to_go_over", { encoder: version.bundle })));
  const buttons = element("p", "buttons");
  if (!version.current && version.usable) buttons.append(button(t("activate"), () => activate(version)));
  if (!inUse && served) buttons.append(button(t("compare_with_used"), () => compare(version)));
  node.append(buttons);
  if (build) {
    const [opener, place] = changesOf(build.build, build.counts);
    buttons.append(opener);
    node.append(place);
  } else {
    node.append(element("p", "fine", t("not_noted")));
  }
  return node;
}

// The newest version older than the current one that can be used; undefined where there is none.
export const versionBefore = ({ versions }) => {
  const place = versions.findIndex(({ current }) => current);
  return place < 0 ? undefined : versions.slice(place + 1).find(({ usable }) => usable);
};

// Show all versions; `activate` and `compare` are called with one of them.
export function fillVersions(status, { activate, compare }) {
  const builds = new Map(status.builds.map((build) => [build.build, build]));
  const rows = status.versions.map((version) => versionRow(version, builds.get(version.build), { served: status.served, activate, compare }));
  rows.push(...status.damaged.map((name) => {
    const node = element("li");
    const head = element("h3", "", name);
    head.append(badge(t("damaged"), "bad"));
    node.append(head);
    return node;
  }));
  if (!rows.length) rows.push(element("li", "fine", t("nothing_published")));
  at("versions").replaceChildren(...rows);
  const older = versionBefore(status);
  at("back").hidden = !older;
  at("back").textContent = older ? t("roll_back", older) : "";
}

export function fillBuilds({ builds }) {
  at("builds").replaceChildren(...(builds.length ? builds.map(buildRow) : [element("li", "fine", t("none_noted"))]));
}
