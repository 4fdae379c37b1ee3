// Log in by token.
import { ask } from "../api.js";
import { h } from "../dom.js";
import { problem } from "../problem.js";

/** `before`: whose session has ended, or null. `done(session)` when they are in. */
export function door(before, done) {
  const input = h("input", { id: "token", name: "token", type: "password", autocomplete: "current-password", required: true, spellcheck: "false", autocapitalize: "off" });
  const button = h("button", { type: "submit", class: "primary" }, "Log in");
  const trouble = h("div", {});
  const form = h("form", { class: "door", onsubmit: enter },
    h("img", { src: "/assets/icon.svg", alt: "", width: "48", height: "48" }),
    h("h1", {}, "leveret"),
    h("p", { class: "muted" }, before ? `The session of ${before} has ended. Nothing that you typed is lost.` : "Jobs, dead letters and queues of the mail worker."),
    h("label", { for: "token" }, "Token"), input,
    h("p", { class: "hint" }, "One of serve.tokens in leveret.yaml; who runs leveret gives it to you."),
    trouble, button);

  async function enter(event) {
    event.preventDefault();
    button.disabled = true;
    try {
      await done(await ask("POST", "/v1/session", { token: input.value.trim() }));
    } catch (error) {
      if (error.status === 401) Object.assign(error, { message: "No such token", remedy: "Look for a missing character at its ends, or ask for a new one." });
      if (error.status === 429) error.message = `Too many log-ins have failed. Try again in ${error.retryAfter ?? 60} s`;
      trouble.replaceChildren(problem(error));
      input.setAttribute("aria-invalid", "true");
      input.select();
      input.focus();
    } finally {
      button.disabled = false;
    }
  }
  return form;
}
