// The API: requests, responses, and errors in words.

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

export async function ask(address, options = {}) {
  let response;
  try {
    response = await fetch(ROOT + address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure("", "Check the connection, then try again.", { title: "The service can't be reached" });
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const retryAfter = Number(response.headers.get("Retry-After"));
  throw new Failure(answer.code ?? "", answer.detail ?? "Try again in a moment.", { retryAfter });
}

const path = (id) => id.split("/").map(encodeURIComponent).join("/");

export const imageOf = (id) => `${ROOT}/v1/items/${path(id)}/image`;

// The fields beside the picture; defaults are left out.
function fieldsOf(search, page) {
  const fields = { ...page, explain: true };
  if (!search.everything) fields.collapse_duplicates = true;
  if (Object.keys(search.filter).length) fields.filter = search.filter;
  if (search.box) fields.box = search.box;
  else if (search.garment !== undefined) fields.garment = search.garment;
  if (search.kind === "sketch") fields.kind = "sketch";
  if (search.sort) fields.sort = search.sort;
  return fields;
}

const asText = (value) => (typeof value === "string" ? value : JSON.stringify(value));

function similar(search, fields, signal) {
  const texts = Object.entries(fields).map(([name, value]) => [name, asText(value)]);
  return ask(`/v1/items/${path(search.item)}/similar?${new URLSearchParams(texts)}`, { signal });
}

function again(source, fields, signal) {
  const headers = { "Content-Type": "application/json" };
  return ask("/v1/search", { method: "POST", headers, body: JSON.stringify({ ...source, ...fields }), signal });
}

function upload(file, fields, signal) {
  const form = new FormData();
  form.append("file", file, "picture");
  for (const [name, value] of Object.entries(fields)) form.append(name, asText(value));
  return ask("/v1/search", { method: "POST", body: form, signal });
}

// One page of a search's ranking; `facets` are fields whose values are counted.
export async function find(search, { facets = [], ...page }, signal) {
  const fields = fieldsOf(search, page);
  if (facets.length) fields.facets = facets;
  if (search.kind === "item") {
    if (!fields.box && fields.garment === undefined) return similar(search, fields, signal);
    const answer = await again({ item_id: search.item }, fields, signal);
    answer.results = answer.results.filter((result) => result.item_id !== search.item);
    return answer;
  }
  return search.queryId ? again({ query_id: search.queryId }, fields, signal) : upload(search.file, fields, signal);
}
