// A search as a URL that can be shared, and as a state in the history; below the service's prefix.
//
//   /                    no search yet
//   /?item=ID            the neighbours of an item
//   /?query=ID           an uploaded picture; works while the service keeps it
//   /?kind=sketch        an empty drawing pad; with query=ID what was drawn
//   &garment=N  &box=l,t,r,b  &part=l,t,r,b  &filter={…}  &sort={…}  &duplicates=all      options of the search

import { ROOT, imageOf, uploadOf } from "./service.js";

export const newSearch = (fields) => ({ filter: {}, everything: false, ...fields });

// The same picture with other options.
export const refined = (search, fields) => ({ ...search, carried: undefined, dropped: undefined, ...fields });

// What a URL can't hold: a small copy of the photo, the garments found in it, the strokes of the sketch.
export const stateOf = ({ preview, garments, strokes }) => ({ preview, garments, strokes });

export function addressOf(search) {
  const fields = new URLSearchParams();
  if (search.kind === "item") fields.set("item", search.item);
  if (search.queryId) fields.set("query", search.queryId);
  if (search.kind === "sketch") fields.set("kind", "sketch");
  if (search.garment !== undefined) fields.set("garment", search.garment);
  for (const name of ["box", "part"]) {
    if (search[name]) fields.set(name, search[name].map((side) => side.toFixed(4)).join(","));
  }
  if (Object.keys(search.filter).length) fields.set("filter", JSON.stringify(search.filter));
  if (search.sort) fields.set("sort", JSON.stringify(search.sort));
  if (search.everything) fields.set("duplicates", "all");
  return `${ROOT}/?${fields}`;
}

export const itemAddress = (id) => addressOf(newSearch({ kind: "item", item: id }));

function objectIn(text) {
  try {
    const object = JSON.parse(text);
    return object !== null && typeof object === "object" && !Array.isArray(object) ? object : {};
  } catch {
    return {};
  }
}

function sortIn(text) {
  const { field, order } = objectIn(text);
  return typeof field === "string" && field && ["asc", "desc"].includes(order) ? { field, order } : undefined;
}

function boxIn(text) {
  const box = (text ?? "").split(",").map(Number);
  return box.length === 4 && box.every((part) => part >= 0 && part <= 1) ? box : undefined;
}

const garmentIn = (text) => (/^\d+$/.test(text ?? "") ? Number(text) : undefined);

// The search that a URL describes, or null; what a URL can't hold comes from the history's state.
export function searchAt(place, state) {
  const asked = new URLSearchParams(place.search);
  const [item, queryId] = [asked.get("item"), asked.get("query") ?? undefined];
  const kind = item ? "item" : asked.get("kind") === "sketch" ? "sketch" : "photo";
  if (kind === "photo" && !queryId) return null;
  return newSearch({
    kind,
    item: item ?? undefined,
    queryId: item ? undefined : queryId,
    preview: state?.preview ?? (item ? imageOf(item) : queryId && uploadOf(queryId)),
    garments: state?.garments,
    strokes: state?.strokes,
    garment: garmentIn(asked.get("garment")),
    box: boxIn(asked.get("box")),
    part: boxIn(asked.get("part")),
    filter: objectIn(asked.get("filter")),
    sort: sortIn(asked.get("sort")),
    everything: asked.get("duplicates") === "all",
  });
}
