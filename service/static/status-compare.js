// Two versions side by side: a photograph or a golden query searched in both.

import { at, element } from "./nodes.js";
import { button, picture } from "./status-pieces.js";
import { ask } from "./status-service.js";
import { nameOf, percent } from "./status-words.js";
import { t } from "./words.js";

let known = null; // the status that was shown last

// The version in use beside another one, the older first; versions are named by their time.
const beside = (version) => [known.served ?? version, version].sort();

export function fillChoices(status) {
  const { versions, served } = known = status;
  at("compare").hidden = versions.length < 2;
  const other = versions.find(({ version }) => version !== served)?.version;
  for (const [name, preferred] of [["before", beside(other)[0]], ["after", beside(other)[1]]]) {
    const select = at(name);
    const chosen = select.value;
    select.replaceChildren(...versions.map((version) => {
      const option = element("option", "", version.version === served ? t("version_in_use", version) : version.version);
      option.value = version.version;
      return option;
    }));
    const kept = versions.some((version) => version.version === chosen) ? chosen : preferred;
    if (kept) select.value = kept;
  }
}

export function chooseVersions({ version }) {
  [at("before").value, at("after").value] = beside(version);
  at("compare-title").scrollIntoView();
  at("choose").focus({ preventScroll: true });
}

// What became of a result: its class, and words.
function fate(hit, side) {
  if (hit.other_rank === hit.rank) return ["same", t("same_rank")];
  if (hit.other_rank !== null) return ["moved", t(side === "before" ? "now_rank" : "was_rank", { rank: hit.other_rank })];
  if (!hit.elsewhere) return ["came", t(side === "before" ? "gone_item" : "new_item")];
  return ["came", t(side === "before" ? "now_behind" : "was_behind")];
}

function sideRow(found, side) {
  const node = element("div", "side");
  const sure = found.confidence === null ? "" : `, ${t("sure", { share: percent(found.confidence) })}`;
  const heading = element("h3", "", t("side", { side: t(side), version: found.version }));
  const list = element("ol", "found");
  list.tabIndex = 0;
  list.setAttribute("aria-label", t("results_of", found));
  list.append(...found.results.map((hit) => {
    const [kind, words] = fate(hit, side);
    const entry = element("li", kind);
    entry.append(picture(hit.image_url), element("div", "name", `${hit.rank}. ${nameOf(hit)}`), element("div", "how", words));
    if (hit.wanted) entry.append(element("div", "wanted", t("wanted")));
    return entry;
  }));
  node.append(heading, element("p", "fine", t("understood", { encoder: found.encoder.slice(0, 12), category: found.category ?? t("nothing_known") }) + sure), list);
  if (found.missing.length) node.append(element("p", "problem", t("missing", { items: found.missing.join(", ") })));
  return node;
}

function comparedWords({ came, went, moved, after, before: first }) {
  const words = came || went || moved ? t("compared", { came, went, moved }) : t("same_results");
  const missing = after.missing.length - first.missing.length;
  return missing ? `${words}; ${t(missing > 0 ? "lost" : "gained", { n: Math.abs(missing) })}` : words;
}

const compare = (query) => ask("/v1/status/compare", { method: "POST", body: { before: at("before").value, after: at("after").value, ...query } });

async function showComparison(query, seen) {
  const place = at("compared");
  place.replaceChildren(element("p", "fine", t("searching")));
  try {
    const found = await compare(query);
    const words = comparedWords(found);
    const image = element("div", "query");
    image.append(seen());
    place.replaceChildren(image, element("p", "", t("of_first", { n: found.after.results.length, words })), sideRow(found.before, "before"), sideRow(found.after, "after"));
    return words;
  } catch (error) {
    place.replaceChildren(element("p", "wrong", error.message));
    return error.message;
  }
}

function readPhoto(file) {
  const reader = new FileReader();
  reader.addEventListener("load", () => {
    const image = element("img");
    image.alt = t("compared_photograph");
    image.src = URL.createObjectURL(file);
    const place = element("div", "picture");
    place.append(image);
    showComparison({ image_base64: reader.result.slice(reader.result.indexOf(",") + 1) }, () => place);
  });
  reader.readAsDataURL(file);
}

export function fillGolden({ golden }) {
  at("golden").hidden = !golden.length;
  at("goldens").replaceChildren(...golden.map((query) => {
    const node = element("li");
    const words = element("span", "", query.missing.length ? t("missing_at_last", query) : query.name);
    const opener = button("", async () => {
      words.textContent = `${query.name}: ${await showComparison({ golden: query.golden }, () => picture(query.image_url, query.name))}`;
    });
    opener.dataset.golden = query.golden;
    opener.append(picture(query.image_url), words);
    node.append(opener);
    return node;
  }));
}

async function compareAll() {
  at("all").disabled = true;
  for (const opener of at("goldens").querySelectorAll("button")) {
    const [words, { name }] = [opener.lastChild, known.golden[opener.dataset.golden]];
    words.textContent = `${name}: …`;
    words.textContent = await compare({ golden: Number(opener.dataset.golden) })
      .then((found) => `${name}: ${comparedWords(found)}`, (error) => `${name}: ${error.message}`);
  }
  at("all").disabled = false;
}

export function installComparison() {
  at("all").addEventListener("click", compareAll);
  at("choose").addEventListener("click", () => at("photo").click());
  at("photo").addEventListener("change", ({ target }) => { if (target.files[0]) readPhoto(target.files[0]); target.value = ""; });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      at("drop").classList.toggle("over", kind === "dragover");
      const [file] = event.dataTransfer?.files ?? [];
      if (kind === "drop" && file && known && !at("compare").hidden) readPhoto(file);
    });
  }
}
