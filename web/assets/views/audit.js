// What was changed over HTTP, by whom.
import { get, query } from "../api.js";
import { h } from "../dom.js";
import { when } from "../format.js";
import { empty, heading, table } from "../parts.js";

const load = async () => get(query("/v1/audit", { limit: 200 }));

const draw = data => [
  heading("Audit"),
  data.items.length ? [table("Audit", [
    { name: "When", cell: row => when(Date.parse(row.time)) },
    { name: "Who", cell: row => row.token ?? h("span", { class: "muted" }, "nobody") },
    { name: "Did", cell: row => row.action },
    { name: "To", cell: row => row.target },
  ], data.items.map((row, at) => ({ ...row, key: `${row.time} ${row.target} ${data.items.length - at}` })), row => row.key),
  h("p", { class: "muted note" }, "The latest 200 of the last 10,000. Each is also a log line of leveret serve.")]
    : empty("Nothing was changed yet", "What is published, paused, redriven or dropped over HTTP or on this page stands here, with the name of the token."),
];

export const audit = { title: "Audit", load, draw };
