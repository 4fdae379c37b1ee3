// The types that have a handler.
import { get } from "../api.js";
import { h } from "../dom.js";
import { empty, heading, table } from "../parts.js";

const load = async () => get("/v1/types");

const draw = data => [
  heading("Types"),
  data.items.length ? table("Types", [
    { name: "Type", cell: row => h("a", { href: `#/types/${encodeURIComponent(row.type)}` }, row.type) },
    { name: "What it does", cell: row => row.summary },
  ], data.items, row => row.type) : empty("No type", "A type is a file in the directory of types.path; leveret type new writes one to begin with."),
];

export const types = { title: "Types", load, draw, publishers: true, every: 60000 };
