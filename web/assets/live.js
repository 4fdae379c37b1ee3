// What the server tells by itself: the stream of events, as long as somebody looks.
import { reads } from "./session.js";

const KINDS = ["overview", "job", "operation", "more"];
let source = null;
let wanted = false;
let told = () => {};

/** `call(kind, data)` for every event. */
export const onEvent = call => { told = call; };

/** Does it tell by itself, so that asking now and then is enough? */
export const isLive = () => source?.readyState === EventSource.OPEN;

function open() {
  if (source || !wanted || document.hidden || !reads()) return;
  source = new EventSource("/v1/stream");
  for (const kind of KINDS) source.addEventListener(kind, event => told(kind, event.data ? JSON.parse(event.data) : {}));
}

function close() {
  source?.close();
  source = null;
}

export function listen() {
  wanted = true;
  open();
}

export function hush() {
  wanted = false;
  close();
}

document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
