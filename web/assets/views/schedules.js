// What is published by the clock: when next, and what came of the last time.
import { get } from "../api.js";
import { h } from "../dom.js";
import { has } from "../features.js";
import { exact, when } from "../format.js";
import { empty, heading, state, table } from "../parts.js";

const load = async () => has("/v1/schedules") ? get("/v1/schedules") : { items: [] };

const next = row => row.next?.length ? [when(row.next[0]), h("ol", { class: "sub ticks" }, row.next.map(at => h("li", {}, h("time", { datetime: new Date(at).toISOString() }, exact(at)))))] : "–";

const last = row => row.last_ms ? [row.last_state ? state(row.last_state) : null, h("div", { class: "sub" }, row.last_id ? h("a", { href: `#/jobs/${encodeURIComponent(row.last_id)}` }, when(row.last_ms)) : when(row.last_ms))] : h("span", { class: "muted" }, "never yet");

const ticks = ({ ticks: { published, missed, skipped }, missed: late, overlap }) => [`${published} published`, h("div", { class: "sub" }, `${missed} missed (${late}), ${skipped} skipped (overlap: ${overlap})`)];

const draw = data => [
  heading("Schedules"),
  data.items.length ? table("Schedules", [
    { name: "Schedule", cell: row => [row.name, h("div", { class: "sub" }, row.type)] },
    { name: "When", from: "wide", cell: row => [h("code", {}, row.cron), h("div", { class: "sub" }, row.timezone)] },
    { name: "Next runs", cell: next },
    { name: "Last run", cell: last },
    { name: "Ticks", from: "wide", cell: ticks },
  ], data.items, row => row.name) : empty("No schedule", "Write one into leveret.yaml, and its next runs stand here: ", h("code", {}, "schedules: [{name: digest, cron: \"0 8 * * *\", type: digest.send.v1}]")),
];

export const schedules = { title: "Schedules", load, draw, every: 10000 };
