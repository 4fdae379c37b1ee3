// Find a job: by its id, its subject, its type, its state.
import { get, query } from "../api.js";
import { h } from "../dom.js";
import { id, number, reasonOf, when } from "../format.js";
import { choice, empty, field, heading, pager, state, table } from "../parts.js";

export const STATES = ["queued", "scheduled", "running", "retrying", "completed", "dead", "cancelled", "stuck"];
const SINCE = [["", "any time"], ["15m", "15 minutes"], ["1h", "hour"], ["24h", "24 hours"], ["7d", "7 days"]];

async function load(here) {
  const asked = Object.fromEntries(here.query);
  const types = get("/v1/types");
  const { word, ...others } = asked;
  const list = await (word ? search(word, others) : get(query("/v1/jobs", { ...others, limit: 50 })));
  return { ...list, types: (await types).items };
}

/** The word is an id, a dead id or a subject: whatever is found is shown. */
async function search(word, others) {
  const [byId, bySubject] = await Promise.all([
    others.cursor ? { items: [] } : get(query("/v1/jobs", { id: word })),
    get(query("/v1/jobs", { ...others, subject: word, limit: 50 })),
  ]);
  const seen = new Set(byId.items.map(one => one.id));
  return { ...bySubject, items: [...byId.items, ...bySubject.items.filter(one => !seen.has(one.id))] };
}

function look(event, here) {
  event?.preventDefault();
  const form = document.getElementById("find");
  const words = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value.trim()) words.set(name, value.trim());
  location.hash = `${here.path}${words.size ? `?${words}` : ""}`;
}

function form(here, types) {
  const value = name => here.query.get(name) ?? "";
  const change = () => look(null, here);
  const known = types.map(({ type }) => [type, type]);
  if (value("type") && !types.some(({ type }) => type === value("type"))) known.push([value("type"), value("type")]);
  return h("form", { id: "find", class: "filters", role: "search", onsubmit: event => look(event, here) },
    h("div", { class: "field grow" }, h("label", { for: "word" }, "Id or subject"),
      h("input", { id: "word", name: "word", type: "search", value: value("word"), placeholder: "order/42", spellcheck: "false", autocapitalize: "off" })),
    field("State", choice("state", [["", "all"], ...STATES.map(word => [word, word])], value("state"), change)),
    field("Type", choice("type", [["", "all"], ...known], value("type"), change)),
    field("Changed within", choice("since", SINCE, value("since"), change)),
    h("button", { type: "submit", class: "primary" }, "Search"));
}

export const jobLink = row => h("a", { href: `#/jobs/${encodeURIComponent(row.id)}` }, id(row.id));
const changed = row => row.finished_ms ?? row.updated_ms ?? row.failed_ms ?? row.started_ms ?? row.created_ms;

const list = rows => table("Jobs", [
  { name: "Job", cell: row => [jobLink(row), h("div", { class: "sub" }, row.type, row.subject ? h("span", { class: "narrow" }, ` · ${row.subject}`) : null)] },
  { name: "State", cell: row => state(row.stuck ? "stuck" : row.state) },
  { name: "Subject", from: "wide", cell: row => row.subject ?? h("span", { class: "muted" }, "–") },
  { name: "Why", from: "wide", class: "cut", cell: row => row.reason ? `${reasonOf(row.reason)}${row.error ? `: ${row.error}` : ""}` : row.last_error ?? row.error ?? h("span", { class: "muted" }, "–") },
  { name: "Tries", number: true, from: "wide", cell: row => number((row.attempt ?? 0) + 1) },
  { name: "Changed", number: true, cell: row => when(changed(row)) },
], rows, row => row.id);

function nothing(here) {
  if (here.query.size === 0)
    return empty("No job yet", "A job is listed when a worker has taken its message. Try one: ", h("code", {}, "leveret publish email.send.v1 --data @mail.json"));
  return empty("No job is found", "An id must be whole; a subject, too (order/42). A record is kept for claim.keep after its end. ",
    h("a", { href: "#/jobs" }, "Show all jobs"), ".");
}

function draw(data, here) {
  const cursor = here.query.get("cursor");
  return [
    heading("Jobs"), form(here, data.types),
    data.items.length ? list(data.items) : nothing(here),
    data.complete === false && !data.next ? h("p", { class: "muted note" }, "There may have been more: of those that run or are completed, the latest thousand are listed. A job is found by its id for as long as its record is kept.") : null,
    pager(here, cursor, data.next),
  ];
}

/** A change is worth looking at on the first page, if it may belong there. */
function absorb(kind, event, data, here) {
  const asked = name => here.query.get(name);
  if (asked("cursor") || !["job", "more"].includes(kind)) return null;
  if (kind === "job" && asked("type") && event.type !== asked("type")) return null;
  return kind === "job" && asked("word") && ![event.id, event.subject].includes(asked("word")) ? null : "refresh";
}

export const jobs = { title: "Jobs", load, draw, absorb };
