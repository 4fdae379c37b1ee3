// Is all well, and how much is going on?
import { get } from "../api.js";
import { chart } from "../chart.js";
import { h } from "../dom.js";
import { duration, now, number, plural, rate, when } from "../format.js";
import { breaker, empty, heading, section, state, table } from "../parts.js";
import { verdict } from "../verdict.js";

const HOUR = 3600000;

async function load() {
  const [overview, queues, workers, outlets] = await Promise.all(["overview", "queues", "workers", "outlets"].map(name => get(`/v1/${name}`)));
  return { overview, queues: queues.items, workers: workers.items, outlets: outlets.items };
}

function judged(data) {
  const found = verdict(data);
  if (found.length === 0)
    return h("p", { class: "verdict good" }, "All is well. ", h("span", {}, `${plural(data.workers.length, "worker")} at work, nothing is dead, nothing waits long.`));
  return h("ul", { class: "verdict" }, found.map(({ tone, text, href, link }) =>
    h("li", { class: tone }, h("span", {}, text), " ", href ? h("a", { href }, link) : link ? h("span", { class: "muted" }, link) : null)));
}

const FIGURES = [
  { name: "rate", label: "Completed", format: rate, tone: "good" },
  { name: "ready", label: "Waiting", format: number },
  { name: "retrying", label: "Retrying", format: number, tone: "slow" },
  { name: "dead", label: "Dead", format: number, tone: "bad" },
];

function figures({ overview }) {
  const { samples, step_ms: step } = overview.history;
  const to = now(), from = to - HOUR;
  const detail = {
    rate: `${number(overview.in_flight)} in flight`,
    ready: overview.oldest_ms ? `the oldest for ${duration(overview.oldest_ms)}` : "nothing waits long",
    retrying: "will be tried again", dead: overview.dead ? "want a decision" : "none",
  };
  return h("div", { class: "figures" }, FIGURES.map(({ name, label, format, tone }) => h("figure", { class: "figure" },
    h("figcaption", {}, h("span", { class: "label" }, label), h("span", { class: "big" }, format(overview[name])), h("span", { class: "muted" }, detail[name])),
    chart({ label, format, from, to, step, tone, points: [...samples.map(one => ({ at: one.at_ms, value: one[name] })).sort((a, b) => a.at - b.at), { at: to, value: overview[name] }] }))));
}

const retrying = queue => Object.values(queue.retry).reduce((sum, count) => sum + Math.max(0, count), 0);

const queueTable = queues => table("Queues", [
  { name: "Queue", cell: row => [h("a", { href: "#/queues" }, row.queue), " ", row.state === "open" ? null : state(row.state)] },
  { name: "Ready", number: true, cell: row => number(row.ready) },
  { name: "Oldest", number: true, from: "wide", cell: row => row.oldest_ms > 0 ? duration(row.oldest_ms) : "–" },
  { name: "In flight", number: true, from: "wide", cell: row => number(row.in_flight) },
  { name: "Retrying", number: true, cell: row => number(retrying(row)) },
  { name: "Dead", number: true, cell: row => row.dead > 0 ? h("a", { href: `#/dead/${encodeURIComponent(row.queue)}` }, number(row.dead)) : number(row.dead) },
], queues, row => row.queue);

const workerTable = workers => table("Workers", [
  { name: "Worker", cell: row => [h("span", {}, row.worker), h("div", { class: "sub" }, row.queues.split(" ").join(", "))] },
  { name: "State", cell: row => state(row.state) },
  { name: "Rate", number: true, cell: row => rate(row.rate) },
  { name: "In flight", number: true, from: "wide", cell: row => number(row.in_flight) },
  { name: "Completed", number: true, from: "wide", cell: row => number(row.completed) },
  { name: "Up", number: true, from: "wide", cell: row => h("span", { title: null }, duration(now() - row.started_ms)) },
  { name: "Version", from: "wide", cell: row => row.version },
], workers, row => row.worker);

const outletTable = outlets => table("Outlets", [
  { name: "Outlet", cell: row => row.outlet },
  { name: "Kind", cell: row => row.kind },
  { name: "Breaker", cell: row => breaker(row.breaker) },
], outlets, row => row.outlet);

/** Most who come ask for one mail: what they type is looked for among the jobs. */
function find(event) {
  event.preventDefault();
  const word = new FormData(event.target).get("word").trim();
  location.hash = word ? `#/jobs?word=${encodeURIComponent(word)}` : "#/jobs";
}

const quick = () => h("form", { class: "quick", role: "search", onsubmit: find },
  h("input", { id: "quick", name: "word", type: "search", "aria-label": "Find a job by its id or subject", placeholder: "Find a job: id or subject", spellcheck: "false", autocapitalize: "off" }),
  h("button", { type: "submit" }, "Find"));

function draw(data) {
  return [
    heading("Overview", h("p", { class: "muted updated" }, "updated ", when(data.overview.now_ms)), quick()),
    judged(data), figures(data),
    section("Queues", queueTable(data.queues)),
    h("div", { class: "columns" },
      section("Workers", data.workers.length ? workerTable(data.workers)
        : empty("No worker runs", "Start one where the configuration is: ", h("code", {}, "leveret run"))),
      section("Outlets", outletTable(data.outlets))),
  ];
}

/** The figures come by themselves every two seconds; the lists are asked for. */
function absorb(kind, event, data) {
  if (kind !== "overview") return null;
  const { sample, ...figures } = event;
  Object.assign(data.overview, figures);
  if (sample) data.overview.history.samples = [...data.overview.history.samples.slice(-239), sample];
  return "redraw";
}

export const overview = { title: "Overview", load, draw, absorb, every: 3000 };
