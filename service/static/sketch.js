// The drawing pad: strokes of points on paper of 1000 by 1250, with undo, and as a PNG of dark lines on white.

import { at, element, settled } from "./nodes.js";

const [WIDTH, HEIGHT] = [1000, 1250];
const PEN = 12;
const APART = 4; // least distance of two points of a stroke
const STEP = 12; // distance of two points of an outline that a sketch starts with
const PNG_WIDTH = 400;
const PAUSE = 300; // of the hand, in milliseconds, after which is searched

function trace(context, stroke) {
  context.beginPath();
  context.moveTo(...stroke[0]);
  for (let at = 1; at < stroke.length - 1; at += 1) {
    const [[x, y], [nextX, nextY]] = [stroke[at], stroke[at + 1]];
    context.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
  }
  context.lineTo(...stroke.at(-1));
  context.stroke();
}

function paint(canvas, strokes) {
  const context = canvas.getContext("2d");
  const scale = canvas.width / WIDTH;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, WIDTH, HEIGHT);
  Object.assign(context, { lineWidth: PEN, lineCap: "round", lineJoin: "round", strokeStyle: "#1d1b18" });
  for (const stroke of strokes) trace(context, stroke);
}

// The lines of an outline, paths of an SVG of this size, as strokes.
function strokesIn(svg) {
  return [...svg.children].map((path) => {
    const length = path.getTotalLength();
    return Array.from({ length: Math.ceil(length / STEP) + 1 }, (_, step) => {
      const { x, y } = path.getPointAtLength(Math.min(step * STEP, length));
      return [Math.round(x), Math.round(y)];
    });
  });
}

// The strokes as a file to search with.
export function drawingOf(strokes) {
  const canvas = element("canvas");
  [canvas.width, canvas.height] = [PNG_WIDTH, (PNG_WIDTH * HEIGHT) / WIDTH];
  paint(canvas, strokes);
  return new Promise((done) => { canvas.toBlob(done, "image/png"); });
}

// The pad on the page; `changed` is called with all strokes whenever drawing pauses.
export function makePad(changed) {
  const canvas = at("pad");
  let strokes = [];
  let before = []; // what undo goes back to, the latest last
  let drawing = null;

  function refresh() {
    paint(canvas, drawing ? [...strokes, drawing] : strokes);
    const empty = strokes.length === 0;
    canvas.parentElement.classList.toggle("blank-paper", empty && !drawing);
    at("undo").disabled = before.length === 0;
    at("clear").disabled = empty;
  }

  const tell = settled(() => changed(drawing ? [...strokes, drawing] : strokes), PAUSE);

  function change(next) {
    before.push(strokes);
    strokes = next;
    refresh();
    tell();
  }

  function undo() {
    if (drawing || !before.length) return;
    strokes = before.pop();
    refresh();
    tell();
  }

  function add(event) {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    const point = [
      Math.round(((event.clientX - left) / width) * WIDTH),
      Math.round(((event.clientY - top) / height) * HEIGHT),
    ];
    const last = drawing.at(-1);
    if (!last || Math.hypot(point[0] - last[0], point[1] - last[1]) >= APART) drawing.push(point);
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || drawing) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    drawing = [];
    add(event);
    tell.cancel();
    refresh();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const part of events.length ? events : [event]) add(part);
    refresh();
    tell();
  });
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, () => {
      if (!drawing) return;
      const stroke = drawing;
      drawing = null;
      change([...strokes, stroke]);
    });
  }
  at("undo").addEventListener("click", undo);
  at("clear").addEventListener("click", () => change([]));
  for (const start of at("starts").children) {
    start.addEventListener("click", () => change(strokesIn(start.firstElementChild)));
  }
  addEventListener("keydown", (event) => {
    if (event.key !== "z" || !(event.ctrlKey || event.metaKey) || canvas.offsetParent === null) return;
    if (event.target.closest("input")) return;
    event.preventDefault();
    undo();
  });

  return {
    // Show strokes; those on the paper already keep their undo history.
    show(next = []) {
      if (next.length === strokes.length && JSON.stringify(next) === JSON.stringify(strokes)) {
        refresh();
        return;
      }
      tell.cancel();
      [strokes, before, drawing] = [next, [], null];
      refresh();
    },
  };
}
