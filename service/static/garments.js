// The garments found in the picture: a chip for each, and its outline over the picture; a tap on either chooses it.

import { at, button } from "./nodes.js";
import { garmentName } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const NEAR = 10; // pixels; a tap this close to a garment, and on no other, is meant for it
const AROUND = [-1, 0, 1].flatMap((x) => [-1, 0, 1].map((y) => [x, y]));
const PLACES = [[0, 0], ...AROUND].map((place) => place.map((part) => part * NEAR));

// A name for each garment; those of one type are numbered.
function namesOf(garments) {
  const names = garments.map(({ type }) => garmentName(type));
  const count = (name, among) => among.filter((other) => other === name).length;
  return names.map((name, place) => (
    count(name, names) === 1 ? name : `${name} ${count(name, names.slice(0, place + 1))}`));
}

function chip(name, number) {
  const node = button("button small", name);
  node.dataset.garment = number;
  return node;
}

function outline({ outline: polygons }) {
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", polygons.map((corners) => `M${corners.map((corner) => corner.join(" ")).join("L")}Z`).join(""));
  return path;
}

// Show garments; `chosen` is called with the number of the one that the user has chosen.
export function makeGarments(chosen) {
  const [chips, outlines, frame] = [at("garments"), at("outlines"), at("picture")];
  let shown = [];
  let searched; // its number; undefined where none of them is searched with

  const several = () => shown.length > 1;

  // The number of the garment at a point, in pixels of the window; -1 where there is none.
  function numberAt({ clientX, clientY }) {
    const { left, top, width, height } = frame.getBoundingClientRect();
    const paths = several() ? [...outlines.children] : [];
    for (const [x, y] of PLACES) {
      const point = new DOMPoint((clientX + x - left) / width, (clientY + y - top) / height);
      const number = paths.findIndex((path) => path.isPointInFill(point));
      if (number >= 0) return number;
    }
    return -1;
  }

  function mark(name, number) {
    for (const [other, path] of [...outlines.children].entries()) path.classList.toggle(name, other === number);
  }

  const pointOut = (number) => mark("meant", number);

  function choose(number) {
    if (number >= 0 && number !== searched) chosen(number);
  }

  const numberOf = ({ target }) => Number(target.dataset.garment ?? -1);
  chips.addEventListener("click", (event) => choose(numberOf(event)));
  for (const name of ["pointerover", "focusin"]) chips.addEventListener(name, (event) => pointOut(numberOf(event)));
  for (const name of ["pointerout", "focusout"]) chips.addEventListener(name, () => pointOut(-1));
  frame.addEventListener("pointermove", (event) => {
    const number = event.pointerType === "mouse" && event.buttons === 0 ? numberAt(event) : -1;
    frame.classList.toggle("choosing", number >= 0 && number !== searched);
    pointOut(number);
  });
  frame.addEventListener("pointerleave", () => pointOut(-1));

  return {
    // Show what was found, and which of it is searched with; undefined where none of it is.
    show(garments = [], number) {
      if (JSON.stringify(garments) !== JSON.stringify(shown)) {
        shown = garments;
        outlines.replaceChildren(...shown.map(outline));
        chips.replaceChildren(...(several() ? namesOf(shown).map(chip) : []));
        chips.hidden = !several();
      }
      searched = number;
      mark("searched", number);
      for (const [other, node] of [...chips.children].entries()) {
        node.setAttribute("aria-pressed", String(other === number));
      }
    },
    // A tap on the picture.
    tap: (event) => choose(numberAt(event)),
  };
}
