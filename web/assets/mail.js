// What a handler asks for, as people read it: mails, webhooks, messages.
import { clean } from "./clean.js";
import { h } from "./dom.js";
import { bytes, plural } from "./format.js";
import { facts, json, pretty } from "./parts.js";

const FRAME_STYLE = "body { margin: 16px; font: 15px/1.5 system-ui, sans-serif; color: #1f1d1a; background: #fff; overflow-wrap: anywhere; } " +
  "img { max-width: 100%; height: auto; } img.left-out { display: inline-block; min-width: 24px; min-height: 24px; border: 1px dashed #888; } a { color: #0f6b5c; text-decoration: underline; }";
const TALLEST = 900;

/** A frame that may run nothing and load nothing; its text is put in from here, and its height follows what is in it. */
function frame(html, label, told) {
  const made = h("iframe", { class: "mail-frame", sandbox: "allow-same-origin", src: "/frame.html", title: label, referrerpolicy: "no-referrer" });
  made.onload = () => {
    const inside = made.contentDocument;
    const mail = clean(html, made.contentWindow.DOMParser);
    if (mail.lang) inside.documentElement.lang = mail.lang;
    const style = inside.createElement("style");
    style.textContent = FRAME_STYLE;
    inside.head.append(style, ...mail.head.map(one => inside.adoptNode(one)));
    for (const { name, value } of mail.body.attributes) inside.body.setAttribute(name, value);
    inside.body.replaceChildren(...[...mail.body.childNodes].map(one => inside.adoptNode(one)));
    const fit = () => { made.style.height = `${Math.min(TALLEST, inside.documentElement.scrollHeight + 2)}px`; };
    new ResizeObserver(fit).observe(inside.body);
    fit();
    if (mail.count) told(`${plural(mail.count, "image or other file", "images and other files")} from elsewhere ${mail.count === 1 ? "is" : "are"} not loaded. Links lead nowhere here; their address is shown on hover.`);
  };
  return made;
}

function choices(names, show) {
  const made = names.map(([name, text]) => h("button", { type: "button", "aria-pressed": "false", onclick: () => pick(name) }, text));
  function pick(name) {
    names.forEach(([one], at) => made[at].setAttribute("aria-pressed", String(one === name)));
    show(name);
  }
  pick(names[0][0]);
  return h("div", { class: "switch", role: "group", "aria-label": "Show the mail as" }, made);
}

function files(mail) {
  if (!mail.attachments?.length) return null;
  return h("ul", { class: "files" }, mail.attachments.map(one => h("li", {}, one.name ?? one.url ?? "a file", h("span", { class: "muted" }, ` ${one.type ?? ""} ${bytes(one.size)}`))));
}

function mailCard(mail) {
  const pane = h("div", { class: "mail-pane" });
  const note = h("p", { class: "hint", role: "status" });
  const ways = [mail.html ? ["html", "HTML"] : null, mail.text ? ["text", "Text"] : null, ["source", "Fields"]].filter(Boolean);
  const shows = {
    html: () => frame(mail.html, `The mail “${mail.subject ?? ""}”`, text => { note.textContent = text; }),
    text: () => h("pre", { class: "mail-text", tabindex: "0" }, mail.text),
    source: () => json(mail),
  };
  const pick = choices(ways, name => {
    note.textContent = "";
    pane.replaceChildren(shows[name]());
  });
  return [
    h("header", {}, h("h3", { class: "mail-subject" }, mail.subject ?? "(no subject)"),
      facts([["To", mail.to], ["From", mail.from ?? "the sender of the outlet"], ["Cc", mail.cc], ["Bcc", mail.bcc], ["Reply to", mail.reply_to],
        ["Outlet", mail.outlet], ["Effect", mail.key]])),
    files(mail), pick, pane, note,
  ];
}

const otherCard = effect => [
  h("header", {}, h("h3", { class: "mail-subject" }, effect.kind === "post" ? `Posts to ${effect.url}` : `Publishes ${effect.type}`),
    facts([["Type", effect.type], ["Subject", effect.subject], ["Exchange", effect.exchange], ["Outlet", effect.outlet], ["Effect", effect.key]])),
  json(pretty(typeof effect.data === "string" ? effect.data : JSON.stringify(effect.data))),
];

/** A plan's effects, each as a card. A refresh leaves them as they are while the plan is the same. */
export function plan({ effects }, name) {
  if (!effects.length) return h("p", { class: "muted" }, "It asks for nothing: no mail, no webhook, no message.");
  return h("div", { class: "plan", "data-keep": `${name}:${hash(JSON.stringify(effects))}` },
    effects.map(effect => h("article", { class: "card mail" }, effect.kind === "mail" ? mailCard(effect) : otherCard(effect))));
}

function hash(text) {
  let value = 0;
  for (let at = 0; at < text.length; at++) value = (value * 31 + text.charCodeAt(at)) | 0;
  return value;
}
