// Redrive and Drop: what would happen first, then the work with its progress, then what came of it.
import { path, post } from "./api.js";
import { dialog } from "./dialog.js";
import { h } from "./dom.js";
import { number, plural, reasonOf } from "./format.js";
import { follow, isOver, progress, restore, stop } from "./operation.js";
import { button, field } from "./parts.js";
import { problem } from "./problem.js";

const GROUPS_SHOWN = 6;
const WORDS = {
  redrive: { title: "Redrive", means: "They go back to their queue and are done again. What was sent is not sent again.", kind: "primary" },
  drop: { title: "Drop", means: "They are taken out of the dead-letter queue and nothing is sent. They can be brought back for 7 days.", kind: "danger sure" },
};

/** By type and reason alone: the largest first. */
function kinds(plan) {
  const counts = new Map();
  for (const { type, reason, count } of plan.groups ?? []) {
    const words = `${type ?? "without a type"}: ${reasonOf(reason) || "no reason"}`;
    counts.set(words, (counts.get(words) ?? 0) + count);
  }
  return [...counts].sort(([, a], [, b]) => b - a);
}

function groups(plan) {
  const all = kinds(plan), shown = all.slice(0, GROUPS_SHOWN);
  const more = all.length - shown.length;
  return h("ul", {}, shown.map(([words, count]) => h("li", {}, h("b", {}, number(count)), h("span", {}, words))),
    more > 0 ? h("li", {}, h("b", {}), h("span", {}, `and ${plural(more, "more group")}`)) : null);
}

/** Of what is chosen, what is past its deadline is left alone. */
const touched = plan => plan.total - (plan.expired ?? 0);

function foretold(kind, plan) {
  const verb = { redrive: "redriven", drop: "dropped" }[kind], count = touched(plan);
  const expired = plan.expired ? ` ${plural(plan.expired, "letter")} past the deadline ${plan.expired === 1 ? "stays" : "stay"} where ${plan.expired === 1 ? "it is" : "they are"}.` : "";
  return h("div", { class: "saying" },
    h("p", { class: "big", role: "status" }, count === 0 ? `Nothing would be ${verb}.${expired}` : `${plural(count, "letter")} will be ${verb}.${expired}`), groups(plan));
}

/** `choice`: what the API is asked for, as {ids} or {all} or filters; `words`: the same for people. `over(operation)`: it is done and closed. */
export function bulk(kind, { queue, choice, words, queues = [], over }) {
  const { title, means, kind: look } = WORDS[kind];
  const now = { plan: null, busy: false, error: null, operation: null, restored: null };
  const options = { rate: "", expired: false, to: queue === "leveret.unrouted" ? queues[0] ?? "" : null };
  let open = true;
  const shown = dialog(draw, () => {
    open = false;
    over?.(now.restored ?? now.operation);
  });

  const body = dry => ({
    ...choice, ...(dry ? { dry_run: true } : {}), ...(options.to ? { to: options.to } : {}),
    ...(kind === "redrive" && options.expired ? { expired: true } : {}), ...(kind === "redrive" && Number(options.rate) > 0 ? { rate: Number(options.rate) } : {}),
  });

  function dryRun() {
    return shown.attempt(now, async () => {
      now.plan = null;
      now.plan = await post(`${path("/v1/dead", queue)}/${kind}`, body(true));
    });
  }

  function watch(name) {
    return follow(now[name], (operation, error) => {
      now[name] = operation;
      now.error = error ?? null;
      shown.redraw();
    }, () => open);
  }

  function start() {
    return shown.attempt(now, async () => {
      now.operation = await post(`${path("/v1/dead", queue)}/${kind}`, body(false));
      watch("operation");
    });
  }

  function bringBack() {
    return shown.attempt(now, async () => {
      now.restored = await restore(now.operation);
      watch("restored");
    });
  }

  function choose(name, value) {
    options[name] = value;
    dryRun();
  }

  function settings() {
    if (kind !== "redrive") return null;
    return h("div", { class: "options" },
      queue === "leveret.unrouted" ? field("To the queue", h("select", { onchange: event => choose("to", event.target.value) }, queues.map(name => h("option", { value: name }, name)))) : null,
      field("At most a second", h("input", { type: "number", min: "1", step: "1", inputmode: "numeric", placeholder: "as fast as it goes", onchange: event => { options.rate = event.target.value; } })),
      h("label", { class: "check" }, h("input", { type: "checkbox", checked: options.expired, onchange: event => choose("expired", event.target.checked) }),
        h("span", {}, "Also what is past its deadline", h("span", { class: "hint" }, " (a login code of last night)"))));
  }

  function draw(close) {
    const current = now.restored ?? now.operation;
    const closing = button(current && isOver(current) ? "Done" : "Close", close, "quiet");
    const error = now.error ? h("div", {}, problem(now.error)) : null;
    if (current) {
      return { title: `${now.restored ? "Restore" : title} ${words}`, content: [progress(current), error],
        buttons: [closing, isOver(current) ? null : button("Stop", () => stop(current).catch(failed => { now.error = failed; })),
          isOver(current) && current.restorable ? button("Restore", bringBack) : null] };
    }
    return {
      title: `${title} ${words}`,
      content: [h("p", { class: "muted" }, means), settings(), now.plan ? foretold(kind, now.plan) : h("div", { class: "saying" }, h("p", { class: "big" }, now.error ? "What would happen is not known." : "Counting …")), error],
      buttons: [closing, button("Dry run", dryRun), h("button", { type: "button", class: look, disabled: now.busy || !now.plan || touched(now.plan) === 0, onclick: start }, title)],
    };
  }

  dryRun();
}
