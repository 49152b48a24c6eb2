// Versions and builds: what the gate has measured, how long it took, and what changed.

import { shares } from "./charts.js";
import { at, element } from "./nodes.js";
import { badge, button, facts, picture } from "./status-pieces.js";
import { ask } from "./status-service.js";
import { lasted, percent, when, whole } from "./status-words.js";

const STEPS = ["catalogue", "train", "embed", "duplicates", "write", "check", "publish", "thumbnails"];
const GATE = {
  recall_at_10: ["recall@10", (value) => value.toFixed(3)],
  self_recall_at_1: ["finds itself", (value) => value.toFixed(3)],
  golden_right: ["golden queries right", (value) => percent(value)],
  search_ms: ["a search", (value) => `${value.toFixed(value < 1 ? 2 : 1)} ms`],
  items_before: ["items before", (value) => whole(value)],
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
    const first = (kind, word) => {
      const listed = build[kind].length;
      const count = counts[kind] ?? listed;
      return `${whole(count)} ${word}${count > listed ? `, the first ${whole(listed)} of them` : ""}`;
    };
    const id = (entry) => element("div", "name", entry.item_id);
    const nodes = [
      ...gallery(first("new", "new"), build.new, id),
      ...gallery(first("changed", "with another photograph"), build.changed, id),
      ...gallery(first("removed", "gone"), build.removed, id),
      ...gallery(first("skipped", "skipped"), build.skipped, (entry) => {
        const words = document.createDocumentFragment();
        words.append(element("b", "", entry.item_id || entry.path.split("/").pop()), element("span", "", ` ${entry.reason}`));
        return words;
      }),
    ];
    place.replaceChildren(...(nodes.length ? nodes : [element("p", "fine", "Nothing is new, changed, gone or skipped.")]));
    opener.setAttribute("aria-expanded", "true");
  } catch (error) {
    place.replaceChildren(element("p", "wrong", error.message));
  }
  opener.disabled = false;
}

function changeWords({ new: added = 0, changed = 0, removed = 0, skipped = 0 }) {
  return `${whole(added)} new, ${whole(changed)} changed, ${whole(removed)} gone, ${whole(skipped)} skipped`;
}

function changesOf(name, counts) {
  const place = element("div", "changes");
  const opener = button("What changed", () => showChanges(name, counts, place, opener));
  opener.setAttribute("aria-expanded", "false");
  return [opener, place];
}

const OUTCOMES = { published: "good", refused: "bad", interrupted: "bad", running: "plain" };

function buildRow(build) {
  const node = element("li");
  const head = element("h3", "", when(build.begun));
  head.append(badge(build.outcome, OUTCOMES[build.outcome]));
  node.append(head);
  const pairs = [["catalogue", build.catalogue]];
  if (build.took > 0 && build.outcome !== "running") pairs.unshift(["took", lasted(build.took)]);
  if (build.version) pairs.push(["version", build.version], ["items", whole(build.counts.items)], ["changes", changeWords(build.counts)]);
  node.append(facts(pairs));
  const steps = STEPS.filter((step) => build.seconds[step] > 0);
  if (steps.length) {
    const words = steps.map((step) => `${step} ${lasted(build.seconds[step])}`).join(", ");
    node.append(shares(steps.map((step) => build.seconds[step]), `Steps: ${words}`), element("p", "fine", words));
  }
  if (build.problem) node.append(element("p", "problem", build.problem));
  if (Object.keys(build.figures).length && build.outcome !== "published") node.append(facts(gateOf(build.figures)));
  if (build.outcome !== "running") node.append(...changesOf(build.build, build.counts));
  return node;
}

const gateOf = (figures) => Object.entries(GATE).filter(([name]) => name in figures)
  .map(([name, [word, show]]) => [word, show(figures[name])]);

function versionRow(version, build, { served, activate, compare }) {
  const node = element("li");
  const head = element("h3", "", version.version);
  const inUse = version.version === served;
  if (inUse) head.append(badge("in use", "good"));
  if (version.current && !inUse) head.append(badge("current, and can't be used", "bad"));
  if (!version.usable) head.append(badge("another encoder", "plain"));
  const counts = [["items", whole(version.items)]];
  if (version.photographs > version.items) counts.push(["photographs", whole(version.photographs)]);
  if (version.duplicates) counts.push(["repeated", whole(version.duplicates)]);
  counts.push(["skipped", whole(version.skipped)], ["kind", version.kind], ["encoder", version.encoder.slice(0, 12)], ["catalogue", version.catalogue]);
  node.append(head, facts(counts), facts(gateOf(version.gate)));
  if (build) node.append(element("p", "fine", `Against the version before: ${changeWords(build.counts)}`));
  if (!version.usable && version.bundle) node.append(element("p", "fine", `To go over to it, start the service with the encoder ${version.bundle}`));
  const buttons = element("p", "buttons");
  if (!version.current && version.usable) buttons.append(button("Activate", () => activate(version)));
  if (!inUse && served) buttons.append(button("Compare with the one in use", () => compare(version)));
  node.append(buttons);
  if (build) {
    const [opener, place] = changesOf(build.build, build.counts);
    buttons.append(opener);
    node.append(place);
  } else {
    node.append(element("p", "fine", "What it changed was not noted."));
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
    head.append(badge("damaged", "bad"));
    node.append(head);
    return node;
  }));
  if (!rows.length) rows.push(element("li", "fine", "Nothing is published yet. Build an index: python -m index build --catalogue CATALOGUE"));
  at("versions").replaceChildren(...rows);
  const older = versionBefore(status);
  at("back").hidden = !older;
  at("back").textContent = older ? `Roll back to ${older.version}` : "";
}

export function fillBuilds({ builds }) {
  at("builds").replaceChildren(...(builds.length ? builds.map(buildRow) : [element("li", "fine", "None is noted yet.")]));
}
