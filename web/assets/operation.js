// Long work that the server does by itself: its progress, stopping it, bringing back what it dropped.
import { get, path, post } from "./api.js";
import { h } from "./dom.js";
import { number, plural } from "./format.js";

const EVERY_MS = 700;
const VERBS = { redrive: ["Redriving", "redriven"], drop: ["Dropping", "dropped"], edit: ["Redriving", "edited and redriven"], restore: ["Restoring", "restored"] };

export const isOver = operation => operation.state !== "running";

/** Asks again and again until it is over; `told(operation)` each time. `wanted()` false: nobody looks any more. */
export async function follow(operation, told, wanted) {
  let current = operation;
  told(current);
  while (!isOver(current) && wanted()) {
    await new Promise(resolve => { setTimeout(resolve, EVERY_MS); });
    try {
      current = await get(path("/v1/operations", operation.id));
      told(current);
    } catch (error) {
      told(current, error);
    }
  }
  return current;
}

export const stop = operation => post(`${path("/v1/operations", operation.id)}/stop`);
export const restore = operation => post(`${path("/v1/operations", operation.id)}/restore`);

export function headline(operation) {
  const [now, done] = VERBS[operation.kind] ?? [operation.kind, operation.kind];
  if (operation.state === "running") return `${now}: ${number(operation.done)} of ${number(operation.total)}`;
  const left = operation.total - operation.done - (operation.expired ?? 0);
  const rest = { done: "", stopped: ` Stopped: ${number(left)} are as they were.`, failed: ` It failed: ${operation.error}.` }[operation.state] ?? "";
  const expired = operation.expired ? ` ${plural(operation.expired, "letter")} past the deadline ${operation.expired === 1 ? "was" : "were"} left alone.` : "";
  return `${plural(operation.done, "letter")} ${done}.${expired}${rest}`;
}

export function progress(operation) {
  return h("div", { class: "saying" },
    h("p", { class: "big", role: "status" }, headline(operation)),
    operation.state === "running" ? h("progress", { max: Math.max(1, operation.total), value: operation.done, "aria-label": "Progress" }) : null,
    operation.state === "running" ? h("p", { class: "hint" }, "It goes on if this page is closed.") : null);
}
