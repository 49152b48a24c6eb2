// The results: cards, placeholders, and the lines above and below them.

import { itemAddress } from "./address.js";
import { at, element, say } from "./nodes.js";
import { picture } from "./pictures.js";
import { whyButton } from "./why.js";
import { sortWords } from "./sorting.js";
import { amount, many, nameOf, pageOf, percent, priceOf } from "./words.js";

const FIRST = 8; // results that the confidence speaks of
const FRAME_RATIO = 3 / 4; // width to height of a result's frame
const NEARLY = 1.12;
const AT_ONCE = 12; // pictures that are loaded before one scrolls to them
const BLANKS = 8;
const HEAD = 1000; // results that are sorted
// How wide a card is; on a phone with three pixels for one of CSS, two of the picture's are enough.
const SIZES = "(min-width: 60rem) 12rem, (min-width: 40rem) 30vw, (min-resolution: 2.5dppx) calc(33vw - .9rem), "
  + "calc(50vw - 1.4rem)";
const NOTES = ["distant", "nothing", "pending", "more", "legend"];

export function link(result, className) {
  const anchor = element("a", className);
  anchor.href = itemAddress(result.item_id);
  anchor.dataset.item = result.item_id;
  anchor.dataset.image = result.image_url;
  return anchor;
}

// Fill the frame where hardly anything would be cropped; otherwise show the whole picture on a backdrop.
function fit(image) {
  const ratio = image.naturalWidth / image.naturalHeight / FRAME_RATIO;
  image.classList.toggle("fill", ratio > 1 / NEARLY && ratio < NEARLY);
}

function frame(result) {
  const node = element("span", "frame");
  const lazy = result.rank > AT_ONCE;
  const backdrop = picture(result, SIZES, { lazy });
  backdrop.className = "backdrop";
  const image = picture(result, SIZES, { lazy });
  image.addEventListener("load", () => fit(image));
  node.append(backdrop, image);
  return node;
}

// Draw where the part was found; `fit` says how the picture lies in its frame.
function mark(node, box) {
  node.querySelector(".found-part")?.remove();
  if (!box) return;
  const [drawn, image] = [element("span", "found-part"), node.querySelector("img:not(.backdrop)")];
  const place = () => {
    const ratio = image.naturalWidth / image.naturalHeight / FRAME_RATIO;
    const wide = image.classList.contains("fill") ? Math.max(ratio, 1) : Math.min(ratio, 1);
    const tall = wide / ratio;
    const [left, top, right, bottom] = box.map((side, axis) => 50 + 100 * (side - 0.5) * (axis % 2 ? tall : wide));
    Object.assign(drawn.style, { left: `${left}%`, top: `${top}%`, width: `${right - left}%`, height: `${bottom - top}%` });
    node.append(drawn);
  };
  if (image.complete && image.naturalWidth) place();
  else image.addEventListener("load", place, { once: true });
}

function priceTag({ now, before }) {
  const tag = element("span", "price", now);
  if (before) {
    const old = element("s", "", before);
    old.setAttribute("aria-label", `instead of ${before}`);
    tag.append(" ", old);
  }
  return tag;
}

function shopLink(page, name) {
  const anchor = element("a", "shop", "In the shop");
  Object.assign(anchor, { href: page, target: "_blank", rel: "noopener noreferrer" });
  anchor.setAttribute("aria-label", `${name} in the shop, in a new window`);
  return anchor;
}

// A card; it reuses the frame of an earlier card of the same item, whose picture is loaded already.
function card(result, sort, known = frame(result)) {
  const [entry, anchor, name] = [element("li"), link(result, "card"), nameOf(result)];
  mark(known, result.part_box);
  const near = element("span", "near", `Closer than ${percent(result.percentile)}`);
  near.append(element("span", "roomy", " of pairs"));
  const [price, page] = [priceOf(result), pageOf(result)];
  const value = sort && sort.field !== "price" ? amount(result.metadata[sort.field]) : "";
  const shown = [...(price ? [priceTag(price)] : []), ...(value ? [element("span", "amount", value)] : [])];
  anchor.append(known, element("span", "name", name), ...shown, near);
  const said = [`${result.rank}`, name, ...(price ? [price.now] : []), ...(value ? [value] : []), near.textContent];
  anchor.setAttribute("aria-label", `${said.join(". ")}. Search from this garment.`);
  entry.append(anchor, ...(page ? [shopLink(page, name)] : []));
  if (result.explain_url) {
    anchor.setAttribute("aria-keyshortcuts", "w");
    entry.append(whyButton(result, name));
  }
  return entry;
}

function blanks() {
  return Array.from({ length: BLANKS }, () => {
    const entry = element("li", "blank");
    entry.setAttribute("aria-hidden", "true");
    entry.append(element("span", "frame"), element("span", "name"), element("span", "near"));
    return entry;
  });
}

function showNext(answer) {
  at("more").hidden = answer.next_offset === null;
}

// What is said of a doubtful answer: how many of the first results are expected to be right, where that is known.
function doubt({ query, results }, { filtered, sort }) {
  if (query.confidence !== undefined) {
    const first = Math.min(FIRST, results.length);
    const right = Math.round(query.confidence * first) || "none";
    return `Not sure: ${right} of the ${many(first, "nearest garment")} can be expected to have this shape.`;
  }
  const where = filtered ? "Nothing that passes the filters" : "Nothing in the catalogue";
  const best = sort ? "" : `: the best match is closer than ${percent(results[0].percentile)} of pairs`;
  return `${where} is really close in shape${best}. These are the nearest there are.`;
}

function orderOf(total, sort) {
  if (!sort) return "the nearest first";
  return total > HEAD ? `the nearest ${HEAD.toLocaleString("en")} ${sortWords(sort)}` : sortWords(sort);
}

// Show that a search is running: instead of the present results, or beside them.
export function showWaiting({ keep }) {
  at("results").setAttribute("aria-busy", "true");
  if (keep) return;
  for (const id of NOTES) at(id).hidden = true;
  at("summary").textContent = "Looking…";
  at("results").replaceChildren(...blanks());
  say("Searching");
}

export function showResults(answer, { filtered, sort }) {
  const { results, total } = answer;
  const cards = at("results").querySelectorAll(".card");
  const frames = new Map([...cards].map((node) => [node.dataset.item, node.firstChild]));
  at("results").replaceChildren(...results.map((result) => card(result, sort, frames.get(result.item_id))));
  at("results").removeAttribute("aria-busy");
  at("summary").textContent = results.length ? `${many(total, "garment")}, ${orderOf(total, sort)}` : "";
  const doubtful = results.length > 0 && answer.query.warnings.includes("nothing_close");
  at("distant").hidden = !doubtful;
  at("distant").textContent = doubtful ? doubt(answer, { filtered, sort }) : "";
  at("nothing").hidden = results.length > 0;
  at("unfilter").hidden = !filtered;
  at("nothing-text").textContent = filtered
    ? "No garment in the catalogue passes these filters."
    : "There is no other garment in the catalogue yet.";
  at("legend").hidden = results.length === 0;
  showNext(answer);
  const found = `${many(results.length, "garment")} found, ${orderOf(total, sort)}.`;
  say(results.length ? found : at("nothing-text").textContent);
}

// No search yet: an empty pad.
export function showNone() {
  for (const id of NOTES) at(id).hidden = id !== "pending";
  at("results").replaceChildren();
  at("results").removeAttribute("aria-busy");
  at("summary").textContent = "";
}

export function addResults(answer, { sort }) {
  const cards = answer.results.map((result) => card(result, sort));
  at("results").append(...cards);
  cards[0]?.firstChild.focus({ preventScroll: true });
  showNext(answer);
  say(`${many(cards.length, "garment")} more.`);
}
