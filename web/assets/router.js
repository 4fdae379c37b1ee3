// Which view an address means; a view is loaded, drawn, and drawn again whenever it may have changed.
import { h, nodes, patch } from "./dom.js";
import { isLive, onEvent } from "./live.js";
import { problem } from "./problem.js";
import { empty, heading } from "./parts.js";
import { reads } from "./session.js";
import { overview } from "./views/overview.js";
import { jobs } from "./views/jobs.js";
import { job } from "./views/job.js";
import { dead } from "./views/dead.js";
import { letter } from "./views/letter.js";
import { edit } from "./views/edit.js";
import { queues } from "./views/queues.js";
import { schedules } from "./views/schedules.js";
import { types } from "./views/types.js";
import { type } from "./views/type.js";
import { audit } from "./views/audit.js";

// A view: {title, load(here) -> data, draw(data, here) -> nodes, every: ms}. `here` is {path, words, query}. It may have absorb(kind, event,
// data, here): what the server tells changes the data ("redraw"), or makes it worth asking for again ("refresh").
const ROUTES = [
  ["/", overview], ["/jobs", jobs], ["/jobs/:", job],
  ["/dead", dead], ["/dead/:", dead], ["/dead/:/:", letter], ["/dead/:/:/edit", edit],
  ["/queues", queues], ["/schedules", schedules], ["/types", types], ["/types/:", type], ["/audit", audit],
];

const main = document.getElementById("main");
let shown = { view: null, here: null, data: undefined };
let timer = null, turn = 0, nudged = false;

function parse() {
  const [path, query] = (location.hash.replace(/^#/, "") || "/").split("?");
  const segments = path.split("/").filter(Boolean).map(segment => {
    try {
      return decodeURIComponent(segment);
    } catch {
      return segment;
    }
  });
  for (const [pattern, view] of ROUTES) {
    const wanted = pattern.split("/").filter(Boolean);
    if (wanted.length === segments.length && wanted.every((word, at) => word === ":" || word === segments[at]))
      return { view: reads() || view.publishers ? view : { ...notForYou, title: view.title }, here: { path, query: new URLSearchParams(query ?? ""), words: segments.filter((_, at) => wanted[at] === ":"), top: segments[0] ?? "" } };
  }
  return { view: null, here: { path, query: new URLSearchParams(), words: [], top: "" } };
}

function markNavigation(top) {
  for (const link of document.querySelectorAll(".side nav a")) {
    const current = link.getAttribute("href") === `#/${top}`;
    if (current) {
      link.setAttribute("aria-current", "page");
      const strip = link.closest("nav");
      strip.scrollLeft = link.offsetLeft - strip.clientWidth / 2 + link.clientWidth / 2;
    } else link.removeAttribute("aria-current");
  }
}

const nowhere = () => [heading("Nothing is here"), h("p", {}, "This address leads nowhere. ", h("a", { href: "#/" }, "Go to the overview"), ".")];

/** What a token that publishes gets instead of a view that is not for it. */
const notForYou = { load: async () => ({}), every: 3600000,
  draw: () => [heading("Not for this token"), empty("It publishes, and sees types and its own jobs", "A job is opened by its address, #/jobs/ID. ", h("a", { href: "#/types" }, "Go to the types"), ".")] };

function show(content, fresh, values) {
  if (fresh) main.replaceChildren(...nodes(content));
  else patch(main, content, values);
}

function focusHeading() {
  window.scrollTo(0, 0);
  main.querySelector("h1")?.focus({ preventScroll: true });
}

function titleOf(view, here) {
  const title = typeof view.title === "function" ? view.title(here) : view.title;
  document.title = `${title} · leveret`;
  return title;
}

async function draw(mine, { view, here, fresh, values }) {
  let content;
  try {
    const data = await view.load(here);
    if (mine !== turn) return;
    shown.data = data;
    content = view.draw(data, here);
  } catch (error) {
    if (mine !== turn) return;
    if (!error.status && error.status !== 0) console.error(error);
    // What is on the screen stays, with the error above it: a short outage takes nothing away from who reads or writes.
    const old = shown.data === undefined ? [heading(titleOf(view, here))] : [...main.children].filter(child => !child.matches(".stale"));
    if (shown.data === undefined) content = [...old, h("div", { class: "stale" }, problem(error))];
    else {
      if (!main.querySelector(".stale")) main.prepend(h("div", { class: "stale" }, problem(error)));
      return again(view);
    }
  }
  show(content, fresh, values);
  if (fresh) focusHeading();
  again(view);
}

const EVERY_MS = 5000, LIVE_EVERY_MS = 15000, NUDGE_MS = 1000;

/** A server that tells by itself is asked less often. */
function again(view) {
  const every = view.every ?? EVERY_MS;
  clearTimeout(timer);
  nudged = false;
  timer = setTimeout(() => (document.hidden ? again(view) : refresh()), view.absorb && isLive() ? Math.max(every, LIVE_EVERY_MS) : every);
}

function nudge(view) {
  if (nudged) return;
  nudged = true;
  clearTimeout(timer);
  timer = setTimeout(() => (document.hidden ? again(view) : refresh()), NUDGE_MS);
}

onEvent((kind, event) => {
  if (shown.data === undefined || !shown.view.absorb) return;
  const wish = shown.view.absorb(kind, event, shown.data, shown.here);
  if (wish === "redraw") redraw();
  if (wish === "refresh") nudge(shown.view);
});

/** Loads and draws what is shown once more, in place. */
export async function refresh(values = false) {
  if (!shown.view) return;
  await draw(++turn, { ...shown, fresh: shown.data === undefined, values });
}

/** Draws what is shown once more from what is known, after a choice of the user. */
export function redraw() {
  if (shown.view && shown.data !== undefined) patch(main, shown.view.draw(shown.data, shown.here));
}

export function leave() {
  turn++;
  clearTimeout(timer);
  shown = { view: null, here: null, data: undefined };
  main.replaceChildren();
}

/** Shows what the address says. Within one view a changed query keeps the form as it is. */
export async function route() {
  const { view, here } = parse();
  const same = view && view === shown.view && here.path === shown.here.path;
  clearTimeout(timer);
  markNavigation(here.top);
  const data = same ? shown.data : undefined;
  shown = { view, here, data };
  turn++;
  if (!view) {
    document.title = "leveret";
    show(nowhere(), true);
    return focusHeading();
  }
  titleOf(view, here);
  const mine = turn;
  if (!same) setTimeout(() => { if (mine === turn && shown.data === undefined) show([heading(titleOf(view, here)), h("p", { class: "loading" }, "Loading …")], true); }, 250);
  await draw(mine, { view, here, fresh: data === undefined, values: true });
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
