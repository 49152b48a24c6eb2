// The search page: one search at a time, its URL in the address bar, its state in the history.

import { addressOf, newSearch, refined, searchAt, stateOf } from "./address.js";
import { inside, large, makeBox } from "./box.js";
import { makeChosen } from "./chosen.js";
import { makeFilters } from "./filters.js";
import { makeGarments } from "./garments.js";
import { at, element, say, settled, tell } from "./nodes.js";
import { listenToPhotos, preview } from "./photo.js";
import { picture } from "./pictures.js";
import { SURE, markParts, showQuery, showUnderstood } from "./query.js";
import { addResults, link, nameOf, showNone, showResults, showWaiting } from "./results.js";
import { Failure, ROOT, find, learn, uploadOf } from "./service.js";
import { drawingOf, makePad } from "./sketch.js";
import { makeSorting } from "./sorting.js";
import { listenToWhy } from "./why.js";
import { SETTINGS, capital, heading, t } from "./words.js";

const body = document.body;
const { limit } = SETTINGS;
const KEPT = 12; // searches that back and forward show at once
const LOOK_AGAIN = 5; // seconds until the page looks again whether there is a catalogue

let running = null; // AbortController of the search under way
let current = null; // the search that is shown
let answered = null; // the last one that was answered
let shown = null; // its answer, with all results that were loaded
let garmentBox = null; // where the garment of the last answer lies
let loading = null; // further results that are asked for: whether the button was pressed
let stalled = false; // more results could not be had, and are not asked for by scrolling
let step = 0; // of the history; each has a number of its own
const visited = new Map(); // by step: its search, and its answer if there is one

const garments = makeGarments((garment) => run(refined(current, { garment, box: undefined, part: undefined }), { keep: true }));
const box = makeBox((sides) => change(sides), garments.tap);
const marks = { box, garments }; // on the picture
const filters = makeFilters((chosen) => refilter(chosen));
const sorting = makeSorting((chosen) => refilter(chosen));
const chosen = makeChosen((left) => refilter(left));
const pad = makePad((strokes) => draw(strokes));

function show(view) {
  body.dataset.view = view;
  at("failure").hidden = view !== "failure";
  at("skip").textContent = t(view === "search" ? "skip_results" : "skip");
  at("skip").hash = view === "search" ? "#found" : "#main";
}

// End the search under way.
function halt() {
  running?.abort();
  body.classList.remove("busy");
}

// Note something in the present step of the history.
const note = (fields, address) => history.replaceState({ ...history.state, ...fields }, "", address);

function remember(search, how, fields) {
  if (how === "push") {
    note({ scroll: scrollY });
    step = Math.random();
    history.pushState({ ...stateOf(search), step }, "", addressOf(search));
  }
  if (how === "replace") note({ ...stateOf(search), step, ...fields }, addressOf(search));
}

// Keep a search, and its answer once that is there, for a return to this step of the history; after a reload, how much
// was loaded is asked for again.
function retain(search, answer) {
  visited.delete(step);
  visited.set(step, { search, answer });
  if (visited.size > KEPT) visited.delete(visited.keys().next().value);
  if (answer) remember(search, "replace", { loaded: answer.results.length });
}

// --- one search at a time ----------------------------------------------

// Show a search, before its answer is there.
function present(search, { kept }) {
  current = search;
  showQuery(search, marks, { keep: kept });
  filters.show(search);
  sorting.show(search);
  chosen.show(search);
  at("carried").hidden = true;
}

// The first results of a search, at least so many where there are: `loaded` were there before a reload.
async function findAll(search, loaded, signal) {
  const part = (left) => Math.min(Math.max(left, 1), SETTINGS.most);
  const answer = await find(search, { limit: part(loaded), facets: filters.counted }, signal);
  while (answer.results.length < loaded && answer.next_offset !== null) {
    const asked = { limit: part(loaded - answer.results.length), offset: answer.next_offset };
    const next = await find(search, asked, signal);
    answer.results.push(...next.results);
    answer.next_offset = next.next_offset;
  }
  return answer;
}

// Search. With `keep` the picture is the same, and the present results stay until new ones arrive.
async function run(search, { how = "push", keep = false, scroll = keep ? scrollY : 0, loaded = limit } = {}) {
  running?.abort();
  const mine = running = new AbortController();
  const asked = findAll(search, loaded, mine.signal); // before anything else, for it takes longest
  const kept = keep && answered !== null && body.dataset.view === "search";
  remember(search, how);
  retain(search);
  present(search, { kept });
  showWaiting({ keep: kept });
  show("search");
  body.classList.add("busy");
  if (!kept) scrollTo(0, 0);
  try {
    const answer = await asked;
    if (mine.signal.aborted) return;
    const unfit = search.carried ? unfitFilters(search, answer) : [];
    if (unfit.length) await run(without(search, unfit, answer.query_id), { how: "replace" });
    else finish(search, answer, scroll);
  } catch (error) {
    if (!mine.signal.aborted) fail(error, search, keep);
  } finally {
    if (mine === running) body.classList.remove("busy");
  }
}

// The fields of filters kept from the search before that don't apply to a new picture: all where nothing passes them.
function unfitFilters({ filter }, { query, total }) {
  if (total === 0) return Object.keys(filter);
  const other = filter.category && !filter.category.includes?.(query.category);
  return other && query.category_confidence >= SURE ? ["category"] : [];
}

function without(search, dropped, queryId) {
  const filter = Object.fromEntries(Object.entries(search.filter).filter(([field]) => !dropped.includes(field)));
  return { ...search, filter, queryId: queryId ?? search.queryId, carried: false, dropped };
}

function finish(search, answer, scroll) {
  answered = search;
  shown = answer;
  stalled = false;
  garmentBox = answer.query.box ?? garmentBox;
  search.queryId = answer.query_id ?? search.queryId;
  if (!search.box) search.garments = answer.query.garments; // in a box are those within it
  if (search.address && !search.preview) {
    search.preview = uploadOf(search.queryId);
    showQuery(search, marks, { keep: false });
  }
  showUnderstood(answer.query, search, marks);
  showResults(answer, { filtered: Object.keys(search.filter).length > 0, sort: search.sort });
  const dropped = search.dropped ? t("dropped", { fields: search.dropped.map(heading).join(", ") }) : "";
  tell("carried", search.carried ? t("kept") : dropped);
  if (answer.facets) filters.count(answer);
  else if (filters.counted.length) count(search);
  retain(search, answer);
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
  const failure = error instanceof Failure ? error : new Failure("");
  at("failure-title").textContent = failure.title;
  at("failure-text").textContent = failure.message;
  at("retry").hidden = !search || !failure.passing;
  body.classList.toggle("alone", !keep);
  at("results").removeAttribute("aria-busy");
  show("failure");
  say("");
  if (!failure.queued) return;
  setTimeout(() => { if (current === search && body.dataset.view === "failure") retry(); },
    1000 * (failure.retryAfter || 2));
}

const retry = () => current && run(current, { how: "" });

// Refuse what is no search at all.
function refuse(code) {
  halt();
  current = null;
  fail(new Failure(code), null, false);
}

// Load further results; where the button was pressed meanwhile, the first of them is focused.
async function more(pressed = false) {
  if (loading) {
    loading.pressed ||= pressed;
    return;
  }
  const [mine, answer] = [running, shown];
  const asked = loading = { pressed };
  try {
    const next = await find(current, { limit, offset: answer.next_offset }, mine.signal);
    if (mine !== running) return;
    answer.results.push(...next.results);
    answer.next_offset = next.next_offset;
    addResults(answer, next, { sort: current.sort, pressed: asked.pressed });
    retain(current, answer);
    stalled = false;
  } catch (error) {
    if (mine.signal.aborted) return;
    stalled = true;
    tell("end", error.message);
    say(error.message);
  } finally {
    loading = null;
  }
}

function moreByScrolling() {
  const button = at("more");
  if (body.dataset.view !== "search" || button.hidden || stalled) return;
  if (button.getBoundingClientRect().top < 2 * innerHeight) more();
}

// --- the query -----------------------------------------------------------

// What a new picture keeps of the search before.
function carriedOver() {
  const { filter = {}, sort, everything = false } = current ?? {};
  return { filter, sort, everything, carried: Object.keys(filter).length > 0 };
}

async function take(file) {
  if (file.size > SETTINGS.bytes) {
    refuse("upload_too_large");
    return;
  }
  const search = newSearch({ kind: "photo", file, picture: URL.createObjectURL(file), ...carriedOver() });
  const done = run(search);
  search.preview = await preview(file).catch(() => undefined);
  if (current === search) remember(search, "replace");
  await done;
}

// Search with the picture at an address; one of this page is gone to.
function visit(address) {
  const place = new URL(address);
  const own = place.origin === location.origin && place.pathname === `${ROOT}/` && searchAt(place);
  if (own) run(own);
  else if (SETTINGS.addresses) run(newSearch({ kind: "photo", address, ...carriedOver() }));
  else refuse("url_not_allowed");
}

const draftOf = (strokes) => newSearch({ kind: "sketch", strokes, filter: current?.filter ?? {}, sort: current?.sort });

// An empty pad.
function startSketch({ how = "push" } = {}) {
  halt();
  const draft = draftOf([]);
  answered = null;
  remember(draft, how);
  retain(draft);
  pad.show([]);
  present(draft, { kept: false });
  showNone();
  document.title = `${t("title_sketch")} · Silhouette`;
  show("search");
}

async function draw(strokes) {
  if (current?.kind !== "sketch") return;
  if (strokes.length === 0) {
    startSketch({ how: "replace" });
    say(t("paper_empty"));
    return;
  }
  const search = { ...draftOf(strokes), everything: current.everything, file: await drawingOf(strokes) };
  if (current?.kind === "sketch") await run(search, { how: "replace", keep: true });
}

function refilter(changes) {
  const search = refined(current, changes);
  if (search.kind !== "sketch" || search.queryId || search.file) {
    run(search, { keep: true });
    return;
  }
  remember(search, "replace"); // nothing is drawn yet
  present(search, { kept: true });
}

function showEmpty() {
  halt();
  current = null;
  document.title = "Silhouette";
  show("empty");
  say("");
}

// Show a search that was answered before.
function revisit({ search, answer }, scroll) {
  halt();
  running = new AbortController();
  if (search.strokes) pad.show(search.strokes);
  present(search, { kept: false });
  show("search");
  finish(search, answer, scroll);
}

// Show what the URL and the history describe: after loading, and after going back or forward.
async function restore(state) {
  step = state?.step ?? Math.random();
  const scroll = state?.scroll ?? 0;
  const { search = searchAt(location, state), answer } = visited.get(step) ?? {};
  if (answer) {
    revisit({ search, answer }, scroll);
  } else if (!search) {
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
    await run(search, { how: "", scroll, loaded: state?.loaded ?? limit });
  }
}

// --- examples, filters -------------------------------------------------

function example(result) {
  const entry = element("li");
  const anchor = link(result);
  anchor.setAttribute("aria-label", t("example", { name: nameOf(result) }));
  anchor.append(picture(result, "clamp(4.25rem, 10vw, 6.5rem)"));
  entry.append(anchor);
  return entry;
}

async function learnIndex() {
  const index = await learn().catch((error) => error);
  if (index instanceof Failure) {
    tell("trouble", `${index.title}. ${index.message}`);
    at("examples").hidden = true;
    setTimeout(learnIndex, 1000 * (index.retryAfter || LOOK_AGAIN));
    return;
  }
  tell("trouble", index.items ? "" : t("no_garments"));
  at("example-list").replaceChildren(...index.examples.map(example));
  at("examples").hidden = index.examples.length === 0;
  filters.offer(index, current);
  sorting.offer(index);
  for (const id of ["filters", "sorting"]) at(id).classList.remove("unknown"); // their place was kept
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
at("category").addEventListener("click", ({ currentTarget: { value, ariaPressed } }) => {
  const { category: _, ...others } = current.filter;
  refilter({ filter: ariaPressed === "true" ? others : { ...others, category: [value] } });
});
for (const id of ["sketch", "sketch-again"]) at(id).addEventListener("click", () => startSketch());
at("reset").addEventListener("click", () => run(refined(current, { box: undefined, part: undefined }), { keep: true }));
at("retry").addEventListener("click", retry);
at("more").addEventListener("click", () => more(true));

document.addEventListener("click", (event) => {
  const anchor = event.target.closest("a");
  if (!anchor || event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (anchor.id === "home") {
    event.preventDefault();
    if (location.search) history.pushState(null, "", `${ROOT}/`);
    showEmpty();
  } else if (anchor.id === "skip") {
    event.preventDefault(); // its hash would be a step of the history
    at(anchor.hash.slice(1)).focus();
  } else if (anchor.dataset.item) {
    event.preventDefault();
    const { filter = {}, sort, everything = false } = current ?? {};
    run(newSearch({ kind: "item", item: anchor.dataset.item, preview: anchor.dataset.image, filter, sort, everything }));
    at("main").focus({ preventScroll: true });
  }
});

addEventListener("popstate", (event) => restore(event.state));
addEventListener("scroll", moreByScrolling, { passive: true });
addEventListener("scroll", settled(() => {
  if (body.dataset.view === "search") note({ scroll: scrollY });
}, 150));
history.scrollRestoration = "manual";

listenToPhotos(take, visit);
listenToWhy();
restore(history.state);
learnIndex();
