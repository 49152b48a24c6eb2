// The API as the page uses it: which search is asked for, and errors in words.

import { ApiError, Client } from "./silhouette.js";

const WORDS = {
  upload_too_large: "That file is too large",
  image_too_large: "That picture has too many pixels",
  unsupported_type: "That isn't a picture we can read",
  image_undecodable: "That picture can't be read",
  query_expired: "That picture is no longer kept",
  item_unknown: "That garment is no longer in the catalogue",
  index_not_ready: "The catalogue is still being prepared",
  overloaded: "There is a queue just now",
  too_many_requests: "There is a queue just now",
};

const HOPELESS = ["query_expired", "item_unknown", "image_undecodable", "unsupported_type", "upload_too_large",
  "image_too_large", "invalid_parameter", "invalid_filter"];

export class Failure extends Error {
  constructor(code, text, { title = WORDS[code] ?? "That didn't work", retryAfter = 0 } = {}) {
    super(text);
    Object.assign(this, { code, title, retryAfter });
  }

  // Whether a retry may succeed.
  get passing() {
    return !HOPELESS.includes(this.code);
  }
}

// Where the service is: the path that this script lies below, such as /shop; empty at the root.
export const ROOT = new URL("..", import.meta.url).pathname.slice(0, -1);

export const client = new Client(ROOT, { retries: 0 }); // the page tells of a queue, and tries again itself

function failureOf(error) {
  if (error.name === "AbortError") return error;
  if (!(error instanceof ApiError)) {
    return new Failure("", "Check the connection, then try again.", { title: "The service can't be reached" });
  }
  const { code, detail, retryAfter } = error;
  return new Failure(code, code ? detail : "Try again in a moment.", { retryAfter });
}

export const imageOf = (id) => client.imageUrl(id);

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

async function answer(search, fields, signal) {
  if (search.kind === "item") {
    if (!fields.box && !fields.part && fields.garment === undefined) return client.similar(search.item, fields, { signal });
    const found = await client.search({ item_id: search.item, ...fields }, { signal });
    found.results = found.results.filter((result) => result.item_id !== search.item);
    return found;
  }
  return client.search({ ...(search.queryId ? { query_id: search.queryId } : { file: search.file }), ...fields }, { signal });
}

// One page of a search's ranking; `facets` are fields whose values are counted.
export function find(search, { facets, ...page }, signal) {
  const fields = fieldsOf(search, page);
  if (facets?.length) fields.facets = facets;
  return answer(search, fields, signal).catch((error) => { throw failureOf(error); });
}
