// Starts the page: who is logged in, which view is shown, and that it stays fresh.
import { ask, get, whenOut } from "./api.js";
import { tick } from "./format.js";
import { h, patch } from "./dom.js";
import { door } from "./views/door.js";
import { route } from "./router.js";
import { leave, refresh } from "./screen.js";
import { learn } from "./features.js";
import { session } from "./session.js";
import { listen, hush } from "./live.js";

const app = document.getElementById("app");
const doorstep = document.getElementById("door");

async function enter(who) {
  Object.assign(session, who);
  await learn();
  doorstep.hidden = true;
  doorstep.replaceChildren();
  app.hidden = false;
  patch(document.getElementById("account"), account());
  listen();
}

function account() {
  if (session.open) return [h("p", { class: "muted" }, "No tokens are configured: everybody may look, nobody may change.")];
  return [
    h("p", {}, h("strong", {}, session.token), h("span", { class: "muted" }, { read: "looks only", publish: "publishes", operate: "operates" }[session.role] ?? "")),
    h("button", { type: "button", class: "quiet", onclick: out }, "Log out"),
  ];
}

/** What is being typed stays behind the door, for the same person. */
function close() {
  hush();
  app.hidden = true;
  if (!doorstep.hidden) return;
  doorstep.hidden = false;
  doorstep.replaceChildren(door(session.token, async who => {
    const same = who.token === session.token && document.getElementById("main").childElementCount > 0;
    await enter(who);
    if (same) refresh();
    else route();
  }));
  doorstep.querySelector("input").focus();
}

async function out() {
  await ask("DELETE", "/v1/session").catch(() => {});
  session.token = null;
  leave();
  close();
}

async function start() {
  whenOut(close);
  document.querySelector(".skip").onclick = event => {
    event.preventDefault();
    document.getElementById("main").focus();
  };
  window.addEventListener("hashchange", () => { if (!app.hidden) route(); });
  setInterval(tick, 1000);
  const who = await get("/v1/session").catch(() => null);
  if (!who || !(who.open || who.token)) return close();
  await enter(who);
  route();
}

start();
