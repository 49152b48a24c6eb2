// A client of Silhouette, the search for garments by their shape: for browsers, and for Node.js from version 18 on.
//
// Numbers in a `box` are fractions of the picture: left, top, right, bottom. `silhouette.d.ts` has the types.

const BUSY = [429, 503]; // after these a request is sent again: nothing was done, or twice does what once does
const BULK_LINES = 1000; // most lines in one request: what the service accepts
const BULK_CHARACTERS = 8 * 2 ** 20; // from which lines go into the next; photographs in base64 make them large

// The service refused a request, or failed; `code` is empty where something in front of it answered.
export class ApiError extends Error {
  constructor(status, { code = "", detail, param, request_id: requestId = "" }, retryAfter = 0) {
    const text = detail ?? "The answer is not one of the service's. Check the address.";
    super(`${status} ${code}: ${text} (request ${requestId})`);
    Object.assign(this, { name: "ApiError", status, code, detail: text, param, requestId, retryAfter });
  }
}

// The seconds for which a busy service asks to be left alone; 0 where it does not say.
function waitOf(response) {
  const asked = response.headers.get("Retry-After") ?? "";
  const seconds = /^\d+$/.test(asked) ? Number(asked) : (Date.parse(asked) - Date.now()) / 1000;
  return seconds > 0 ? seconds : 0;
}

async function errorOf(response) {
  const body = await response.json().catch(() => null);
  const problem = body !== null && typeof body === "object" ? body : {};
  const requestId = problem.request_id ?? response.headers.get("X-Request-Id") ?? "";
  return new ApiError(response.status, { ...problem, request_id: requestId }, waitOf(response));
}

function pause(seconds, signal) {
  return new Promise((done, failed) => {
    const timer = setTimeout(done, 1000 * seconds);
    signal?.addEventListener("abort", () => { clearTimeout(timer); failed(signal.reason); }, { once: true });
  });
}

const given = (fields) => Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);

// Fields for a form or an address: text as it is, everything else as JSON.
const texts = (fields) => given(fields).map(([name, value]) => [
  name, typeof value === "string" ? value : JSON.stringify(value)]);

const addressed = (path, fields) => {
  const query = new URLSearchParams(texts(fields)).toString();
  return query ? `${path}?${query}` : path;
};

// Slashes in an id stay, unless `..` would lead to another call.
function itemPath(id, tail = "") {
  const parts = id.split("/").map(encodeURIComponent);
  return `/v1/items/${parts.join(parts.some((part) => part === "." || part === "..") ? "%2F" : "/")}${tail}`;
}

function json(value) {
  return { headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) };
}

function form(files, fields) {
  const body = new FormData();
  for (const file of files) body.append("file", file, "photo");
  for (const [name, text] of texts(fields)) body.append(name, text);
  return { body };
}

// Yield changes as NDJSON: up to `BULK_LINES` lines in each, and up to `BULK_CHARACTERS` if it is several.
async function* bulkBodies(changes) {
  let [lines, size] = [[], 0];
  for await (const change of changes) {
    const line = `${JSON.stringify(change)}\n`;
    if (lines.length && (lines.length === BULK_LINES || size + line.length > BULK_CHARACTERS)) {
      yield lines.join("");
      [lines, size] = [[], 0];
    }
    lines.push(line);
    size += line.length;
  }
  if (lines.length) yield lines.join("");
}

async function inBase64(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 2 ** 15) text += String.fromCharCode(...bytes.subarray(at, at + 2 ** 15));
  return btoa(text);
}

// The line of `bulk` that puts an item; the parameters are those of `putItem`.
export async function putLine(id, { files = [], ...fields }) {
  const photographs = files.length ? { image_base64: await Promise.all(files.map(inBase64)) } : {};
  return { put: { item_id: id, ...photographs, ...fields } };
}

export class Client {
  #key;
  #retries;
  #longestWait;
  #fetch;

  // `base` is where the service is, with its prefix; `key` is needed by what writes, and belongs in no page.
  constructor(base, { key, retries = 2, longestWait = 10, fetch: send = (...all) => fetch(...all) } = {}) {
    this.base = base.replace(/\/$/, "");
    this.#key = key;
    this.#retries = retries;
    this.#longestWait = longestWait;
    this.#fetch = send;
  }

  // Find the items nearest in shape to a picture: `file`, a Blob, or one of the fields that name one.
  search({ file, ...fields }, { signal } = {}) {
    const sent = file ? form([file], fields) : json(Object.fromEntries(given(fields)));
    return this.#ask("POST", "/v1/search", { ...sent, signal });
  }

  // The pages of a search one by one. The picture is sent once.
  async* pages(query, options) {
    let asked = query;
    for (;;) {
      const page = await this.search(asked, options);
      yield page;
      if (page.next_offset === null) return;
      const kept = page.query_id && { file: null, image_base64: null, image_url: null, query_id: page.query_id };
      asked = { ...asked, ...kept, offset: page.next_offset };
    }
  }

  // The items of a whole ranking, page by page.
  async* hits(query, options) {
    for await (const page of this.pages(query, options)) yield* page.results;
  }

  // Several searches in their order; `{ error }` where one failed.
  async batch(searches, { signal } = {}) {
    const answer = await this.#ask("POST", "/v1/search/batch", { ...json({ searches }), signal });
    return answer.answers;
  }

  // Find the items nearest in shape to one of the index.
  similar(id, fields = {}, { signal } = {}) {
    return this.#ask("GET", addressed(itemPath(id, "/similar"), fields), { signal });
  }

  // Delete the picture of an earlier search at once, before its time.
  async deleteQuery(queryId, { signal } = {}) {
    await this.#send("DELETE", `/v1/queries/${encodeURIComponent(queryId)}`, { signal });
  }

  item(id, { signal } = {}) {
    return this.#ask("GET", itemPath(id), { signal });
  }

  // All items, or those that pass a `filter`, part by part, `limit` in each.
  async* items(fields, options) {
    for await (const part of this.itemPages(fields, options)) yield* part.items;
  }

  // The parts of the list of items one by one; each knows how many there are, its `total`.
  async* itemPages(fields = {}, { signal } = {}) {
    let following = fields.after;
    do {
      const part = await this.#ask("GET", addressed("/v1/items", { ...fields, after: following }), { signal });
      yield part;
      following = part.next_after;
    } while (following !== null);
  }

  // Where a photograph of an item is, for the `src` of an image.
  imageUrl(id, fields = {}) {
    return this.base + addressed(itemPath(id, "/image"), fields);
  }

  // A photograph of an item, a Blob.
  async image(id, fields = {}, { signal } = {}) {
    return (await this.#send("GET", addressed(itemPath(id, "/image"), fields), { signal })).blob();
  }

  // Add an item, or replace the one with that id: `files`, Blobs, or one of the fields that name photographs.
  putItem(id, { files = [], ...fields }, { signal } = {}) {
    const sent = files.length ? form(files, fields) : json(fields);
    return this.#ask("PUT", itemPath(id), { ...sent, signal });
  }

  // Set the named fields of an item's metadata at once; null removes one, all others stay.
  patchItem(id, metadata, { signal } = {}) {
    return this.#ask("PATCH", itemPath(id), { ...json({ metadata }), signal });
  }

  // Delete an item; it is gone immediately.
  deleteItem(id, { signal } = {}) {
    return this.#ask("DELETE", itemPath(id), { signal });
  }

  // Put, patch and delete many items, a thousand in a request that is made as a whole: `putLine(…)`,
  // `{ patch: { item_id, metadata } }`, `{ delete: { item_id } }`. Yields what became of each, in their order:
  // `{ item_id, change }`, or `{ error }`. Nothing is sent before the first answer is asked for.
  async* bulk(changes, { signal } = {}) {
    for await (const body of bulkBodies(changes)) {
      const headers = { "Content-Type": "application/x-ndjson" };
      const answer = await this.#send("POST", "/v1/items/bulk", { headers, body, signal });
      for (const line of (await answer.text()).split("\n")) if (line) yield JSON.parse(line);
    }
  }

  // Which version of the index answers.
  index({ signal } = {}) {
    return this.#ask("GET", "/v1/index", { signal });
  }

  // The published versions, newest first.
  async versions({ signal } = {}) {
    return (await this.#ask("GET", "/v1/index/versions", { signal })).versions;
  }

  // Activate a version, newer or older.
  activate(version, { signal } = {}) {
    return this.#ask("POST", "/v1/index/activate", { ...json({ version }), signal });
  }

  // Whether the service runs.
  alive({ signal } = {}) {
    return this.#ask("GET", "/healthz", { signal });
  }

  // Whether searches can be answered; an error where that takes longer than the retries.
  ready({ signal } = {}) {
    return this.#ask("GET", "/readyz", { signal });
  }

  async #ask(method, path, request) {
    return (await this.#send(method, path, request)).json();
  }

  async #send(method, path, { headers = {}, body, signal }) {
    const all = this.#key === undefined ? headers : { ...headers, Authorization: `Bearer ${this.#key}` };
    for (let attempt = 0; ; attempt += 1) {
      const response = await this.#fetch(this.base + path, { method, headers: all, body, signal });
      if (response.ok) return response;
      if (!BUSY.includes(response.status) || attempt >= this.#retries) throw await errorOf(response);
      await pause(Math.min(waitOf(response) || 1, this.#longestWait), signal);
    }
  }
}
