// An error where it happened: what is wrong, each place in what was sent, and what to do.
import { h } from "./dom.js";

const REMEDIES = {
  0: "See whether the process runs, and whether this machine reaches it.",
  401: "Log in again.",
  403: "Log in with a token whose role is operate, or ask somebody who has one.",
  409: "Wait for it to end, or look at what it is now.",
  429: "Too many failed log-ins: wait a minute.",
  503: "It is asked again every few seconds. leveret check says which service is missing.",
};

export function problem(error) {
  const remedy = error.remedy ?? REMEDIES[error.status ?? -1];
  return h("div", { class: "problem", role: "alert" },
    h("p", {}, h("strong", {}, sentence(error.message))),
    error.errors?.length ? h("ul", {}, error.errors.map(({ pointer, detail }) =>
      h("li", {}, pointer ? [h("code", {}, pointer), " "] : null, detail))) : null,
    remedy ? h("p", { class: "muted" }, remedy) : null);
}

export function sentence(text) {
  const trimmed = String(text ?? "").trim();
  if (!trimmed) return "It failed, and nothing says why.";
  const first = trimmed[0].toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
