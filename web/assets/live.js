// What the server tells by itself: the stream of events, as long as somebody looks.
let source = null;
const listeners = new Set();

/** `call(kind, data)` for every event; returns what ends it. */
export function onEvent(call) {
  listeners.add(call);
  return () => listeners.delete(call);
}

export function listen() {}

export function hush() {
  source?.close();
  source = null;
}
