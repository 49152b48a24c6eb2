// The box on the picture: where the garment was found, or was marked. Fractions: left, top, right, bottom.

import { at, settled } from "./nodes.js";
import { TEXTS, t } from "./words.js";

const WHOLE = [0, 0, 1, 1];
const LEAST = 0.05; // of the picture, each side
const STEP = 0.01;
const TREMOR = 4; // pixels that a finger or mouse may move in a tap
const FAR = 0.1;
const KEY_PAUSE = 500;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// Which sides each grip moves: 0 left, 1 top, 2 right, 3 bottom.
const GRIPS = { "box-move": [0, 1, 2, 3], "box-nw": [0, 1], "box-ne": [2, 1], "box-sw": [0, 3], "box-se": [2, 3] };

const within = (value, low, high) => Math.min(high, Math.max(low, value));

// Move some sides of a box; all four keep their distances, others stop short of the opposite side.
export function moved(box, sides, [x, y]) {
  const [left, top, right, bottom] = box;
  if (sides.length === 4) {
    const dx = within(x, -left, 1 - right);
    const dy = within(y, -top, 1 - bottom);
    return [left + dx, top + dy, right + dx, bottom + dy];
  }
  const next = [...box];
  if (sides.includes(0)) next[0] = within(left + x, 0, right - LEAST);
  if (sides.includes(2)) next[2] = within(right + x, left + LEAST, 1);
  if (sides.includes(1)) next[1] = within(top + y, 0, bottom - LEAST);
  if (sides.includes(3)) next[3] = within(bottom + y, top + LEAST, 1);
  return next;
}

// A box in fractions of another one; and from such fractions to where it is.
export const inside = ([left, top, right, bottom], [x, y, far, low]) => (
  [(left - x) / (far - x), (top - y) / (low - y), (right - x) / (far - x), (bottom - y) / (low - y)]
    .map((side) => within(side, 0, 1)));
export const placed = ([left, top, right, bottom], [x, y, far, low]) => (
  [x + left * (far - x), y + top * (low - y), x + right * (far - x), y + bottom * (low - y)]);

const between = ([ax, ay], [bx, by]) => [Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)];
export const large = ([left, top, right, bottom]) => right - left >= LEAST && bottom - top >= LEAST;

// Show boxes on the picture; `changed` is called with each that the user has drawn, moved or resized, `tapped` with the
// event of a click that does none of it.
export function makeBox(changed, tapped) {
  const [frame, node] = [at("picture"), at("box")];
  let box = WHOLE;
  let drag = null; // {sides, from, start}: a grip that moves; without sides, a box that is drawn
  let pressed = [0, 0]; // where the pointer went down, in pixels
  let still = true; // since then

  function place(next) {
    box = next;
    const [left, top, right, bottom] = box.map((part) => part * 100);
    Object.assign(node.style, { left: `${left}%`, top: `${top}%`, width: `${right - left}%`, height: `${bottom - top}%` });
    node.classList.toggle("whole", box.every((part, side) => Math.abs(part - WHOLE[side]) < 0.01));
    for (const [id, sides] of Object.entries(GRIPS)) {
      const where = sides.map((side) => `${Math.round(box[side] * 100)} %`).join(", ");
      at(id).setAttribute("aria-label", t("box_at", { grip: TEXTS.box_grips[id], sides: where }));
    }
  }

  function pointIn(event) {
    const { left, top, width, height } = frame.getBoundingClientRect();
    return [within((event.clientX - left) / width, 0, 1), within((event.clientY - top) / height, 0, 1)];
  }

  const commit = () => changed(box.map((part) => Math.round(part * 10000) / 10000));
  const commitLater = settled(commit, KEY_PAUSE);

  frame.addEventListener("pointerdown", (event) => {
    [pressed, still] = [[event.clientX, event.clientY], true];
    if (node.hidden || event.button !== 0 || !frame.closest(".adjusting")) return;
    event.preventDefault();
    const grip = event.target.closest("[data-grip]");
    drag = { sides: GRIPS[grip?.id], from: pointIn(event), start: box };
    grip?.focus({ focusVisible: false });
    frame.setPointerCapture(event.pointerId);
  });
  frame.addEventListener("pointermove", (event) => {
    still &&= Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) <= TREMOR;
    if (!drag || still) return;
    const [point, { sides, from, start }] = [pointIn(event), drag];
    const drawn = between(from, point);
    if (sides) place(moved(start, sides, [point[0] - from[0], point[1] - from[1]]));
    else if (large(drawn)) place(drawn);
  });
  function end(commits) {
    if (!drag) return;
    const { start } = drag;
    drag = null;
    if (!commits) place(start);
    else if (start.some((part, side) => Math.abs(part - box[side]) > 0.002)) commit();
  }
  frame.addEventListener("pointerup", () => end(true));
  frame.addEventListener("click", (event) => { if (still && event.detail > 0) tapped(event); }); // 0: a key
  frame.addEventListener("pointercancel", () => end(false));
  frame.addEventListener("keydown", (event) => {
    if (event.key === "Escape") end(false);
    const [sides, arrow] = [GRIPS[event.target.id], ARROWS[event.key]];
    if (!sides || !arrow) return;
    event.preventDefault();
    const step = event.shiftKey ? FAR : STEP;
    place(moved(box, sides, arrow.map((part) => part * step)));
    commitLater();
  });

  return {
    show(next) {
      commitLater.cancel();
      if (drag) return;
      place(next ?? WHOLE);
      node.hidden = false;
    },
    hide() {
      commitLater.cancel();
      drag = null;
      node.hidden = true;
    },
  };
}
