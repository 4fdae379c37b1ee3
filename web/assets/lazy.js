// What is only asked for when somebody wants it: kept over refreshes, and its error shown in its place.
import { h } from "./dom.js";
import { problem } from "./problem.js";
import { redraw } from "./screen.js";

const known = new Map();

/** `key`: what it is of. `ask()` fetches, `draw(data)` shows. `eager`: at once, not when the button is pressed. */
export function lazy(key, text, ask, draw, eager = false) {
  const now = known.get(key) ?? {};
  if (now.data !== undefined) return draw(now.data);
  async function fetchIt() {
    known.set(key, { busy: true });
    redraw();
    try {
      known.set(key, { data: await ask() });
    } catch (error) {
      known.set(key, { error });
    }
    redraw();
  }
  if (eager && !known.has(key)) setTimeout(fetchIt);
  return h("div", { class: "lazy" }, now.error ? problem(now.error) : null,
    h("button", { type: "button", disabled: Boolean(now.busy), onclick: fetchIt }, now.busy ? "Loading …" : now.error ? "Try again" : text));
}

export const forget = key => known.delete(key);

