// What happened to a job, in order, in words.
import { h } from "./dom.js";
import { clock, duration, exact, middle } from "./format.js";
import { empty } from "./parts.js";

const DECISIONS = { retry: "To be tried again", defer: "Put back, no attempt is counted", dead: "Died" };
const CLAIMS = { new: "Taken by a worker", resumed: "Taken up again", redrive: "Taken again after a redrive", retry: "Taken for another try" };

// event -> [words, tone]
const EVENTS = {
  claim: event => [CLAIMS[event.answer] ?? `Taken (${event.answer})`, "go"],
  effect: event => event.outcome === "sent" ? [`Sent: ${event.effect}`, "good"] : [`Refused: ${event.effect}`, "bad"],
  completed: event => [event.effect && event.outcome === "sent" ? `Sent: ${event.effect}; completed` : "Completed", "good"],
  decide: event => [DECISIONS[event.decision] ?? `Decided: ${event.decision}`, event.decision === "dead" ? "bad" : "slow"],
  settled: event => [event.decision === "dead" ? "Lies in the dead-letter queue" : "Waits for its time", event.decision === "dead" ? "bad" : "slow"],
  redrive: () => ["Redriven", "go"],
  edited: event => [event.new_id ? "Edited; goes on under a new id" : "Made by an edit", "go"],
  dropped: () => ["Dropped", "off"],
  restored: () => ["Restored", "slow"],
  cancelled: () => ["Cancelled", "off"],
  scheduled: () => ["Waits for its date", "wait"],
};

const SAID = new Set(["ts", "at_ms", "event", "decision", "answer", "outcome", "worker"]);
const WORTHLESS = new Set([0, "", null]);

function details(event) {
  return Object.entries(event).filter(([name, value]) => !SAID.has(name) && !WORTHLESS.has(value))
    .map(([name, value]) => h("span", { class: name === "error" ? "detail error" : "detail" },
      h("span", { class: "muted" }, name === "error" ? "" : `${name.replaceAll("_", " ")} `), typeof value === "string" && name.endsWith("id") ? middle(value, 34) : String(value)));
}

export function timeline(events) {
  if (!events.length) return empty("No timeline", "Its entries have expired, or no worker has seen the job yet.");
  let last = null;
  return h("ol", { class: "timeline" }, events.map(event => {
    const at = event.ts ?? event.at_ms;
    const [words, tone] = EVENTS[event.event]?.(event) ?? [event.event, "off"];
    const gap = last !== null && at - last >= 1000 ? duration(at - last) : null;
    last = at;
    return h("li", { class: tone },
      h("time", { datetime: new Date(at).toISOString(), title: exact(at) }, clock(at)),
      h("div", {}, h("p", {}, h("strong", {}, words), gap ? h("span", { class: "muted" }, ` ${gap} later`) : null,
        event.worker ? h("span", { class: "muted" }, ` by ${event.worker}`) : null), h("p", { class: "details" }, details(event))));
  }));
}
