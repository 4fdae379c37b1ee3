// One type: a payload to try it with, in each language, and what a payload may be.
import { get, path, post, query } from "../api.js";
import { h } from "../dom.js";
import { plan } from "../mail.js";
import { choice, field, heading, json, section, table } from "../parts.js";
import { problem } from "../problem.js";
import { rows } from "../schema.js";
import { reads } from "../session.js";

const load = async here => get(path("/v1/types", here.words[0]));

function trial(type) {
  const result = h("div", { class: "result", "aria-live": "polite" }, h("p", { class: "muted" }, "Preview shows what this payload would send. Nothing goes out."));
  const locales = (type.locales ?? []).map(locale => [locale, locale || "default"]);
  async function preview(event) {
    event?.preventDefault();
    const form = event.target.closest("form");
    try {
      const data = JSON.parse(form.elements.payload.value);
      const locale = form.elements.locale?.value;
      result.replaceChildren(plan(await post(`${path("/v1/types", type.type)}/plan`, { data, ...(locale ? { locale } : {}) }), "type"));
    } catch (error) {
      if (error instanceof SyntaxError) error.message = `The payload is no JSON: ${error.message}`;
      result.replaceChildren(problem(error));
    }
  }
  const text = JSON.stringify(type.example, null, 2);
  return h("div", { class: "trial", "data-keep": `trial:${type.type}` },
    h("form", { onsubmit: preview },
      field("Payload", h("textarea", { name: "payload", spellcheck: "false", rows: Math.min(26, Math.max(8, text.split("\n").length + 1)), value: text })),
      locales.length > 1 ? field("Locale", choice("locale", [["", "as the payload says"], ...locales.filter(([word]) => word)], "", preview)) : null,
      h("div", { class: "tools" }, h("button", { type: "submit", class: "primary" }, "Preview"))),
    result);
}

const schemaTable = schema => table("Payload", [
  { name: "Value", cell: row => [h("code", {}, row.pointer), row.required ? null : h("div", { class: "sub" }, "may be absent")] },
  { name: "Is", cell: row => row.type },
  { name: "May be", cell: row => [row.notes || h("span", { class: "muted" }, "–"), row.description ? h("div", { class: "sub" }, row.description) : null] },
], rows(schema), row => row.pointer);

function draw(type) {
  return [
    h("p", { class: "crumbs" }, h("a", { href: "#/types" }, "Types")),
    heading(type.type), h("p", { class: "lead" }, type.summary),
    h("p", {}, h("a", { href: `#${query("/jobs", { type: type.type })}` }, "Its jobs")),
    reads() ? section("Example and preview", trial(type)) : section("Example", json(type.example)),
    section("Schema", schemaTable(type.schema), type.closed ? h("p", { class: "hint note" }, "Other members are refused.") : null,
      h("details", { class: "note" }, h("summary", {}, "As JSON Schema"), json(type.schema))),
  ];
}

export const type = { title: here => here.words[0], load, draw, publishers: true, every: 3600000 };
