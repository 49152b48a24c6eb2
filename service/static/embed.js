// <silhouette-search endpoint="https://search.shop.example">: the search by a photo, as an element of a shop's page.
//
// Attributes: `endpoint`, where the service is; `lang`, else the page's language; `limit`, products at a time.

import { productOf } from "./product.js"; // the service writes it here

const LIMIT = 12;
const PREVIEW = 320; // pixels of the photo that is shown
const RETRIES = 4; // of a search that the service is too busy for
const LONGEST_WAIT = 10; // seconds until such a retry
const WIDTHS = [160, 320, 640]; // of thumbnails

const WORDS = {
  en: {
    region: "Search by photo",
    lead: "Find the same cut from a photo",
    choose: "Choose a photo",
    again: "Another photo",
    camera: "Take a photo",
    drop: "or drop one here",
    photo: "Your photo",
    garments: "Garments in your photo",
    results: "Products of the same cut",
    more: "Show more",
    retry: "Try again",
    searching: "Searching…",
    queue: "Many people are searching. Yours goes on in a moment.",
    found: (count) => `${count} ${count === 1 ? "product" : "products"}, the nearest in shape first`,
    instead: " instead of ",
    unnamed: "Product",
    sold: "Sold out",
    nothing: "No product of this kind was found.",
    distant: "Nothing is really close in shape. These are the nearest.",
    whole: "No garment stood out, so all of the photo counts.",
    types: {
      upper: "Top", outer: "Coat or jacket", dress: "Dress", trousers: "Trousers", skirt: "Skirt",
      shoes: "Shoes", bag: "Bag", hat: "Hat",
    },
    errors: {
      large: "This photo is too large. Choose a smaller one.",
      unreadable: "This file can't be read. Choose a JPEG or PNG.",
      preparing: "The search is still being prepared. Try again in a few minutes.",
      busy: "Too many people are searching. Try again in a moment.",
      unreachable: "The search can't be reached. Check the connection and try again.",
      other: "The search did not work. Try again in a moment.",
    },
  },
  de: {
    region: "Suche mit einem Foto",
    lead: "Den gleichen Schnitt mit einem Foto finden",
    choose: "Foto auswählen",
    again: "Anderes Foto",
    camera: "Foto aufnehmen",
    drop: "oder hier ablegen",
    photo: "Das Foto",
    garments: "Kleidungsstücke im Foto",
    results: "Produkte mit gleichem Schnitt",
    more: "Mehr anzeigen",
    retry: "Noch einmal versuchen",
    searching: "Suche läuft …",
    queue: "Gerade suchen viele. Gleich geht es weiter.",
    found: (count) => `${count} ${count === 1 ? "Produkt" : "Produkte"}, die ähnlichste Form zuerst`,
    instead: " statt ",
    unnamed: "Produkt",
    sold: "Ausverkauft",
    nothing: "Dazu wurde kein Produkt gefunden.",
    distant: "Nichts hat wirklich die gleiche Form. Das hier kommt ihr am nächsten.",
    whole: "Kein Kleidungsstück war klar zu erkennen, darum zählt das ganze Foto.",
    types: {
      upper: "Oberteil", outer: "Mantel oder Jacke", dress: "Kleid", trousers: "Hose", skirt: "Rock",
      shoes: "Schuhe", bag: "Tasche", hat: "Hut",
    },
    errors: {
      large: "Dieses Foto ist zu groß. Bitte ein kleineres auswählen.",
      unreadable: "Diese Datei lässt sich nicht lesen. Bitte ein JPEG oder PNG auswählen.",
      preparing: "Die Suche wird noch vorbereitet. Bitte in einigen Minuten noch einmal versuchen.",
      busy: "Gerade suchen zu viele. Bitte gleich noch einmal versuchen.",
      unreachable: "Die Suche ist nicht erreichbar. Bitte die Verbindung prüfen und noch einmal versuchen.",
      other: "Die Suche hat nicht geklappt. Bitte gleich noch einmal versuchen.",
    },
  },
};

// The error that is shown for a code of the service.
const ERRORS = {
  upload_too_large: "large",
  image_too_large: "large",
  unsupported_type: "unreadable",
  image_undecodable: "unreadable",
  index_not_ready: "preparing",
  overloaded: "busy",
  too_many_requests: "busy",
};
const HOPELESS = ["large", "unreadable"];

// Colours are those of the page around it, mixed from its text; each is a variable that the page may set.
const STYLE = `
:host {
  --accent: var(--silhouette-accent, currentcolor);
  --line: var(--silhouette-line, color-mix(in srgb, currentcolor 25%, transparent));
  --faint: var(--silhouette-faint, color-mix(in srgb, currentcolor 75%, transparent));
  --backdrop: var(--silhouette-backdrop, color-mix(in srgb, currentcolor 7%, transparent));
  --radius: var(--silhouette-radius, .75em);
  display: block; font-family: var(--silhouette-font, inherit); line-height: 1.4;
}
:host([hidden]), [hidden] { display: none !important; }
*, ::before { box-sizing: border-box; }
p, ol { margin: 0; padding: 0; list-style: none; }
.drop {
  display: flex; flex-wrap: wrap; gap: 1em; align-items: center; justify-content: center; padding: 1.5em 1em;
  border: 2px dashed var(--line); border-radius: var(--radius); text-align: center;
}
.drop.over { border-color: var(--accent); background: var(--backdrop); }
.asked .drop { justify-content: start; padding: .75em; border-width: 1px; border-style: solid; text-align: start; }
canvas { max-width: 38%; max-height: 9em; object-fit: contain; border-radius: calc(var(--radius) / 2); }
.choices { display: grid; gap: .75em; flex: 1 1 8em; justify-items: center; }
.lead { font-size: 1.15em; font-weight: 600; text-wrap: balance; }
.asked .lead, .asked .hint { display: none; }
.hint, .summary, .brand { color: var(--faint); font-size: .875em; }
.row { display: flex; flex-wrap: wrap; gap: .5em; justify-content: center; }
.asked :is(.choices, .row) { justify-content: start; justify-items: start; }
button {
  min-height: 2.75em; padding: .375em 1.125em; border: 1px solid var(--line); border-radius: 99em; background: none;
  color: inherit; font: inherit; cursor: pointer;
}
.asked .drop button { min-height: 2.5em; padding: .25em .875em; font-size: .875em; }
button:hover { border-color: var(--accent); }
button[aria-pressed="true"] { border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.notice {
  display: grid; gap: .75em; justify-items: start; margin-top: 1em; padding: .75em 1em;
  border-inline-start: 4px solid var(--accent); background: var(--backdrop);
}
.summary { margin-top: 1em; }
ol {
  display: grid; gap: 1.25em .875em; margin-top: .75em;
  grid-template-columns: repeat(auto-fill, minmax(var(--silhouette-card, 9em), 1fr));
}
li > * { display: grid; gap: .125em; color: inherit; text-decoration: none; border-radius: var(--radius); }
a:hover .title { text-decoration: underline; text-underline-offset: .2em; }
img {
  width: 100%; aspect-ratio: var(--silhouette-ratio, 3 / 4); margin-bottom: .375em; object-fit: contain;
  border-radius: var(--radius); background: var(--backdrop);
}
.title { overflow-wrap: anywhere; }
.price { font-weight: 600; }
.price s { color: var(--faint); font-weight: 400; }
.gone img { opacity: .55; }
.more { display: block; margin: 1.5em auto 0; }
.spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (hover: hover) { .camera { display: none; } }
@media (hover: none) { .hint { display: none; } }
`;

function amount(value, currency, language) {
  const known = /^[A-Z]{3}$/.test(currency ?? "");
  return value.toLocaleString(language, known ? { style: "currency", currency } : { minimumFractionDigits: 2 });
}

// The address of a product's page, which may be relative to this one; undefined where it can't be opened.
function pageOf(link) {
  const anchor = Object.assign(document.createElement("a"), { href: link });
  return typeof link === "string" && link && /^https?:$/.test(anchor.protocol) ? anchor.href : undefined;
}

const pause = (seconds) => new Promise((done) => { setTimeout(done, 1000 * seconds); });

function formOf(fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return form;
}

// Send a search; `busy` is called where it has to wait. Throws the code of the service's refusal.
async function ask(endpoint, fields, { signal, busy }) {
  const sent = fields.file
    ? { body: formOf(fields) }
    : { body: JSON.stringify(fields), headers: { "Content-Type": "application/json" } };
  for (let attempt = 0; ; attempt += 1) {
    const answer = await fetch(`${endpoint}/v1/search`, { method: "POST", signal, ...sent });
    if (answer.ok) return answer.json();
    if (![429, 503].includes(answer.status) || attempt === RETRIES) throw (await answer.json()).code;
    busy();
    await pause(Math.min(Number(answer.headers.get("Retry-After")) || 1, LONGEST_WAIT));
  }
}

// An element; its class is its part, too, for the style of the page around.
function make(tag, name = "", fields = {}, ...content) {
  const node = document.createElement(tag);
  node.className = name;
  node.part = name;
  for (const [field, value] of Object.entries(fields)) {
    if (field in node) node[field] = value;
    else node.setAttribute(field, value);
  }
  node.append(...content.filter(Boolean));
  return node;
}

const button = (name, text, onclick) => make("button", name, { type: "button", onclick }, text);

function pathOf({ outline }, { width, height }) {
  const path = new Path2D();
  for (const corners of outline) {
    for (const [at, [x, y]] of corners.entries()) path[at ? "lineTo" : "moveTo"](x * width, y * height);
    path.closePath();
  }
  return path;
}

export class SilhouetteSearch extends HTMLElement {
  static observedAttributes = ["endpoint", "lang"];

  #root = this.attachShadow({ mode: "open" });
  #nodes;
  #words;
  #language;
  #endpoint;
  #running; // AbortController of the search under way
  #search; // what is searched with: file, then also query_id and garment
  #fields; // which metadata are title, price and so on, once the service has said it
  #picture; // the photo, as it is shown
  #garments = [];

  connectedCallback() {
    if (!this.#nodes) this.#start();
  }

  disconnectedCallback() {
    this.#running?.abort();
  }

  attributeChangedCallback(name, before, value) {
    if (this.#nodes && before !== value) this.#start();
  }

  // Begin anew, without a photo.
  #start() {
    const given = this.closest("[lang]")?.lang || navigator.language;
    this.#running?.abort();
    this.#language = given.toLowerCase().startsWith("de") ? "de" : "en";
    this.#words = WORDS[this.#language];
    this.#endpoint = (this.getAttribute("endpoint") ?? "").replace(/\/$/, "");
    this.#fields = undefined;
    const sheet = new CSSStyleSheet(); // needs no permission of the page's Content-Security-Policy
    sheet.replaceSync(STYLE);
    this.#root.adoptedStyleSheets = [sheet];
    this.#root.replaceChildren(this.#frame());
    this.#listen();
  }

  #frame() {
    const words = this.#words;
    const source = (name, text, fields) => {
      const input = make("input", "", { type: "file", accept: "image/*", hidden: true, ...fields });
      input.addEventListener("change", () => {
        const [file] = input.files;
        input.value = "";
        if (file) this.#take(file);
      });
      return [button(`button ${name}`, text, () => input.click()), input];
    };
    const [upload, file] = source("upload", words.choose);
    const camera = source("camera", words.camera, { capture: "environment" });
    const n = this.#nodes = {
      upload,
      photo: make("canvas", "photo", { role: "img", "aria-label": words.photo, hidden: true }),
      chips: make("p", "row chips", { role: "group", "aria-label": words.garments, hidden: true }),
      notice: make("div", "notice", { role: "alert", hidden: true }),
      summary: make("p", "summary", { role: "status" }),
      results: make("ol", "results", { role: "list", "aria-label": words.results }),
      more: button("button more", words.more, () => this.#run({ more: true })),
    };
    n.more.hidden = true;
    n.drop = make("div", "drop", {},
      n.photo,
      make("div", "choices", {},
        make("p", "lead", {}, words.lead), n.chips,
        make("p", "row", {}, upload, file, ...camera), make("p", "hint", {}, words.drop)));
    n.all = make("section", "", { role: "search", "aria-label": words.region },
      n.drop, n.notice, n.summary, n.results, n.more);
    return n.all;
  }

  #listen() {
    const { drop, photo, all } = this.#nodes;
    const mark = (event) => {
      event.preventDefault();
      drop.classList.toggle("over", event.type === "dragover");
    };
    for (const type of ["dragover", "dragleave", "drop"]) drop.addEventListener(type, mark);
    const take = (transfer) => transfer?.files[0] && this.#take(transfer.files[0]);
    drop.addEventListener("drop", (event) => take(event.dataTransfer));
    all.addEventListener("paste", (event) => take(event.clipboardData));
    photo.addEventListener("click", ({ offsetX, offsetY }) => {
      const context = photo.getContext("2d");
      const at = [offsetX * photo.width / photo.clientWidth, offsetY * photo.height / photo.clientHeight];
      this.#choose(this.#garments.findIndex((garment) => context.isPointInPath(pathOf(garment, photo), ...at)));
    });
  }

  #say(text) {
    this.#nodes.summary.textContent = text;
  }

  async #take(file) {
    const { photo, results, more } = this.#nodes;
    this.#picture = undefined;
    photo.hidden = more.hidden = true;
    results.replaceChildren();
    this.#search = { file };
    this.#showGarments([]);
    this.#run();
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => undefined);
    if (this.#search.file !== file || !picture) return; // the service reads more formats than the browser
    const scale = Math.min(1, PREVIEW / Math.max(picture.width, picture.height));
    Object.assign(photo, { width: picture.width * scale, height: picture.height * scale, hidden: false });
    this.#picture = picture;
    this.#draw();
  }

  #choose(garment) {
    if (garment < 0 || garment === this.#search.garment) return;
    this.#search.garment = garment;
    this.#run();
  }

  // Search; with `more` for the next products of the same ranking.
  async #run({ more = false } = {}) {
    const { all, notice, results, upload } = this.#nodes;
    this.#running?.abort();
    const mine = this.#running = new AbortController();
    all.classList.add("asked");
    all.setAttribute("aria-busy", "true");
    upload.textContent = this.#words.again;
    if (notice.contains(this.#root.activeElement)) upload.focus(); // its button goes
    notice.hidden = true;
    this.#say(this.#words.searching);
    const offset = more ? results.childElementCount : 0;
    const [answer, code] = await this.#ask(offset, mine.signal).then((found) => [found], (failure) => [null, failure]);
    if (mine.signal.aborted) return;
    all.removeAttribute("aria-busy");
    if (answer) this.#show(answer, more);
    else this.#fail(code, more);
  }

  async #ask(offset, signal) {
    const { file, query_id: known, garment } = this.#search;
    const limit = Number(this.getAttribute("limit")) || LIMIT;
    const chosen = garment === undefined ? {} : { garment };
    const fields = { offset, limit, collapse_duplicates: true, ...chosen };
    const options = { signal, busy: () => signal.aborted || this.#say(this.#words.queue) };
    const source = known ? { query_id: known } : { file };
    const answer = await ask(this.#endpoint, { ...source, ...fields }, options).catch((code) => {
      if (code !== "query_expired") throw code;
      return ask(this.#endpoint, { file, ...fields }, options);
    });
    this.#fields ??= (await (await fetch(`${this.#endpoint}/v1/index`, { signal })).json()).card_fields;
    return answer;
  }

  #show(answer, more) {
    const { results, more: next } = this.#nodes;
    const { query, total } = answer;
    Object.assign(this.#search, { query_id: answer.query_id, garment: query.garment });
    this.#showGarments(query.garments ?? []);
    const cards = answer.results.map((result) => this.#card(result));
    if (more) results.append(...cards);
    else results.replaceChildren(...cards);
    next.hidden = answer.next_offset === null;
    this.#say(total ? this.#words.found(results.childElementCount) : this.#words.nothing);
    if (more) {
      cards[0]?.firstChild.focus();
    } else if (query.warnings.includes("garment_not_found")) {
      this.#note(this.#words.whole);
    } else if (total && query.warnings.includes("nothing_close")) {
      this.#note(this.#words.distant);
    }
  }

  #note(text, ...content) {
    this.#nodes.notice.replaceChildren(make("p", "", {}, text), ...content);
    this.#nodes.notice.hidden = false;
  }

  #fail(error, more) {
    const { errors, retry } = this.#words;
    const known = typeof error === "string" ? ERRORS[error] ?? "other" : "unreachable";
    const again = button("button retry", retry, () => this.#run({ more }));
    this.#say("");
    this.#note(errors[known], ...(HOPELESS.includes(known) ? [] : [again]));
  }

  #showGarments(garments) {
    const { chips } = this.#nodes;
    const names = garments.map(({ type }) => this.#words.types[type] ?? type);
    const count = (name, among) => among.filter((other) => other === name).length;
    const texts = names.map((name, at) => (
      count(name, names) > 1 ? `${name} ${count(name, names.slice(0, at + 1))}` : name));
    if (chips.textContent !== texts.join("")) { // else the focus stays where it is
      chips.replaceChildren(...texts.map((text, at) => button("chip", text, () => this.#choose(at))));
    }
    for (const [at, chip] of [...chips.children].entries()) {
      chip.setAttribute("aria-pressed", String(at === this.#search.garment));
    }
    chips.hidden = names.length < 2;
    this.#garments = garments;
    this.#draw();
  }

  // The photo with the outlines of its garments.
  #draw() {
    const { photo } = this.#nodes;
    if (!this.#picture) return;
    const context = photo.getContext("2d");
    context.drawImage(this.#picture, 0, 0, photo.width, photo.height);
    for (const [at, garment] of this.#garments.entries()) {
      const path = pathOf(garment, photo);
      const line = at === this.#search.garment ? ["#ff9a70", 2.5] : ["#fff", 1];
      for (const [strokeStyle, lineWidth] of [["rgb(0 0 0 / 60%)", 4], line]) {
        Object.assign(context, { strokeStyle, lineWidth, lineJoin: "round" });
        context.stroke(path);
      }
    }
  }

  #card(result) {
    const words = this.#words;
    const { title, brand, price, before, currency, link, soldOut } = productOf(result, this.#fields, pageOf);
    const picture = new URL(result.image_url, new URL(this.#endpoint, document.baseURI));
    const wide = (width) => { picture.searchParams.set("width", width); return picture.href; };
    const money = (value) => amount(value, currency, this.#language);
    const page = pageOf(link);
    const old = Number.isFinite(before)
      ? [make("span", "spoken", {}, words.instead), " ", make("s", "before", {}, money(before))] : [];
    const [tag, fields] = page ? ["a", { href: page }] : ["div", { tabIndex: -1 }];
    return make("li", "", {}, make(tag, soldOut ? "card gone" : "card", fields,
      make("img", "image", {
        alt: "", loading: "lazy", decoding: "async", sizes: "12em",
        srcset: WIDTHS.map((width) => `${wide(width)} ${width}w`).join(), src: wide(WIDTHS[1]),
      }),
      brand && make("span", "brand", {}, String(brand)),
      make("span", "title", {}, String(title ?? words.unnamed)),
      Number.isFinite(price) ? make("span", "price", {}, money(price), ...old) : undefined,
      soldOut ? make("span", "sold", {}, words.sold) : undefined));
  }
}

if (!customElements.get("silhouette-search")) customElements.define("silhouette-search", SilhouetteSearch);
