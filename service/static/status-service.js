// What the status page asks the service for, each time with the key; it is kept for this tab alone.

import { TEXTS } from "./words.js";

const ROOT = new URL("..", import.meta.url).pathname.slice(0, -1); // with the prefix, if there is one
const KEPT = "silhouette-key";

export const keptKey = () => sessionStorage.getItem(KEPT);
export const keepKey = (key) => sessionStorage.setItem(KEPT, key);
export const forgetKey = () => sessionStorage.removeItem(KEPT);

class Refused extends Error {
  constructor(status, { code = "unreachable", detail = "" } = {}) {
    super(TEXTS.failures[code] ?? detail);
    Object.assign(this, { status, code });
  }
}

export async function send(path, { method = "GET", body, key = keptKey() } = {}) {
  const headers = { Authorization: `Bearer ${key}` };
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body), cache: "no-store" })
    .catch(() => { throw new Refused(0); });
  if (!response.ok) throw new Refused(response.status, await response.json().catch(() => ({})));
  return response;
}

export const ask = async (path, options) => (await send(ROOT + path, options)).json();
