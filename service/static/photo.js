// Photographs from the user: chosen, taken, dropped or pasted.

import { at, element } from "./nodes.js";

const DROPPED = ["Files", "text/uri-list"]; // what may be a picture, or lead to one
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

// The address that was dropped or pasted, if any.
function addressIn(transfer) {
  const text = transfer?.getData("text/uri-list") || transfer?.getData("text/plain") || "";
  return text.split("\n").map((line) => line.trim()).find((line) => /^https?:\/\/\S+$/i.test(line) && URL.canParse(line));
}

function listenToDrops(take) {
  let depth = 0; // dragenter and dragleave come for every child
  const veil = () => document.body.classList.toggle("dropping", depth > 0);
  addEventListener("dragenter", (event) => {
    if (!event.dataTransfer?.types.some((type) => DROPPED.includes(type))) return;
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
    take(event.dataTransfer);
  });
}

// Call `take` with every file that the user provides, `visit` with every address.
export function listenToPhotos(take, visit) {
  const receive = (transfer) => {
    const [file, address] = [pictureIn(transfer), addressIn(transfer)];
    if (file) take(file);
    else if (address) visit(address);
  };
  for (const id of ["file", "camera"]) {
    at(id).addEventListener("change", () => {
      const [file] = at(id).files;
      at(id).value = "";
      if (file) take(file);
    });
  }
  for (const id of ["drop", "again", "other"]) at(id).addEventListener("click", () => at("file").click());
  at("shoot").addEventListener("click", () => at("camera").click());
  listenToDrops(receive);
  addEventListener("paste", (event) => {
    if (!event.target.closest?.("input")) receive(event.clipboardData);
  });
}
