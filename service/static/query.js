// The query: the picture with its box and garments, or the pad; and what was understood of it.

import { placed } from "./box.js";
import { at } from "./nodes.js";
import { narrowed } from "./pictures.js";
import { capital } from "./words.js";

const WIDE = 640; // pixels of the picture of an item that is searched from
const SURE = 0.8; // confidence above which 91 of 100 guesses were right; below it, about half

const TITLES = { item: "This garment", photo: "Your photo", sketch: "Your sketch" };

const FIELD = "No garment has one of the fields that this search filters or sorts by.";

// The text of each warning, by the type of the query.
const WARNINGS = {
  garment_not_found: {
    item: "No garment stood out in this part of the picture, so all of it was used.",
    photo: "No garment stood out from the background, so the whole picture was used. "
      + "A plain background and the whole garment in view work best; or draw the box around it.",
    sketch: "No outline was recognised yet. One closed line around the garment works best.",
  },
  several_garments: {
    // the chips say it
  },
  cutout_uncertain: {
    item: "The outline of the garment is uncertain.",
    photo: "The outline of the garment is uncertain. If the matches look wrong, draw the box closer around it.",
  },
  nothing_close: {
    // the line above the results says it
  },
  filter_field_unknown: {
    item: FIELD,
    photo: FIELD,
    sketch: FIELD,
  },
};

function showPicture(source, alt) {
  const image = at("query-image");
  if (source) image.src = source;
  else image.removeAttribute("src");
  image.alt = source ? alt : "";
  at("picture").hidden = !source;
}

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
  const drawn = kind === "sketch";
  document.body.dataset.kind = kind;
  at("query-title").textContent = TITLES[kind];
  at("paper").hidden = !drawn || (search.queryId !== undefined && !search.strokes);
  at("reset").hidden = !search.box;
  if (kind === "item") showPicture(narrowed(preview, WIDE), "The garment searched from");
  else if (!drawn) showPicture(picture ?? preview, "Your photo");
  else showPicture(undefined);
  at("adjust").hidden = at("part").hidden = at("picture").hidden;
  markParts(Boolean(search.part));
  garments.show(search.garments, search.box ? undefined : search.garment);
  if (keep) return;
  adjust(roomy.matches);
  for (const id of ["guess", "warning"]) at(id).hidden = true;
  if (drawn || at("picture").hidden || (kind === "photo" && !search.box)) box.hide();
  else box.show(search.box);
}

// Show what was understood of it.
export function showUnderstood(query, search, { box, garments }) {
  const { category, category_confidence: sure, warnings } = query;
  at("guess").hidden = !category;
  at("looks").hidden = search.kind === "item" && sure === 1; // an item's own category is no guess
  at("category").textContent = category ? capital(category) : "";
  at("looks").textContent = sure < SURE ? "Perhaps" : "Looks like";
  const used = search.kind === "photo" && search.box ? "item" : search.kind;
  const texts = warnings.map((warning) => WARNINGS[warning]?.[used]).filter(Boolean);
  at("warning").hidden = texts.length === 0;
  at("warning").textContent = texts.join(" ");
  if (!at("picture").hidden) box.show(search.part ? placed(search.part, query.box) : search.box ?? query.box);
  garments.show(search.garments, search.box ? undefined : query.garment);
}
