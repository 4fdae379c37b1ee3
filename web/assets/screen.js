// What is shown: a view is loaded, drawn, and drawn again whenever it may have changed.
import { h, nodes, patch } from "./dom.js";
import { isLive, onEvent } from "./live.js";
import { problem } from "./problem.js";
import { heading } from "./parts.js";

// A view: {title, load(here) -> data, draw(data, here) -> nodes, every: ms}. `here` is {path, words, query}. It may have absorb(kind, event,
// data, here): what the server tells changes the data ("redraw"), or makes it worth asking for again ("refresh").
const main = document.getElementById("main");
let shown = { view: null, here: null, data: undefined };
let timer = null, turn = 0, nudged = false;

function put(content, fresh, values) {
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
  put(content, fresh, values);
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

const nowhere = () => [heading("Nothing is here"), h("p", {}, "This address leads nowhere. ", h("a", { href: "#/" }, "Go to the overview"), ".")];

/** Shows a view, or that there is none. Within one view a changed query keeps the form as it is. */
export async function show(view, here) {
  const same = view && view === shown.view && here.path === shown.here.path;
  clearTimeout(timer);
  const data = same ? shown.data : undefined;
  shown = { view, here, data };
  turn++;
  if (!view) {
    document.title = "leveret";
    put(nowhere(), true);
    return focusHeading();
  }
  titleOf(view, here);
  const mine = turn;
  if (!same) setTimeout(() => { if (mine === turn && shown.data === undefined) put([heading(titleOf(view, here)), h("p", { class: "loading" }, "Loading …")], true); }, 250);
  await draw(mine, { view, here, fresh: data === undefined, values: true });
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
