// The HTTP API. It is the only source of this page.
import { learnClock } from "./format.js";

/** What the API refused, as RFC 9457 says it; status 0: it cannot be reached. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `HTTP ${status}`);
    this.status = status;
    this.title = body.title;
    this.errors = body.errors ?? [];
    this.retryAfter = body.retryAfter ?? null;
  }
}

let onOut = () => {};
/** Called when the session is over. */
export const whenOut = call => { onOut = call; };

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { title: "No answer", detail: "leveret serve does not answer. It is asked again every few seconds." });
  }
}

async function read(reply) {
  const text = await reply.text();
  if (!/json/.test(reply.headers.get("Content-Type") ?? "")) return { detail: text };
  try {
    return JSON.parse(text);
  } catch {
    return { detail: "the answer is no JSON" };
  }
}

/** `segments`: what is appended to the path, each encoded. */
export const path = (root, ...segments) => [root, ...segments.map(encodeURIComponent)].join("/");

export function query(root, members) {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(members)) if (value !== "" && value !== null && value !== undefined) words.set(name, value);
  return words.size ? `${root}?${words}` : root;
}

export async function ask(method, where, data, signal) {
  const body = data === undefined ? undefined : JSON.stringify(data);
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  const reply = await reach(where, { method, headers, body, signal, credentials: "same-origin", cache: "no-store" });
  learnClock(reply.headers.get("Date"));
  const answer = await read(reply);
  if (reply.ok) return answer;
  if (reply.status === 401 && where !== "/v1/session") onOut();
  throw new Problem(reply.status, { ...answer, retryAfter: Number(reply.headers.get("Retry-After")) || null });
}

export const get = (where, signal) => ask("GET", where, undefined, signal);
export const post = (where, data) => ask("POST", where, data);
