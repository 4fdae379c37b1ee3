// One job: what became of it, what it sent, what happened when.
import { again } from "../again.js";
import { ask, get, path } from "../api.js";
import { dialog } from "../dialog.js";
import { h } from "../dom.js";
import { has } from "../features.js";
import { duration, id, middle, number, plural, precise, reasonOf, when } from "../format.js";
import { button, facts, heading, json, section, state, table } from "../parts.js";
import { lazy } from "../lazy.js";
import { plan } from "../mail.js";
import { problem } from "../problem.js";
import { refresh } from "../screen.js";
import { operates, session } from "../session.js";
import { timeline } from "../timeline.js";

async function load(here) {
  return { job: await get(path("/v1/jobs", here.words[0])) };
}

function told(job) {
  const tries = (job.attempt ?? 0) + 1;
  const on = `${tries === 1 ? "on the first try" : `on try ${tries}`}`;
  const words = {
    completed: () => [job.partial ? "Done in part " : "Done ", when(job.finished_ms), `, ${on}`, job.partial ? ": some recipients were refused" : "", "."],
    running: () => job.stuck ? ["The worker that had it is gone, and nobody took it over yet. Its message comes again by itself."] : ["A worker has it since ", when(job.started_ms), ", ", on, "."],
    retrying: () => ["Try ", number(tries + 1), " comes ", when(job.due_ms, "soon"), "."],
    dead: () => ["Died ", when(job.failed_ms ?? job.finished_ms ?? job.decided_ms ?? job.updated_ms, ""), ` ${on}. It stays where it is until somebody decides.`],
    queued: () => ["Published, and no worker has taken it yet."],
    scheduled: () => ["It is to be done ", when(job.due_ms, "later"), "."],
    cancelled: () => ["Cancelled: it will not be done."],
  };
  return h("p", { class: "lead" }, (words[job.state] ?? (() => []))());
}

/** The record names an outlet that is not the first; the timeline names each. */
const leftBy = (job, key) => (job.events ?? []).findLast(one => one.effect === key && one.outlet)?.outlet;

/** The record keeps `effect.<key>`, `outlet.<key>` and `refused.<key>` for each. */
function effects(job) {
  const keys = [...new Set(Object.keys(job).map(name => name.match(/^(?:effect|outlet|refused|intent|try)\.(.+)$/)?.[1]).filter(Boolean))];
  if (!keys.length) return null;
  return section("What it sent", table("Effects", [
    { name: "Effect", cell: key => key },
    { name: "State", cell: key => `effect.${key}` in job ? state("sent", "good") : state("not sent", job.state === "dead" ? "bad" : "wait") },
    { name: "Outlet", cell: key => job[`outlet.${key}`] ?? leftBy(job, key) ?? h("span", { class: "muted" }, "–") },
    { name: "The service's id", from: "wide", cell: key => job[`effect.${key}`] ? id(job[`effect.${key}`], 40) : "–" },
    { name: "Refused", from: "wide", cell: key => job[`refused.${key}`] ?? h("span", { class: "muted" }, "nobody") },
  ], keys, key => key));
}

const SHOWN = new Set(["payload", "id", "state", "type", "subject", "created_ms", "finished_ms", "queue", "worker", "attempt", "deferrals", "redrives", "reason", "error", "last_error", "dead_id", "stuck", "events", "publisher", "due_ms"]);

function known(job) {
  const more = Object.entries(job).filter(([name, value]) => !SHOWN.has(name) && value !== "");
  return [
    facts([
      ["Type", h("a", { href: `#/types/${encodeURIComponent(job.type ?? "")}` }, job.type)],
      ["Subject", job.subject ? h("a", { href: `#/jobs?word=${encodeURIComponent(job.subject)}` }, job.subject) : null],
      ["Came", job.created_ms ? precise(job.created_ms) : null],
      ["Took", job.finished_ms && job.created_ms ? duration(job.finished_ms - job.created_ms) : null],
      ["Queue", job.queue], ["Worker", job.worker], ["Published by", job.publisher],
      ["Deferred", job.deferrals ? plural(job.deferrals, "time") : null], ["Redriven", job.redrives ? plural(job.redrives, "time") : null],
    ]),
    h("details", {}, h("summary", {}, "The whole record"), json(Object.fromEntries([...Object.entries(job).filter(([name]) => name !== "events" && SHOWN.has(name)), ...more]))),
  ];
}

const CANCELLABLE = new Set(["queued", "scheduled", "retrying"]);

/** Asks before it cancels; what went out already is told. */
function cancel(job) {
  const now = { busy: false, error: null, done: null };
  const shown = dialog(close => ({
    title: `Cancel ${middle(job.id, 30)}`,
    content: [now.done ? h("div", { class: "saying" }, h("p", { class: "big", role: "status" }, now.done.sent?.length ? `Cancelled. Already sent: ${now.done.sent.join(", ")}.` : "Cancelled. Nothing was sent."))
      : h("p", {}, `It is ${job.state} and will not be done. What was sent already cannot be taken back; nothing else goes out. A cancelled job stays cancelled.`), now.error ? problem(now.error) : null],
    buttons: [button(now.done ? "Done" : "Close", close, "quiet"), now.done ? null : h("button", { type: "button", class: "danger sure", disabled: now.busy, onclick: go }, "Cancel")],
  }), () => refresh());
  async function go() {
    Object.assign(now, { busy: true, error: null });
    shown.redraw();
    try {
      now.done = await ask("DELETE", path("/v1/jobs", job.id));
    } catch (error) {
      now.error = error;
    }
    now.busy = false;
    shown.redraw();
  }
}

/** Its mails, if its payload is kept. */
function mails(job) {
  if (job.state === "dead") return null;
  if (!job.payload) return section("Its mails", h("p", { class: "muted" }, "Its payload is not kept, so they can be neither shown nor sent again: claim.keep_payload in leveret.yaml keeps those of later jobs."));
  return section("Its mails", lazy(`job:${job.id}`, "Show", () => get(`${path("/v1/jobs", job.id)}/mails`), data => plan(data, job.id), true));
}

async function copy(text, event) {
  const on = event.currentTarget;
  await navigator.clipboard?.writeText(text).catch(() => {});
  on.textContent = "Copied";
  setTimeout(() => { on.textContent = "Copy id"; }, 1500);
}

function draw({ job }) {
  const trouble = job.error ?? job.last_error;
  const letter = job.state === "dead" && job.dead_id && job.queue ? `#/dead/${encodeURIComponent(job.queue)}/${job.dead_id}` : null;
  return [
    h("p", { class: "crumbs" }, h("a", { href: "#/jobs" }, "Jobs")),
    heading(h("span", { class: "mono", title: job.id }, middle(job.id, 44)), button("Copy id", event => copy(job.id, event), "quiet"),
      job.state === "completed" && job.payload && operates() ? button("Send again", () => again(job)) : null,
      CANCELLABLE.has(job.state) && session.role !== "read" && has("/v1/jobs/{id}", "delete") ? button("Cancel", () => cancel(job), "danger") : null),
    h("div", { class: "standing" }, state(job.stuck ? "stuck" : job.state), told(job)),
    trouble || job.reason ? h("div", { class: job.state === "completed" ? "calm" : "trouble" }, h("p", {}, job.reason ? h("strong", {}, reasonOf(job.reason)) : null, job.reason && trouble ? ": " : null, trouble),
      letter ? h("p", {}, h("a", { href: letter }, "Look at the dead letter: edit, redrive or drop it")) : null) : null,
    known(job), effects(job), mails(job),
    section("Timeline", timeline(job.events ?? [])),
  ];
}

export const job = { title: here => here.words[0], load, draw, publishers: true, every: 3000,
  absorb: (kind, event, { job: known }) => kind === "more" || (kind === "job" && event.id === known.id) ? "refresh" : null };
