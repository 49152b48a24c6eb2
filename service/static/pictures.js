// Pictures of items, as wide as they are shown.

import { element } from "./nodes.js";
import { SETTINGS } from "./words.js";

const WIDTHS = SETTINGS.widths;
const AGAIN = 1000; // milliseconds until a picture is asked for once more, where there was a queue

// The address of a thumbnail.
export const narrowed = (address, width) => `${address}${address.includes("?") ? "&" : "?"}width=${width}`;

// The picture of an item; `sizes` says how wide the page shows it.
export function picture(result, sizes, { lazy = true } = {}) {
  const image = element("img");
  const choice = WIDTHS.map((width) => `${narrowed(result.image_url, width)} ${width}w`).join(", ");
  image.alt = "";
  image.decoding = "async";
  if (lazy) image.loading = "lazy";
  image.sizes = sizes;
  image.srcset = choice;
  image.src = narrowed(result.image_url, WIDTHS[1]);
  image.addEventListener("error", () => {
    image.addEventListener("error", () => image.classList.add("missing"));
    setTimeout(() => { image.srcset = choice; }, AGAIN);
  }, { once: true });
  return image;
}
