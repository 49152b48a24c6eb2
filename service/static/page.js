// The search page: one search at a time, its URL in the address bar, its state in the history.

import { addressOf, newSearch, refined, searchAt, stateOf } from "./address.js";
import { inside, large, makeBox } from "./box.js";
import { makeFilters } from "./filters.js";
import { makeGarments } from "./garments.js";
import { at, element, say, settled } from "./nodes.js";
import { listenToPhotos, preview } from "./photo.js";
import { picture } from "./pictures.js";
import { markParts, showQuery, showUnderstood } from "./query.js";
import { addResults, link, showNone, showResults, showWaiting } from "./results.js";
import { Failure, ROOT, client, find } from "./service.js";
import { drawingOf, makePad } from "./sketch.js";
import { makeSorting } from "./sorting.js";
import { listenToWhy } from "./why.js";
import { capital, nameOf } from "./words.js";

const body = document.body;
const limit = Number(body.dataset.limit);
const mostBytes = Number(body.dataset.mostBytes);
const QUEUE = ["index_not_ready", "overloaded", "too_many_requests"]; // what is tried again without being asked to

let running = null; // AbortController of the search under way
let current = null; // the search that is shown
let answered = null; // the last one that was answered
let nextOffset = null;
let garmentBox = null; // where the garment of the last answer lies

const garments = makeGarments((garment) => run(refined(current, { garment, box: undefined, part: undefined }), { keep: true }));
const box = makeBox((sides) => change(sides), garments.tap);
const marks = { box, garments }; // on the picture
const filters = makeFilters((chosen) => refilter(chosen));
const sorting = makeSorting((chosen) => refilter(chosen));
const pad = makePad((strokes) => draw(strokes));

function show(view) {
  body.dataset.view = view;
  at("failure").hidden = view !== "failure";
}

function remember(search, how) {
  if (how === "push") history.pushState(stateOf(search), "", addressOf(search));
  if (how === "replace") history.replaceState({ ...history.state, ...stateOf(search) }, "", addressOf(search));
}

// --- one search at a time ----------------------------------------------

// Search. With `keep` the picture is the same, and the present results stay until new ones arrive.
async function run(search, { how = "push", keep = false, scroll = keep ? scrollY : 0 } = {}) {
  running?.abort();
  const mine = running = new AbortController();
  const kept = keep && answered !== null && body.dataset.view === "search";
  current = search;
  remember(search, how);
  showQuery(search, marks, { keep: kept });
  filters.show(search);
  sorting.show(search);
  showWaiting({ keep: kept });
  show("search");
  body.classList.add("busy");
  if (!kept) scrollTo(0, 0);
  try {
    const answer = await find(search, { limit, facets: filters.counted }, mine.signal);
    if (!mine.signal.aborted) finish(search, answer, scroll);
  } catch (error) {
    if (!mine.signal.aborted) fail(error, search, keep);
  } finally {
    if (mine === running) body.classList.remove("busy");
  }
}

function finish(search, answer, scroll) {
  answered = search;
  garmentBox = answer.query.box ?? garmentBox;
  nextOffset = answer.next_offset;
  search.queryId = answer.query_id ?? search.queryId;
  if (!search.box) search.garments = answer.query.garments; // in a box are those within it
  remember(search, "replace");
  showUnderstood(answer.query, search, marks);
  showResults(answer, { filtered: Object.keys(search.filter).length > 0, sort: search.sort });
  if (answer.facets) filters.count(answer);
  else if (filters.counted.length) count(search);
  scrollTo(0, scroll);
  document.title = answer.query.category ? `${capital(answer.query.category)} · Silhouette` : "Silhouette";
}

// Count the values of an answer that came before it was known which fields have some.
async function count(search) {
  const asked = { limit: 1, facets: filters.counted };
  const answer = await find(search, asked, running?.signal).catch(() => ({}));
  if (answer.facets && search === answered) filters.count(answer);
}

function fail(error, search, keep) {
  at("failure-title").textContent = error.title ?? "That didn't work";
  at("failure-text").textContent = error.message;
  at("retry").hidden = !search || (error instanceof Failure && !error.passing);
  body.classList.toggle("alone", !keep);
  at("results").removeAttribute("aria-busy");
  show("failure");
  say("");
  if (!QUEUE.includes(error.code)) return;
  setTimeout(() => { if (current === search && body.dataset.view === "failure") retry(); },
    1000 * (error.retryAfter || 2));
}

const retry = () => current && run(current, { how: "" });

async function more() {
  const mine = running;
  at("more").disabled = true;
  try {
    const answer = await find(current, { limit, offset: nextOffset }, mine.signal);
    if (mine !== running) return;
    nextOffset = answer.next_offset;
    addResults(answer, { sort: current.sort });
  } catch (error) {
    if (!mine.signal.aborted) fail(error, current, true);
  } finally {
    at("more").disabled = false;
  }
}

// --- the query -----------------------------------------------------------

async function take(file) {
  if (file.size > mostBytes) {
    running?.abort();
    current = null;
    const most = Math.floor(mostBytes / 2 ** 20);
    fail(new Failure("upload_too_large", `Photos of up to ${most} MB are accepted. Choose a smaller one.`), null, false);
    return;
  }
  const search = newSearch({ kind: "photo", file, picture: URL.createObjectURL(file) });
  const done = run(search);
  search.preview = await preview(file).catch(() => undefined);
  if (current === search) remember(search, "replace");
  await done;
}

const draftOf = (strokes) => newSearch({ kind: "sketch", strokes, filter: current?.filter ?? {}, sort: current?.sort });

// An empty pad.
function startSketch({ how = "push" } = {}) {
  running?.abort();
  body.classList.remove("busy");
  current = draftOf([]);
  answered = null;
  remember(current, how);
  pad.show([]);
  showQuery(current, marks, { keep: false });
  filters.show(current);
  showNone();
  document.title = "Sketch · Silhouette";
  show("search");
}

async function draw(strokes) {
  if (current?.kind !== "sketch") return;
  if (strokes.length === 0) {
    startSketch({ how: "replace" });
    say("The paper is empty.");
    return;
  }
  const search = { ...draftOf(strokes), everything: current.everything, file: await drawingOf(strokes) };
  if (current?.kind === "sketch") await run(search, { how: "replace", keep: true });
}

function refilter(chosen) {
  const search = refined(current, chosen);
  if (search.kind !== "sketch" || search.queryId || search.file) {
    run(search, { keep: true });
    return;
  }
  current = search; // nothing is drawn yet
  remember(search, "replace");
  filters.show(search);
}

function showEmpty() {
  running?.abort();
  body.classList.remove("busy");
  current = null;
  document.title = "Silhouette";
  show("empty");
  say("");
}

// Show what the URL and the history describe: after loading, and after going back or forward.
async function restore(state) {
  const search = searchAt(location, state);
  if (!search) {
    showEmpty();
  } else if (search.kind === "sketch" && !search.queryId && !search.strokes?.length) {
    current = search;
    startSketch({ how: "" });
  } else {
    if (search.strokes) {
      pad.show(search.strokes);
      search.queryId = undefined; // drawn anew: the service may have forgotten it
      search.file = await drawingOf(search.strokes);
    }
    await run(search, { how: "", scroll: state?.scroll ?? 0 });
  }
}

// --- examples, filters -------------------------------------------------

function example(result) {
  const entry = element("li");
  const anchor = link(result);
  anchor.setAttribute("aria-label", `Search from this example: ${nameOf(result)}`);
  anchor.append(picture(result, "clamp(4.25rem, 10vw, 6.5rem)"));
  entry.append(anchor);
  return entry;
}

async function learnIndex() {
  const index = await client.index().catch(() => ({ examples: [] }));
  at("example-list").replaceChildren(...index.examples.map(example));
  at("examples").hidden = index.examples.length === 0;
  filters.offer(index, current);
  sorting.offer(index);
  if (answered && answered === current && filters.counted.length) count(answered);
}

// --- events ------------------------------------------------------------

const isMarking = () => at("query").classList.contains("marking");

// Search with a box that was drawn: a part of the picture, or of the garment.
function change(sides) {
  const part = isMarking() && garmentBox ? inside(sides, garmentBox) : undefined;
  if (part && !large(part)) box.show(garmentBox); // it lies beside the garment
  else run(refined(current, part ? { part } : { box: sides, garment: undefined }), { keep: true });
}

at("part").addEventListener("click", () => {
  const marking = !isMarking();
  markParts(marking);
  if (!marking && current.part) run(refined(current, { part: undefined }), { keep: true });
});
for (const id of ["sketch", "sketch-again"]) at(id).addEventListener("click", () => startSketch());
at("reset").addEventListener("click", () => run(refined(current, { box: undefined, part: undefined }), { keep: true }));
at("retry").addEventListener("click", retry);
at("more").addEventListener("click", more);

document.addEventListener("click", (event) => {
  const anchor = event.target.closest("a");
  if (!anchor || event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (anchor.id === "home") {
    event.preventDefault();
    if (location.search) history.pushState(null, "", `${ROOT}/`);
    showEmpty();
  } else if (anchor.dataset.item) {
    event.preventDefault();
    const { filter = {}, sort, everything = false } = current ?? {};
    run(newSearch({ kind: "item", item: anchor.dataset.item, preview: anchor.dataset.image, filter, sort, everything }));
    at("main").focus({ preventScroll: true });
  }
});

addEventListener("popstate", (event) => restore(event.state));
addEventListener("scroll", settled(() => {
  if (body.dataset.view === "search") history.replaceState({ ...history.state, scroll: scrollY }, "");
}, 150));
history.scrollRestoration = "manual";

listenToPhotos(take);
listenToWhy();
restore(history.state);
learnIndex();
