// Dead letters of a queue: what they died of, or one by one; to be redriven or dropped.
import { get, path, query } from "../api.js";
import { bulk } from "../bulk.js";
import { h, say } from "../dom.js";
import { id, number, plural, reasonOf, when } from "../format.js";
import { button, choice, empty, field, heading, pager, section, table, whole } from "../parts.js";
import { operationsTable } from "../operations.js";
import { redraw, refresh } from "../screen.js";
import { operates } from "../session.js";

const UNROUTED = "leveret.unrouted";
const FILTERS = ["reason", "type", "subject", "search", "since"];
const SINCE = [["", "any time"], ["1h", "hour"], ["24h", "24 hours"], ["7d", "7 days"]];
const REASONS = ["bad_payload", "unknown_type", "rejected", "permanent_failure", "attempts_exhausted", "expired", "id_conflict", "crash_loop", "unrouted"];

/** Where there are very many, each answer has counted some more. */
const COUNT_ON_MS = 400;

let chosen = { queue: null, ids: new Set() };

const filtersOf = here => Object.fromEntries(FILTERS.filter(name => here.query.get(name)).map(name => [name, here.query.get(name)]));

async function load(here) {
  const queues = (await get("/v1/queues")).items;
  const queue = here.words[0] ?? (queues.find(one => one.dead > 0) ?? queues[0]).queue;
  if (chosen.queue !== queue) chosen = { queue, ids: new Set() };
  const filters = filtersOf(here), letters = here.query.get("view") === "letters";
  const root = path("/v1/dead", queue);
  const [groups, list, operations] = await Promise.all([
    get(query(`${root}/groups`, filters)),
    letters ? get(query(root, { ...filters, limit: 50, cursor: here.query.get("cursor") })) : null,
    get("/v1/operations"),
  ]);
  if (groups.complete === false) setTimeout(refresh, COUNT_ON_MS);
  return { queues, queue, groups: groups.items, counted: groups, list, operations: operations.items.filter(one => one.queue === queue) };
}

const hash = (queue, members) => {
  const words = new URLSearchParams(Object.entries(members).filter(([, value]) => value));
  return `#/dead/${encodeURIComponent(queue)}${words.size ? `?${words}` : ""}`;
};

const tabs = ({ queues, queue }) => h("nav", { class: "tabs", "aria-label": "Queues" }, queues.filter(one => one.queue !== UNROUTED || one.ready > 0 || one.dead > 0 || queue === UNROUTED)
  .map(one => h("a", { href: hash(one.queue, {}), "aria-current": one.queue === queue ? "page" : null }, one.queue, h("span", { class: "count" }, number(one.dead)))));

function look(event, data, here) {
  event?.preventDefault();
  const members = { view: here.query.get("view") };
  for (const [name, value] of new FormData(document.getElementById("sift"))) members[name] = value.trim();
  location.hash = hash(data.queue, members);
}

function sift(data, here) {
  const value = name => here.query.get(name) ?? "";
  const change = () => look(null, data, here);
  const options = (name, known) => [["", "all"], ...[...new Set([...known, ...data.groups.map(one => one[name]), value(name)])].filter(Boolean).map(word => [word, word])];
  return h("form", { id: "sift", class: "filters", role: "search", onsubmit: event => look(event, data, here) },
    h("div", { class: "field grow" }, h("label", { for: "search" }, "Search in id, error, subject and body"),
      h("input", { id: "search", name: "search", type: "search", value: value("search"), spellcheck: "false" })),
    field("Subject", h("input", { name: "subject", type: "search", value: value("subject"), spellcheck: "false", placeholder: "order/42" })),
    field("Reason", choice("reason", options("reason", REASONS), value("reason"), change)),
    field("Type", choice("type", options("type", []), value("type"), change)),
    field("Died within", choice("since", SINCE, value("since"), change)),
    h("button", { type: "submit" }, "Search"));
}

/** What Redrive and Drop are for: what is ticked, or else all that the filters let through. */
function target(data, here, total) {
  if (chosen.ids.size) return { choice: { ids: [...chosen.ids] }, words: plural(chosen.ids.size, "chosen letter") };
  const filters = filtersOf(here);
  const any = Object.keys(filters).length > 0;
  return { choice: any ? filters : { all: true }, words: any ? `what is found (${plural(total, "letter")})` : `all ${plural(total, "letter")} of ${data.queue}` };
}

function act(kind, data, here, total) {
  bulk(kind, {
    queue: data.queue, ...target(data, here, total), queues: data.queues.filter(one => one.queue !== UNROUTED).map(one => one.queue),
    over: operation => {
      if (operation) chosen.ids.clear();
      refresh();
    },
  });
}

function bar(data, here, total) {
  const view = here.query.get("view"), members = filtersOf(here);
  const clear = button("Choose none", () => { chosen.ids.clear(); redraw(); }, "quiet");
  return h("div", { class: "bar" },
    h("div", { class: "switch", role: "group", "aria-label": "Show" },
      h("a", { href: hash(data.queue, members), "aria-current": view ? null : "true" }, "Groups"),
      h("a", { href: hash(data.queue, { ...members, view: "letters" }), "aria-current": view ? "true" : null }, "Letters")),
    h("p", { class: "grow" }, chosen.ids.size ? [h("strong", {}, plural(chosen.ids.size, "letter")), " chosen ", clear] : [h("strong", {}, plural(total, "letter")), Object.keys(members).length ? " found" : null]),
    operates() && total > 0 ? h("div", { class: "tools" }, button("Redrive", () => act("redrive", data, here, total), "primary"), button("Drop", () => act("drop", data, here, total), "danger")) : null);
}

/** A group's error has N for numbers: its longest part without them finds its letters. */
const searchFor = shape => (shape ?? "").split(/\bN\b|\bID\b|…/).map(part => part.trim()).sort((a, b) => b.length - a.length)[0] ?? "";

/** Who published it, as far as that says more than its type. */
const publisher = row => row.app_id ?? (row.routing_key === row.type ? null : row.routing_key);

const groupTable = (data, here) => table("Groups", [
  { name: "Died of", cell: row => [h("a", { href: hash(data.queue, { ...filtersOf(here), view: "letters", reason: row.reason, type: row.type, search: searchFor(row.error).slice(0, 80) }) }, reasonOf(row.reason) || "no reason"),
    h("div", { class: "sub" }, row.error), h("div", { class: "sub narrow" }, row.type)] },
  { name: "Type", from: "wide", cell: row => row.type ? whole(row.type) : h("span", { class: "muted" }, "none") },
  ...(data.groups.some(publisher) ? [{ name: "Publisher", from: "wide", cell: row => publisher(row) ? whole(publisher(row)) : h("span", { class: "muted" }, "–") }] : []),
  { name: "First", number: true, from: "wide", cell: row => when(row.first_ms) },
  { name: "Last", number: true, from: "wide", cell: row => when(row.last_ms) },
  { name: "Letters", number: true, cell: row => h("strong", {}, number(row.count)) },
], data.groups, row => row.example);

function tick(ids, on) {
  for (const one of ids) {
    if (on) chosen.ids.add(one);
    else chosen.ids.delete(one);
  }
  say(`${plural(chosen.ids.size, "letter")} chosen`);
  redraw();
}

function letterTable(data) {
  const all = data.list.items.map(row => row.dead_id);
  const ticked = all.filter(one => chosen.ids.has(one)).length;
  const box = { name: "Choose", plain: true, class: "tight",
    head: h("input", { type: "checkbox", "aria-label": "Choose all of this page", checked: ticked > 0 && ticked === all.length, indeterminate: ticked > 0 && ticked < all.length, onchange: event => tick(all, event.target.checked) }),
    cell: row => h("input", { type: "checkbox", "aria-label": `Choose ${row.id ?? row.dead_id}`, checked: chosen.ids.has(row.dead_id), onchange: event => tick([row.dead_id], event.target.checked) }) };
  return table("Letters", [
    ...(operates() ? [box] : []),
    { name: "Letter", cell: row => [h("a", { href: `#/dead/${encodeURIComponent(data.queue)}/${row.dead_id}` }, id(row.id ?? row.dead_id)), h("div", { class: "sub" }, row.type ?? "no type", row.redrives ? ` · redriven ${plural(row.redrives, "time")}` : null),
      h("div", { class: "narrow block" }, reasonOf(row.reason), h("div", { class: "sub" }, row.error))] },
    { name: "Died of", from: "wide", cell: row => [reasonOf(row.reason), h("div", { class: "sub" }, row.error)] },
    { name: "Subject", from: "wide", cell: row => row.subject ?? h("span", { class: "muted" }, "–") },
    { name: "Died", number: true, cell: row => when(row.failed_ms) },
  ], data.list.items, row => row.dead_id);
}

function nothing(data, here) {
  if (Object.keys(filtersOf(here)).length) return empty("No letter is found", h("a", { href: hash(data.queue, { view: here.query.get("view") }) }, "Show all of them"), ".");
  return empty("Nothing is dead", data.queue === UNROUTED ? "What no queue wanted would lie here." : "What cannot be done lies here until somebody redrives or drops it.");
}

const summed = data => data.groups.reduce((sum, one) => sum + one.count, 0);

/** All of them are known at once; what filters let through only when it is counted. */
const totalOf = (data, here) => data.counted.complete === false && Object.keys(filtersOf(here)).length === 0 ? data.counted.letters : summed(data);

const counting = data => data.counted.complete === false
  ? h("p", { class: "muted note", role: "status" }, `Of ${plural(data.counted.letters, "letter")} not all are looked at yet: ${number(summed(data))} are counted below.`) : null;

function draw(data, here) {
  const total = totalOf(data, here);
  const rows = data.list ? letterTable(data) : groupTable(data, here);
  return [
    heading("Dead letters"), tabs(data), sift(data, here), bar(data, here, total),
    counting(data), total || data.list?.next ? rows : nothing(data, here),
    data.list?.next && data.list.items.length === 0 ? h("p", { class: "muted note" }, "None is found among those that were looked at; the next page looks on.") : null,
    data.list ? pager({ ...here, path: `/dead/${encodeURIComponent(data.queue)}` }, here.query.get("cursor"), data.list.next) : null,
    data.operations.length ? section("Operations", operationsTable(data.operations.slice(0, 10))) : null,
  ];
}

export const dead = { title: "Dead letters", load, draw,
  absorb: (kind, event) => kind === "operation" || kind === "more" || event.state === "dead" ? "refresh" : null };
