// One dead letter: why it died, what it says, what it would send; to be edited, redriven or dropped.
import { get, path } from "../api.js";
import { bulk } from "../bulk.js";
import { h } from "../dom.js";
import { has } from "../features.js";
import { bytes, middle, number, plural, when } from "../format.js";
import { lazy } from "../lazy.js";
import { plan } from "../mail.js";
import { button, empty, facts, heading, json, pretty, section, state } from "../parts.js";
import { refresh } from "../screen.js";
import { operates } from "../session.js";
import { timeline } from "../timeline.js";

const UNROUTED = "leveret.unrouted";

async function load(here) {
  const [queue, deadId] = here.words;
  const root = path("/v1/dead", queue);
  try {
    const [letter, queues] = await Promise.all([get(`${root}/${encodeURIComponent(deadId)}`), queue === UNROUTED ? get("/v1/queues") : null]);
    return { letter, root, queues: (queues?.items ?? []).map(one => one.queue).filter(one => one !== UNROUTED) };
  } catch (error) {
    if (error.status !== 404) throw error;
    return { letter: null, root };
  }
}

const to = (queue, ...more) => `#/dead/${[queue, ...more].map(encodeURIComponent).join("/")}`;

export const crumbs = (queue, deadId) => h("p", { class: "crumbs" }, h("a", { href: "#/dead" }, "Dead letters"), h("a", { href: to(queue) }, queue),
  deadId ? h("a", { href: to(queue, deadId) }, middle(deadId, 16)) : null);

function gone(here) {
  const [queue, deadId] = here.words;
  return [crumbs(queue), heading("This letter is not here any more"),
    empty("It was redriven, edited or dropped", "What became of it stands in the timeline of ", h("a", { href: `#/jobs?word=${encodeURIComponent(deadId)}` }, "its job"), ".")];
}

function act(kind, { letter, queues }, here) {
  const [queue, deadId] = here.words;
  bulk(kind, {
    queue, choice: { ids: [deadId] }, words: letter.id ? middle(letter.id, 30) : "this letter",
    queues,
    over: operation => {
      if (operation?.kind === "redrive" && operation.done && letter.id) location.hash = `#/jobs/${encodeURIComponent(letter.id)}`;
      else refresh();
    },
  });
}

const passed = ms => Number(ms) > 0 && Number(ms) < Date.now();

function draw(data, here) {
  const { letter, root } = data;
  if (!letter) return gone(here);
  const [queue, deadId] = here.words;
  const size = Number(letter.size), cut = new TextEncoder().encode(letter.head ?? "").length < size;
  return [
    crumbs(queue),
    heading(h("span", { class: "mono", title: letter.id || letter.dead_id }, middle(letter.id || letter.dead_id, 44)), operates() ? [
      button("Redrive", () => act("redrive", data, here), "primary"), button("Edit", () => { location.hash = to(queue, deadId, "edit"); }), button("Drop", () => act("drop", data, here), "danger")] : null),
    h("div", { class: "standing" }, state("dead"), h("p", {}, "Died ", when(letter.failed_ms), Number(letter.attempt) ? ` on try ${number(Number(letter.attempt) + 1)}` : " on the first try", Number(letter.redrives) ? `, after ${plural(Number(letter.redrives), "redrive")}` : "", ".")),
    h("div", { class: "trouble" }, h("p", {}, h("strong", {}, (letter.reason ?? "").replaceAll("_", " ")), letter.error ? `: ${letter.error}` : null)),
    facts([
      ["Job", letter.id ? h("a", { href: `#/jobs/${encodeURIComponent(letter.id)}` }, middle(letter.id, 30)) : "it has no id"],
      ["Type", letter.type ? h("a", { href: `#/types/${encodeURIComponent(letter.type)}` }, letter.type) : "none"], ["Subject", letter.subject],
      ["First seen", when(letter.first_seen_ms)], ["Deadline", Number(letter.deadline_ms) ? [when(letter.deadline_ms), passed(letter.deadline_ms) ? " (a redrive leaves it alone)" : ""] : null],
      ["Published by", letter.app_id], ["Routing key", letter.routing_key], ["Exchange", letter.exchange], ["Message id", letter.message_id], ["Worker", letter.worker],
    ]),
    section(["Body ", h("span", { class: "muted" }, bytes(size), cut ? ", its beginning" : "")], json(cut ? letter.head : pretty(letter.head ?? ""))),
    section("What it would send", lazy(`mails:${deadId}`, "Show", () => get(`${root}/${encodeURIComponent(deadId)}/mails`), data => plan(data, deadId))),
    !has("/v1/dead/{queue}/{dead-id}/message") ? null : section("Properties and headers", lazy(`message:${deadId}`, "Show", () => get(`${root}/${encodeURIComponent(deadId)}/message`), ({ properties, headers }) => json({ properties, headers }))),
    section("Timeline", timeline(letter.events ?? [])),
  ];
}

export const letter = { title: here => `${here.words[1].slice(0, 8)} · Dead letters`, load, draw };
