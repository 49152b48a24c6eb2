// The search page: one search at a time, its address in the bar, its state in the history.
//
//   /                nothing asked yet
//   /?item=ID        the neighbours of an item; can be shared
//   /?query=ID       an uploaded photo; works while the service keeps the photo

const DISTANT = 95; // percentile below which the best match is called distant; 1 photograph in 100 has none above it
const SURE = 0.8; // confidence above which 94 of 100 guesses were right; below it, about half
const FRAME_RATIO = 3 / 4; // width to height of a result's frame
const NEARLY = 1.12;
const PREVIEW_SIDE = 480; // pixels of the picture that the history keeps of an upload

const body = document.body;
const at = (id) => document.getElementById(id);
const limit = Number(body.dataset.limit);
const mostBytes = Number(body.dataset.mostBytes);

let running = null; // AbortController of the search under way
let current = null; // {kind: "photo" | "query" | "item", ...}
let nextOffset = null;

// --- asking the service ------------------------------------------------

class Failure extends Error {
  constructor(title, text, { code = "", retryAfter = 0 } = {}) {
    super(text);
    Object.assign(this, { title, code, retryAfter });
  }
}

const WORDS = {
  upload_too_large: "That file is too large",
  image_too_large: "That picture has too many pixels",
  unsupported_type: "That isn't a picture we can read",
  image_undecodable: "That picture can't be read",
  query_expired: "That photo is no longer kept",
  item_unknown: "That garment is no longer in the catalogue",
  index_not_ready: "The catalogue is still being prepared",
};

async function ask(address, options = {}) {
  let response;
  try {
    response = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure("The service can't be reached", "Check the connection, then try again.");
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new Failure(WORDS[answer.code] ?? "That didn't work", answer.detail ?? "Try again in a moment.", {
    code: answer.code,
    retryAfter: Number(response.headers.get("Retry-After")),
  });
}

function searchFor(search, offset, signal) {
  if (search.kind === "item") {
    const id = search.item.split("/").map(encodeURIComponent).join("/");
    return ask(`/v1/items/${id}/similar?limit=${limit}&offset=${offset}`, { signal });
  }
  if (search.queryId) {
    const fields = { query_id: search.queryId, limit, offset };
    const headers = { "Content-Type": "application/json" };
    return ask("/v1/search", { method: "POST", headers, body: JSON.stringify(fields), signal });
  }
  const form = new FormData();
  form.append("file", search.file, "photo");
  form.append("limit", limit);
  return ask("/v1/search", { method: "POST", body: form, signal });
}

// --- showing -----------------------------------------------------------

const say = (text) => { at("status").textContent = text; };
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const many = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

function show(view) {
  body.dataset.view = view;
  at("failure").hidden = view !== "failure";
}

function nameOf(result) {
  const { name, title, category } = result.metadata;
  return capital(String(name || title || category || result.item_id));
}

// Rounded down, so that nothing is called closer than it is; the very best pairs stay apart from "all".
function percent(percentile) {
  return percentile >= 99.95 ? "99.9+ %" : `${(Math.floor(percentile * 10) / 10).toFixed(1)} %`;
}

const itemAddress = (id) => `/?item=${encodeURIComponent(id)}`;

function link(result, className) {
  const anchor = element("a", className);
  anchor.href = itemAddress(result.item_id);
  anchor.dataset.item = result.item_id;
  anchor.dataset.image = result.image_url;
  return anchor;
}

function picture(result, { lazy = true } = {}) {
  const image = element("img");
  image.alt = "";
  image.decoding = "async";
  if (lazy) image.loading = "lazy";
  image.src = result.image_url;
  return image;
}

// Fill the frame where next to nothing is cut off by it; otherwise the whole picture is shown on its backdrop.
function fit(image) {
  const ratio = image.naturalWidth / image.naturalHeight / FRAME_RATIO;
  image.classList.toggle("fill", ratio > 1 / NEARLY && ratio < NEARLY);
}

function card(result) {
  const entry = element("li");
  const anchor = link(result, "card");
  const frame = element("span", "frame");
  const lazy = result.rank > 12;
  const backdrop = picture(result, { lazy });
  backdrop.className = "backdrop";
  const image = picture(result, { lazy });
  image.addEventListener("load", () => fit(image));
  frame.append(backdrop, image);
  const near = element("span", "near", `Closer than ${percent(result.percentile)}`);
  near.append(element("span", "roomy", " of pairs"));
  anchor.append(frame, element("span", "name", nameOf(result)), near);
  anchor.setAttribute("aria-label", `${result.rank}. ${nameOf(result)}. ${near.textContent}. Search from this garment.`);
  entry.append(anchor);
  return entry;
}

function blanks(count) {
  return Array.from({ length: count }, () => {
    const entry = element("li", "blank");
    entry.setAttribute("aria-hidden", "true");
    entry.append(element("span", "frame"), element("span", "name"), element("span", "near"));
    return entry;
  });
}

function outline(box) {
  const whole = !box || (box[0] <= 0.01 && box[1] <= 0.01 && box[2] >= 0.99 && box[3] >= 0.99);
  at("outline").hidden = whole || !at("query-image").hasAttribute("src");
  if (whole) return;
  const [left, top, right, bottom] = box.map((part) => part * 100);
  Object.assign(at("outline").style, {
    left: `${left}%`, top: `${top}%`, width: `${right - left}%`, height: `${bottom - top}%`,
  });
}

function showPicture(source, alt) {
  const image = at("query-image");
  if (source) image.src = source;
  else image.removeAttribute("src");
  image.alt = source ? alt : "";
  at("picture").hidden = !source;
  outline(null);
}

function showWaiting(search) {
  at("query-title").textContent = search.kind === "item" ? "This garment" : "Your photo";
  showPicture(search.preview, search.kind === "item" ? "The garment searched from" : "Your photo");
  for (const id of ["guess", "warning", "distant", "more", "legend"]) at(id).hidden = true;
  at("summary").textContent = "Looking…";
  at("results").replaceChildren(...blanks(8));
  at("results").setAttribute("aria-busy", "true");
  show("waiting");
  say("Searching");
}

function showQuery(query) {
  const { category, category_confidence: sure, warnings } = query;
  at("guess").hidden = !category;
  at("looks").hidden = current.kind === "item" && sure === 1; // an item's own category is no guess
  at("category").textContent = category ? capital(category) : "";
  at("looks").textContent = sure < SURE ? "Perhaps" : "Looks like";
  at("warning").hidden = !warnings.includes("garment_not_found");
  at("warning").textContent = "No garment stood out from the background, so the whole picture was used. "
    + "A plain ground and the whole garment in view work best.";
  outline(query.box);
}

function showDistance(results) {
  const best = results[0]?.percentile ?? 0;
  at("distant").hidden = results.length > 0 && best >= DISTANT;
  at("distant").textContent = results.length
    ? `Nothing in the catalogue is really close in shape: the best match is closer than ${percent(best)} of pairs. `
      + "These are the nearest there are."
    : "There is no other garment in the catalogue yet.";
}

function showAnswer(answer) {
  showQuery(answer.query);
  showDistance(answer.results);
  at("results").replaceChildren(...answer.results.map(card));
  at("results").removeAttribute("aria-busy");
  at("summary").textContent = `${many(answer.total, "garment")}, the nearest first`;
  at("legend").hidden = answer.results.length === 0;
  showNext(answer);
  show("results");
  say(`${many(answer.results.length, "garment")} found, the nearest first.`);
}

function showNext(answer) {
  nextOffset = answer.next_offset;
  at("more").hidden = nextOffset === null;
}

function showFailure(failure) {
  at("failure-title").textContent = failure.title ?? "That didn't work";
  at("failure-text").textContent = failure.message;
  const hopeless = ["query_expired", "item_unknown", "image_undecodable", "unsupported_type",
    "upload_too_large", "image_too_large"].includes(failure.code);
  at("retry").hidden = hopeless || !current;
  show("failure");
  say("");
}

// --- one search at a time ----------------------------------------------

async function run(search, { remember = true } = {}) {
  running?.abort();
  const mine = running = new AbortController();
  current = search;
  if (remember) history.pushState(stateOf(search), "", addressOf(search));
  showWaiting(search);
  scrollTo(0, 0);
  document.title = "Silhouette";
  try {
    const answer = await searchFor(search, 0, mine.signal);
    if (mine.signal.aborted) return;
    if (answer.query_id) {
      search.queryId = answer.query_id;
      history.replaceState(stateOf(search), "", addressOf(search));
    }
    showAnswer(answer);
    document.title = answer.query.category ? `${capital(answer.query.category)} · Silhouette` : "Silhouette";
  } catch (error) {
    if (!mine.signal.aborted) fail(error, search);
  }
}

function fail(error, search) {
  showFailure(error);
  if (error.code !== "index_not_ready") return;
  setTimeout(() => { if (current === search && body.dataset.view === "failure") retry(); },
    1000 * (error.retryAfter || 2));
}

const retry = () => current && run(current, { remember: false });

async function more() {
  const mine = running;
  at("more").disabled = true;
  try {
    const answer = await searchFor(current, nextOffset, mine.signal);
    if (mine !== running) return;
    const cards = answer.results.map(card);
    at("results").append(...cards);
    cards[0]?.firstChild.focus({ preventScroll: true });
    showNext(answer);
    say(`${many(cards.length, "garment")} more.`);
  } catch (error) {
    if (!mine.signal.aborted) showFailure(error);
  } finally {
    at("more").disabled = false;
  }
}

const stateOf = ({ kind, item, queryId, preview }) => ({ kind, item, queryId, preview });

function addressOf(search) {
  if (search.kind === "item") return itemAddress(search.item);
  return search.queryId ? `/?query=${encodeURIComponent(search.queryId)}` : "/?query=";
}

// What the address and the history say is to be shown: after loading, and after going back or forth.
function restore(state) {
  const asked = new URLSearchParams(location.search);
  const item = asked.get("item");
  const queryId = asked.get("query");
  if (item) {
    const id = item.split("/").map(encodeURIComponent).join("/");
    run({ kind: "item", item, preview: state?.preview ?? `/v1/items/${id}/image` }, { remember: false });
  } else if (queryId) {
    run({ kind: "photo", queryId, preview: state?.preview }, { remember: false });
  } else {
    showEmpty();
  }
}

function showEmpty() {
  running?.abort();
  current = null;
  document.title = "Silhouette";
  show("empty");
  say("");
}

// --- photographs in ----------------------------------------------------

// A small copy of an upload, as a data address that the history can keep over a reload.
async function preview(file) {
  const image = await createImageBitmap(file, { imageOrientation: "from-image" });
  const scale = Math.min(1, PREVIEW_SIDE / Math.max(image.width, image.height));
  const canvas = element("canvas");
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", 0.85);
}

async function take(file) {
  if (!file) return;
  if (file.size > mostBytes) {
    running?.abort();
    current = null;
    const most = Math.floor(mostBytes / 2 ** 20);
    showFailure(new Failure(WORDS.upload_too_large, `Photos of up to ${most} MB are accepted. Choose a smaller one.`));
    return;
  }
  await run({ kind: "photo", file, preview: await preview(file).catch(() => undefined) });
}

const choose = () => at("file").click();
const pictureIn = (transfer) => [...(transfer?.files ?? [])].find((file) => file.type.startsWith("image/")) ?? transfer?.files?.[0];

// --- examples ----------------------------------------------------------

function example(result) {
  const entry = element("li");
  const anchor = link(result);
  anchor.setAttribute("aria-label", `Search from this example: ${nameOf(result)}`);
  anchor.append(picture(result));
  entry.append(anchor);
  return entry;
}

async function loadExamples() {
  const { examples } = await ask("/v1/index").catch(() => ({ examples: [] }));
  at("example-list").replaceChildren(...examples.map(example));
  at("examples").hidden = examples.length === 0;
}

// --- events ------------------------------------------------------------

for (const id of ["drop", "again", "other"]) at(id).addEventListener("click", choose);
at("retry").addEventListener("click", retry);
at("more").addEventListener("click", more);

at("file").addEventListener("change", () => {
  take(at("file").files[0]);
  at("file").value = "";
});

document.addEventListener("click", (event) => {
  const anchor = event.target.closest("a");
  if (!anchor || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (anchor.id === "home") {
    event.preventDefault();
    if (location.search) history.pushState(null, "", "/");
    showEmpty();
  } else if (anchor.dataset.item) {
    event.preventDefault();
    run({ kind: "item", item: anchor.dataset.item, preview: anchor.dataset.image });
    at("main").focus({ preventScroll: true });
  }
});

let depth = 0; // dragenter and dragleave come for every child
addEventListener("dragenter", (event) => {
  if (!event.dataTransfer?.types.includes("Files")) return;
  depth += 1;
  body.classList.add("dropping");
});
addEventListener("dragleave", () => {
  depth = Math.max(0, depth - 1);
  if (!depth) body.classList.remove("dropping");
});
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  depth = 0;
  body.classList.remove("dropping");
  take(pictureIn(event.dataTransfer));
});
addEventListener("paste", (event) => {
  const file = pictureIn(event.clipboardData);
  if (file) take(file);
});
addEventListener("popstate", (event) => restore(event.state));

restore(history.state);
loadExamples();
