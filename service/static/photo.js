// Photographs from the user: chosen, taken, dropped or pasted.

import { at, element } from "./nodes.js";

const PREVIEW_SIDE = 480; // pixels of the picture that the history keeps of an upload

// A small copy of an upload, as a data URL that the history keeps over a reload.
export async function preview(file) {
  const image = await createImageBitmap(file, { imageOrientation: "from-image" });
  const scale = Math.min(1, PREVIEW_SIDE / Math.max(image.width, image.height));
  const canvas = element("canvas");
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  return canvas.toDataURL("image/jpeg", 0.85);
}

function pictureIn(transfer) {
  const files = [...(transfer?.files ?? [])];
  return files.find((file) => file.type.startsWith("image/")) ?? files[0];
}

function listenToDrops(take) {
  let depth = 0; // dragenter and dragleave come for every child
  const veil = () => document.body.classList.toggle("dropping", depth > 0);
  addEventListener("dragenter", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    depth += 1;
    veil();
  });
  addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    veil();
  });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    veil();
    const file = pictureIn(event.dataTransfer);
    if (file) take(file);
  });
}

// Call `take` with every file that the user provides.
export function listenToPhotos(take) {
  for (const id of ["file", "camera"]) {
    at(id).addEventListener("change", () => {
      const [file] = at(id).files;
      at(id).value = "";
      if (file) take(file);
    });
  }
  for (const id of ["drop", "again", "other"]) at(id).addEventListener("click", () => at("file").click());
  at("shoot").addEventListener("click", () => at("camera").click());
  listenToDrops(take);
  addEventListener("paste", (event) => {
    const file = pictureIn(event.clipboardData);
    if (file) take(file);
  });
}
