// Pieces of the status page: pictures, which need the key, too, and small nodes.

import { element } from "./nodes.js";
import { send } from "./status-service.js";
import { t } from "./words.js";

const AT_ONCE = 4; // pictures that are asked for at the same time

const waiting = [];
let busy = 0;

async function fetchNext() {
  if (busy >= AT_ONCE || !waiting.length) return;
  busy += 1;
  const [image, address] = waiting.shift();
  try {
    const picture = await (await send(address)).blob();
    image.src = URL.createObjectURL(picture);
    await image.decode().finally(() => URL.revokeObjectURL(image.src));
  } catch {
    image.parentNode?.replaceChildren(t("no_picture"));
  }
  busy -= 1;
  fetchNext();
}

const inSight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) {
      inSight.unobserve(target);
      waiting.push([target, target.dataset.address]);
      fetchNext();
    }
  }
}, { rootMargin: "200px" });

export function picture(address, alt = "") {
  const place = element("div", "picture", address ? "" : t("no_picture"));
  if (address) {
    const image = element("img");
    image.alt = alt;
    image.dataset.address = address;
    place.append(image);
    inSight.observe(image);
  }
  return place;
}

export const badge = (text, kind) => element("span", `badge ${kind}`, text);

export function facts(pairs) {
  const list = element("dl", "facts");
  for (const [name, value] of pairs) {
    const pair = element("div");
    pair.append(element("dt", "", name), element("dd", "", value));
    list.append(pair);
  }
  return list;
}

export function button(text, action) {
  const node = element("button", "", text);
  node.type = "button";
  node.addEventListener("click", action);
  return node;
}
