// The small parts that all views are made of.
import { h } from "./dom.js";

const STATES = {
  queued: "wait", scheduled: "wait", running: "go", retrying: "slow", completed: "good", dead: "bad", stuck: "bad", cancelled: "off", forgotten: "off",
  open: "good", paused: "slow", missing: "bad", unknown: "off", draining: "slow", closed: "good", half_open: "slow",
  done: "good", stopped: "slow", failed: "bad",
};

/** A state as a word with its colour. `tone`: good, bad, slow, go, wait or off, if the word does not say. */
export const state = (word, tone) => h("span", { class: `state ${tone ?? STATES[word] ?? "off"}` }, String(word).replace("_", " "));

/** A breaker that is open is bad, unlike an open queue. */
export const breaker = word => word ? state(word, { open: "bad", half_open: "slow", closed: "good" }[word]) : h("span", { class: "muted" }, "–");

/** A word of a table that is not broken over lines, unless it is very long. */
export const whole = word => h("span", { class: word.length <= 32 ? "whole" : null }, word);

/** What stands where there is nothing: what that means and what to do. */
export const empty = (title, ...more) => h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), h("div", { class: "muted" }, more));

export const heading = (title, ...tools) =>
  h("div", { class: "heading" }, h("h1", { tabindex: "-1" }, title), tools.length ? h("div", { class: "tools" }, tools) : null);

export const section = (title, ...more) => h("section", {}, h("h2", {}, title), more);

/** Names and values; a value of null is left away. */
export const facts = rows => h("dl", { class: "facts" }, rows.filter(([, value]) => value !== null && value !== undefined && value !== "")
  .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));

export const button = (text, onclick, kind = "") => h("button", { type: "button", class: kind, onclick }, text);

/** A labelled control. */
export function field(label, control, hint) {
  const name = `f-${label.toLowerCase().replace(/\W+/g, "-")}`;
  control.id ||= name;
  if (hint) control.setAttribute("aria-describedby", `${control.id}-hint`);
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control,
    hint ? h("p", { class: "hint", id: `${control.id}-hint` }, hint) : null);
}

export const choice = (name, options, value, onchange) => h("select", { name, value: value ?? "", onchange },
  options.map(([word, text]) => h("option", { value: word, selected: word === (value ?? "") }, text)));

/**
 * columns: [{name, cell: row => nodes, number: true, from: "wide"}]; `from` wide: only where there is room. The first column is the
 * row's name. `key`: row => text.
 */
export function table(label, columns, rows, key) {
  const classes = column => [column.number ? "number" : "", column.from ?? "", column.class ?? ""].join(" ").trim() || null;
  return h("table", { "aria-label": label },
    h("thead", {}, h("tr", {}, columns.map(column => h("th", { scope: "col", class: classes(column) }, column.head ?? column.name)))),
    h("tbody", {}, rows.map(row => h("tr", { "data-key": key(row) },
      columns.map((column, at) => h(at === 0 && !column.plain ? "th" : "td", { class: classes(column), scope: at === 0 && !column.plain ? "row" : null }, column.cell(row)))))));
}

/** Links to the next page, and back to the first. */
export function pager(here, cursor, next) {
  if (!cursor && !next) return null;
  const to = value => {
    const query = new URLSearchParams(here.query);
    if (value) query.set("cursor", value);
    else query.delete("cursor");
    return `#${here.path}${query.size ? `?${query}` : ""}`;
  };
  return h("nav", { class: "pager", "aria-label": "Pages" },
    cursor ? h("a", { href: to(null) }, "First page") : null, next ? h("a", { href: to(next), rel: "next" }, "Next page") : null);
}

/** JSON as text, with its names and values told apart by colour. */
export function json(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  const parts = [];
  let last = 0;
  for (const found of text.matchAll(/("(?:\\.|[^"\\])*")(\s*:)?|\b(?:true|false|null)\b|-?\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b/g)) {
    const kind = found[2] ? "name" : found[1] ? "text" : "value";
    parts.push(text.slice(last, found.index), h("span", { class: `json-${kind}` }, found[1] ?? found[0]), found[2] ?? "");
    last = found.index + found[0].length;
  }
  return h("pre", { class: "code", tabindex: "0" }, parts, text.slice(last));
}

/** A text of JSON, indented if it is JSON. */
export function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
