// The query: the picture with its box and garments, or the pad; and what was understood of it.

import { placed } from "./box.js";
import { at, tell } from "./nodes.js";
import { narrowed } from "./pictures.js";
import { TEXTS, capital, t } from "./words.js";

const WIDE = 640; // pixels of the picture of an item that is searched from
export const SURE = 0.8; // confidence above which 91 of 100 guesses were right; below it, about half
const DOUBTS = ["garment_not_found", "cutout_uncertain", "nothing_close"]; // after which the box is asked about

// What lies below is shown with the picture, so that it stays where it is.
function showPicture(source, alt = "") {
  for (const image of [at("query-image"), at("peek-image")]) {
    if (!source) image.removeAttribute("src");
    else if (image.getAttribute("src") !== source) image.src = source;
  }
  at("query-image").alt = alt;
  at("side").classList.toggle("unknown", Boolean(source) && !at("query-image").complete);
  at("picture").hidden = at("peek").hidden = at("adjust").hidden = at("part").hidden = !source;
}

at("query-image").addEventListener("error", () => showPicture());
at("query-image").addEventListener("load", () => at("side").classList.remove("unknown"));
at("peek").addEventListener("click", () => {
  scrollTo(0, 0);
  at("main").focus({ preventScroll: true });
});
new IntersectionObserver(([{ isIntersecting }]) => at("reach").classList.toggle("past", !isIntersecting)).observe(at("side"));

function adjust(adjusting) {
  at("query").classList.toggle("adjusting", adjusting);
  at("adjust").setAttribute("aria-pressed", String(adjusting));
}

const roomy = matchMedia("(min-width: 60rem)"); // where the picture is large enough to work on

at("adjust").addEventListener("click", () => adjust(!at("query").classList.contains("adjusting")));
roomy.addEventListener("change", () => adjust(roomy.matches));

// Let the box mark a part of the garment, or no longer.
export function markParts(marking) {
  at("query").classList.toggle("marking", marking);
  at("part").setAttribute("aria-pressed", String(marking));
  if (marking) adjust(true);
}

// Show the query, before its response arrives.
export function showQuery(search, { box, garments }, { keep }) {
  const { kind, picture, preview } = search;
  const drawn = kind === "sketch" && (search.queryId === undefined || Boolean(search.strokes));
  document.body.dataset.kind = drawn ? kind : "photo";
  at("query-title").textContent = TEXTS.titles[kind];
  at("paper").hidden = !drawn;
  at("reset").hidden = !search.box;
  if (kind === "item") showPicture(narrowed(preview, WIDE), t("item_picture"));
  else showPicture(drawn ? "" : picture ?? preview, TEXTS.titles[kind]);
  markParts(Boolean(search.part));
  garments.show(search.garments, search.box ? undefined : search.garment);
  if (keep) return;
  at("side").scrollTop = 0;
  adjust(roomy.matches);
  at("query").classList.remove("unsure");
  at("guess").classList.add("unknown");
  at("warning").hidden = true;
  if (drawn || at("picture").hidden || (kind === "photo" && !search.box)) box.hide();
  else box.show(search.box);
}

function showGuess({ category, category_confidence: sure }, { kind, filter }) {
  at("guess").classList.toggle("unknown", !category);
  if (!category) return;
  at("looks").hidden = kind === "item" && sure === 1; // an item's own category is no guess
  at("looks").textContent = t(sure < SURE ? "perhaps" : "looks_like");
  const chip = at("category");
  chip.textContent = capital(category);
  chip.value = category;
  chip.title = t("only", { value: capital(category) });
  chip.setAttribute("aria-pressed", String([filter.category].flat().includes(category)));
}

// Show what was understood of it.
export function showUnderstood(query, search, { box, garments }) {
  showGuess(query, search);
  const own = search.kind === "photo" && !search.box; // nobody has said yet where the garment is
  const unsure = own && !at("picture").hidden && query.warnings.some((warning) => DOUBTS.includes(warning));
  const used = search.kind === "photo" && search.box ? "item" : search.kind;
  const texts = query.warnings.map((warning) => TEXTS.warnings[warning]?.[used]).filter(Boolean);
  tell("warning", [...(unsure ? [t("question")] : []), ...texts].join(" "));
  at("query").classList.toggle("unsure", unsure);
  if (!at("picture").hidden) box.show(search.part ? placed(search.part, query.box) : search.box ?? query.box);
  garments.show(search.garments, search.box ? undefined : query.garment);
}
