// Mend a dead letter and redrive it. What is typed is kept in this tab until it is sent or thrown away.
import { get, path, post } from "../api.js";
import { dialog } from "../dialog.js";
import { h } from "../dom.js";
import { middle, when } from "../format.js";
import { plan } from "../mail.js";
import { follow, isOver, progress } from "../operation.js";
import { button, field, heading, pretty } from "../parts.js";
import { problem } from "../problem.js";
import { crumbs } from "./letter.js";

const place = here => `edit:${here.words.join("/")}`;
const saved = here => JSON.parse(sessionStorage.getItem(place(here)) ?? "null");

let loaded = { key: null, letter: null };

const isWhole = letter => new TextEncoder().encode(letter.head ?? "").length >= Number(letter.size);

/** It is read once: a letter does not change. The index has the beginning of a long body; the letter itself has all of it. */
async function read(root) {
  const letter = await get(root);
  return isWhole(letter) ? letter : { ...letter, head: (await get(`${root}/message`)).body };
}

async function load(here) {
  if (loaded.key !== place(here)) loaded = { key: place(here), letter: await read(path("/v1/dead", ...here.words)) };
  return loaded.letter;
}

const original = letter => ({ body: pretty(letter.head ?? ""), type: letter.type ?? "", id: "", headers: "" });

function parse(text, what) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw Object.assign(new Error(`${what} is no JSON: ${error.message}`), { remedy: "Mend it above; nothing was sent." });
  }
}

/** What the API is given: only what differs, but always the body. */
function request(form, first) {
  const typed = Object.fromEntries(new FormData(form));
  const sent = { data: parse(typed.body, "The body") };
  if (typed.type !== first.type) sent.type = typed.type;
  if (typed.id) sent.id = typed.id;
  if (typed.headers.trim()) sent.headers = parse(typed.headers, "What stands under Headers");
  return { sent, type: typed.type };
}

function confirm(here, sent, id) {
  const now = { operation: null, error: null, busy: false };
  let open = true;
  const shown = dialog(close => {
    const over = now.operation && isOver(now.operation);
    return {
      title: "Redrive the edited message",
      content: [now.operation ? progress(now.operation) : h("p", { class: "muted" }, `It goes to ${here.words[0]} as ${sent.id ? `the job ${sent.id}` : `a new job, ${middle(id ?? "", 40)}:e1 or the next that is free`}. The dead letter is taken away.`), now.error ? problem(now.error) : null],
      buttons: [button(over ? "Done" : "Close", close, "quiet"), now.operation ? null : h("button", { type: "button", class: "primary", disabled: now.busy, onclick: begin }, "Redrive")],
    };
  }, () => {
    open = false;
    if (!now.operation) return;
    sessionStorage.removeItem(place(here));
    location.hash = now.operation.new_id ? `#/jobs/${encodeURIComponent(now.operation.new_id)}` : `#/dead/${encodeURIComponent(here.words[0])}`;
  });
  async function begin() {
    Object.assign(now, { busy: true, error: null });
    shown.redraw();
    try {
      now.operation = await post(`${path("/v1/dead", ...here.words)}/redrive`, sent);
      await follow(now.operation, (operation, error) => { Object.assign(now, { operation, error: error ?? null }); shown.redraw(); }, () => open);
    } catch (error) {
      now.error = error;
    }
    now.busy = false;
    shown.redraw();
  }
}

function form(letter, here) {
  const first = original(letter), draft = saved(here), values = draft?.values ?? first;
  const result = h("div", { class: "result", "aria-live": "polite" });
  const attempt = work => async event => {
    event.preventDefault();
    result.replaceChildren();
    try {
      await work(event.target.closest("form"));
    } catch (error) {
      result.replaceChildren(problem(error));
    }
  };
  const preview = attempt(async element => {
    const { sent, type } = request(element, first);
    result.replaceChildren(plan(await post(`${path("/v1/types", type)}/plan`, { data: sent.data }), "edit"));
  });
  const keep = event => sessionStorage.setItem(place(here), JSON.stringify({ at: Date.now(), values: Object.fromEntries(new FormData(event.currentTarget)) }));
  const discard = event => {
    sessionStorage.removeItem(place(here));
    const element = event.target.closest("form");
    for (const [name, value] of Object.entries(first)) element.elements[name].value = value;
    event.target.closest(".notice").remove();
  };
  return h("form", { class: "edit", "data-keep": place(here), oninput: keep, onsubmit: attempt(async element => confirm(here, request(element, first).sent, letter.id)) },
    draft ? h("div", { class: "notice" }, h("p", {}, "Your draft of ", when(draft.at), " is back."), button("Throw it away", discard)) : null,
    field("Body", h("textarea", { name: "body", rows: Math.min(28, Math.max(8, values.body.split("\n").length + 1)), spellcheck: "false", value: values.body })),
    h("details", {}, h("summary", {}, "Type, id and headers"), h("div", { class: "options" },
      field("Type", h("input", { name: "type", value: values.type, spellcheck: "false" })),
      field("Id", h("input", { name: "id", value: values.id, placeholder: `${middle(letter.id ?? "", 30)}:e1`, spellcheck: "false" }), "Empty: the old one with :e1 at its end."),
      field("Headers", h("textarea", { name: "headers", rows: 3, spellcheck: "false", value: values.headers, placeholder: "{\"subject\": \"order/42\"}" }), "Those that change, as a JSON object; null takes one away."))),
    h("div", { class: "tools" }, h("button", { type: "submit", class: "primary" }, "Redrive"), button("Dry run", preview), h("a", { class: "button", href: `#/dead/${here.words.map(encodeURIComponent).join("/")}` }, "Back")),
    h("p", { class: "hint" }, "Dry run shows what the edited message would send. Nothing goes out before you confirm."), result);
}

function draw(letter, here) {
  const [queue, deadId] = here.words;
  return [
    crumbs(queue, deadId), heading(`Edit ${middle(letter.id || deadId, 40)}`),
    h("div", { class: "trouble" }, h("p", {}, h("strong", {}, (letter.reason ?? "").replaceAll("_", " ")), letter.error ? `: ${letter.error}` : null)),
    isWhole(letter) ? form(letter, here)
      : problem(Object.assign(new Error("The body is no text"), { remedy: `On a terminal: leveret dlq redrive ${queue} ${deadId} --edit` })),
  ];
}

export const edit = { title: "Edit", load, draw, every: 600000 };
