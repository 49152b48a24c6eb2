// The results: cards, placeholders, and the lines above and below them.

import { itemAddress } from "./address.js";
import { at, element, say, tell } from "./nodes.js";
import { picture } from "./pictures.js";
import { productOf } from "./product.js";
import { whyButton } from "./why.js";
import { isPrice, sortWords } from "./sorting.js";
import { SETTINGS, amount, closeness, figures, percent, percentileWords, t } from "./words.js";

const FIRST = 8; // results that the confidence speaks of
const FRAME_RATIO = 3 / 4; // width to height of a result's frame
const NEARLY = 1.12;
const AT_ONCE = 12; // pictures that are loaded before one scrolls to them
const BLANKS = 8;
const HEAD = 1000; // results that are sorted
// How wide a card is; on a phone with three pixels for one of CSS, two of the picture's are enough.
const SIZES = "(min-width: 60rem) 12rem, (min-width: 40rem) 30vw, (min-resolution: 2.5dppx) calc(33vw - .9rem), "
  + "calc(50vw - 1.4rem)";
const NOTES = ["distant", "nothing", "pending", "more", "end", "legend"];

const list = at("results");
let doubtful = false; // nothing is said to be close while the answer is not sure of its first results

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
  const fills = image.classList.toggle("fill", ratio > 1 / NEARLY && ratio < NEARLY);
  if (fills || image.previousSibling) return;
  image.before(image.cloneNode());
  image.previousSibling.className = "backdrop";
}

function frame(result) {
  const node = element("span", "frame");
  node.dataset.more = t("more_like_this");
  const image = picture(result, SIZES, { lazy: result.rank > AT_ONCE });
  image.addEventListener("load", () => fit(image));
  node.append(image);
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
    drawn.hidden = false;
  };
  drawn.hidden = true; // until the picture is there
  node.append(drawn);
  if (image.complete && image.naturalWidth) place();
  else image.addEventListener("load", place, { once: true });
}

const isAddress = (value) => /^https?:\/\//i.test(value);
const productIn = (result) => productOf(result, SETTINGS.fields, isAddress);

// What an item is called where it must have a name.
export const nameOf = (result) => productIn(result).title ?? t("garment");

function priceTag(now, before) {
  const tag = element("span", "price", now);
  if (before) {
    const old = element("s", "", before);
    old.setAttribute("aria-label", t("before", { price: before }));
    tag.append(" ", old);
  }
  return tag;
}

function shopLink(page, name) {
  const anchor = element("a", "shop", t("in_shop"));
  Object.assign(anchor, { href: page, target: "_blank", rel: "noopener noreferrer" });
  anchor.setAttribute("aria-label", t("in_shop_of", { name }));
  return anchor;
}

// Whether a part was searched for: how alike the whole is, and whether it is sure, is not asked then.
const byPart = (result) => result.part_score !== undefined;

// A card; it reuses the frame of an earlier card of the same item, whose picture is loaded already.
function card(result, sort, known = frame(result)) {
  const [entry, anchor] = [element("li"), link(result, "card")];
  const { title, brand, price, before, currency, link: page, soldOut } = productIn(result);
  const name = title ?? t("garment");
  const [now, old] = [price, before].map((value) => amount(value, currency, 2));
  mark(known, result.part_box);
  const near = element("span", "near", byPart(result) ? "" : closeness(doubtful ? 0 : result.percentile));
  near.title = percentileWords(result.percentile);
  near.dataset.figure = percent(result.percentile);
  const value = sort && !isPrice(sort.field) ? amount(result.metadata[sort.field]) : "";
  const gone = soldOut ? t("sold_out") : "";
  const shown = [["maker", brand], ["name", title], ["amount", value], ["gone", gone]].filter(([, text]) => text);
  anchor.append(known, ...shown.map(([kind, text]) => element("span", kind, text)), ...(now ? [priceTag(now, old)] : []), near);
  const said = [`${result.rank}`, name, brand, now, value, gone, near.textContent].filter(Boolean);
  anchor.setAttribute("aria-label", `${said.join(". ")}. ${t("search_from")}`);
  entry.classList.toggle("sold-out", soldOut);
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

function showNext({ next_offset: next, total, results }) {
  at("more").hidden = next === null;
  tell("end", next === null && results.length > 0 ? t("end_n", { n: total }) : "");
}

// What is said of a doubtful answer: how many of the first results are expected to be right, where that is known.
function doubt({ query, results }, filtered) {
  if (query.confidence === undefined) return t(filtered ? "distant_filtered" : "distant");
  const n = Math.min(FIRST, results.length);
  const right = Math.round(query.confidence * n);
  return t("doubt", { n, right: right ? figures(right) : t("none") });
}

function orderOf(total, sort) {
  if (!sort) return t("nearest_first");
  return total > HEAD ? t("nearest_n", { n: HEAD, order: sortWords(sort) }) : sortWords(sort);
}

// Show that a search is running: instead of the present results, or beside them.
export function showWaiting({ keep }) {
  list.setAttribute("aria-busy", "true");
  if (keep) return;
  for (const id of NOTES) at(id).hidden = true;
  at("summary").textContent = t("looking");
  list.replaceChildren(...blanks());
  say(t("searching"));
}

export function showResults(answer, { filtered, sort }) {
  const { results, total } = answer;
  doubtful = results.length > 0 && !byPart(results[0]) && answer.query.warnings.includes("nothing_close");
  const cards = list.querySelectorAll(".card");
  const frames = new Map([...cards].map((node) => [node.dataset.item, node.firstChild]));
  list.replaceChildren(...results.map((result) => card(result, sort, frames.get(result.item_id))));
  list.removeAttribute("aria-busy");
  const told = { garments: t("garments_n", { n: total }), order: orderOf(total, sort) };
  at("summary").textContent = results.length ? t("summary", told) : "";
  tell("distant", doubtful ? doubt(answer, filtered) : "");
  at("nothing").hidden = results.length > 0;
  at("unfilter").hidden = !filtered;
  at("nothing-text").textContent = t(filtered ? "nothing_filtered" : "nothing");
  at("legend").hidden = results.length === 0;
  showNext(answer);
  say(results.length ? t("found_n", told) : at("nothing-text").textContent);
}

// No search yet: an empty pad.
export function showNone() {
  for (const id of NOTES) at(id).hidden = id !== "pending";
  list.replaceChildren();
  list.removeAttribute("aria-busy");
  at("summary").textContent = "";
}

// Add the results of a further page to those of an answer; where the button was pressed, the first of them is focused.
export function addResults(answer, { results }, { sort, pressed }) {
  const cards = results.map((result) => card(result, sort));
  list.append(...cards);
  if (pressed) cards[0]?.firstChild.focus({ preventScroll: true });
  showNext(answer);
  say(t("more_n", { n: cards.length }));
}
