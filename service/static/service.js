// The API as the page uses it: which search is asked for, and errors in words.

import { SETTINGS, TEXTS, filled } from "./words.js";

const QUEUE = ["index_not_ready", "overloaded", "too_many_requests"]; // what is tried again without being asked to
const PASSING = ["", "unreachable", ...QUEUE]; // where a retry may succeed

// Why there is no answer, in words; a code without words of its own is told in general ones.
export class Failure extends Error {
  constructor(code, retryAfter = 0) {
    const known = code in TEXTS.failures ? code : "";
    const [title, text] = TEXTS.failures[known];
    const { accepted, bytes, minutes } = SETTINGS;
    super(filled(text, { accepted, minutes, megabytes: Math.floor(bytes / 2 ** 20) }));
    Object.assign(this, { title, retryAfter, queued: QUEUE.includes(known), passing: PASSING.includes(known) });
  }
}

// Where the service is: the path that this script lies below, such as /shop; empty at the root.
export const ROOT = new URL("..", import.meta.url).pathname.slice(0, -1);

// Slashes in an id stay, unless `..` would lead to another call.
function itemPath(id, tail) {
  const parts = id.split("/");
  return `/v1/items/${parts.map(encodeURIComponent).join(parts.some((part) => /^\.\.?$/.test(part)) ? "%2F" : "/")}${tail}`;
}

async function ask(path, { signal, ...request } = {}) {
  const response = await fetch(ROOT + path, { ...request, signal }).catch((error) => {
    throw error.name === "AbortError" ? error : new Failure("unreachable");
  });
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  throw new Failure(body.code, Number(response.headers.get("Retry-After")) || 0);
}

// Fields as text: what is no text is JSON.
const texts = (fields) => Object.entries(fields).map(([name, value]) => [
  name, typeof value === "string" ? value : JSON.stringify(value)]);

function formOf({ file, ...fields }) {
  const form = new FormData();
  for (const [name, value] of texts(fields)) form.append(name, value);
  form.append("file", file);
  return form;
}

function post({ file, ...fields }, signal) {
  const headers = { "Content-Type": "application/json" };
  const sent = file ? { body: formOf({ file, ...fields }) } : { headers, body: JSON.stringify(fields) };
  return ask("/v1/search", { method: "POST", ...sent, signal });
}

export const imageOf = (id) => ROOT + itemPath(id, "/image");

// The picture of an earlier search, while it is kept.
export const uploadOf = (queryId) => `${ROOT}/queries/${queryId}.jpg`;

// Which version of the index answers, and what it can be filtered by.
export const learn = () => ask("/v1/index");

// The fields beside the picture; defaults are left out.
function fieldsOf(search, page) {
  const fields = { ...page, explain: true };
  if (!search.everything) fields.collapse_duplicates = true;
  if (Object.keys(search.filter).length) fields.filter = search.filter;
  if (search.box) fields.box = search.box;
  else if (search.garment !== undefined) fields.garment = search.garment;
  if (search.part) fields.part = search.part;
  if (search.kind === "sketch") fields.kind = "sketch";
  if (search.sort) fields.sort = search.sort;
  return fields;
}

const similar = (id, fields, signal) => ask(`${itemPath(id, "/similar")}?${new URLSearchParams(texts(fields))}`, { signal });

async function answer(search, fields, signal) {
  if (search.kind === "item") {
    if (!fields.box && !fields.part && fields.garment === undefined) return similar(search.item, fields, signal);
    const found = await post({ item_id: search.item, ...fields }, signal);
    found.results = found.results.filter((result) => result.item_id !== search.item);
    return found;
  }
  const { queryId, address, file } = search;
  const picture = queryId ? { query_id: queryId } : address ? { image_url: address } : { file };
  return post({ ...picture, ...fields }, signal);
}

// One page of a search's ranking; `facets` are fields whose values are counted.
export function find(search, { facets, ...page }, signal) {
  const fields = fieldsOf(search, page);
  if (facets?.length) fields.facets = facets;
  return answer(search, fields, signal);
}
