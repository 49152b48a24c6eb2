// Why a result matched: both outlines over each other and what agrees, while its button is hovered or pressed, the
// card is held down, or W is.

import { at, button, element, say } from "./nodes.js";
import { agreement, percentileWords, t } from "./words.js";

const HOLD = 400; // milliseconds until a press is a hold
const SVG_TYPE = "image/svg+xml";

// The button of one result; its entry needs an `explain_url`.
export function whyButton(result, name) {
  const node = button("why", "", t("why_of", { name, n: result.rank }));
  node.title = t("why");
  Object.assign(node.dataset, { drawing: result.explain_url, name, figure: percentileWords(result.percentile) });
  node.setAttribute("aria-pressed", "false");
  node.append(at("why-icon").content.cloneNode(true));
  return node;
}

// Announce what the shown overlay of a pressed button tells.
function tell(entry) {
  const told = entry.querySelector(".overlay img")?.alt;
  if (told && entry.querySelector(".why").getAttribute("aria-pressed") === "true") say(told);
}

async function load(node, { drawing, name, figure }) {
  const answer = await fetch(drawing);
  if (!answer.ok) throw new Error(answer.statusText);
  const text = await answer.text();
  const sentence = agreement(new DOMParser().parseFromString(text, SVG_TYPE).querySelector("title").textContent);
  const [image, key] = [element("img"), element("span", "key")];
  image.alt = `${t("overlay", { name, sentence })} ${figure}.`;
  image.src = `data:${SVG_TYPE},${encodeURIComponent(text)}`;
  const said = element("span", "said", sentence);
  for (const part of [key, said]) part.setAttribute("aria-hidden", "true");
  key.append(...["yours", "theirs", "alike"].map((one) => element("span", one, t(one))));
  node.replaceChildren(image, said, key);
}

function overlay(entry, data) {
  const node = element("span", "overlay");
  load(node, data).then(() => tell(entry)).catch(() => {
    node.replaceChildren(element("span", "lost", t("outlines_lost")));
  });
  return node;
}

function reveal(entry) {
  const button = entry?.querySelector(".why");
  if (!button || entry.classList.contains("explained")) return;
  if (!entry.querySelector(".overlay")) entry.append(overlay(entry, button.dataset));
  entry.classList.add("explained");
}

function conceal(entry) {
  if (entry?.querySelector(".why")?.getAttribute("aria-pressed") === "false") entry.classList.remove("explained");
}

function press(button) {
  const pressed = button.getAttribute("aria-pressed") !== "true";
  for (const other of at("results").querySelectorAll(".why[aria-pressed=true]")) {
    other.setAttribute("aria-pressed", "false");
    conceal(other.closest("li"));
  }
  button.setAttribute("aria-pressed", String(pressed));
  const entry = button.closest("li");
  if (!pressed) return conceal(entry);
  reveal(entry);
  return tell(entry);
}

function listenToHolds(list) {
  let timer = 0;
  let held = null; // the entry whose card is held down
  let wasHeld = false; // the click that follows is no click
  list.addEventListener("pointerdown", (event) => {
    const card = event.target.closest(".card");
    wasHeld = false;
    if (!card || event.button !== 0) return;
    timer = setTimeout(() => {
      held = card.closest("li");
      wasHeld = Boolean(held.querySelector(".why"));
      reveal(held);
    }, HOLD);
  });
  const release = () => {
    clearTimeout(timer);
    conceal(held);
    held = null;
  };
  for (const name of ["pointerup", "pointercancel"]) addEventListener(name, release);
  list.addEventListener("contextmenu", (event) => { if (held) event.preventDefault(); });
  list.addEventListener("dragstart", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    if (wasHeld) event.preventDefault();
    wasHeld = false;
  });
}

// Listen on the list of results for hover, press, hold and the key W.
export function listenToWhy() {
  const list = at("results");
  list.addEventListener("click", (event) => {
    const button = event.target.closest(".why");
    if (button) press(button);
  });
  list.addEventListener("pointerover", (event) => {
    if (event.pointerType === "mouse" && event.target.closest(".why")) reveal(event.target.closest("li"));
  });
  list.addEventListener("pointerout", (event) => {
    if (event.target.closest(".why")) conceal(event.target.closest("li"));
  });
  list.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "w" && !event.ctrlKey && !event.metaKey) reveal(event.target.closest("li"));
  });
  list.addEventListener("keyup", (event) => {
    if (event.key.toLowerCase() === "w") conceal(event.target.closest("li"));
  });
  list.addEventListener("focusout", (event) => conceal(event.target.closest("li")));
  listenToHolds(list);
}
