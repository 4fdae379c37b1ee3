// Numbers, sizes and times as people read them.
import { h } from "./dom.js";

const NUMBER = new Intl.NumberFormat("en");
const EXACT = new Intl.DateTimeFormat("en-CA", {
  year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZoneName: "short",
});
let skew = 0;

/** The server's clock, which may go otherwise than this machine's. */
export const now = () => Date.now() + skew;

export function learnClock(date) {
  const off = Date.parse(date) - Date.now();
  if (Number.isFinite(off)) skew = Math.abs(off) > 3000 ? off : 0;
}

export const number = value => value === null || value === undefined || value < 0 ? "–" : NUMBER.format(value);

export function rate(value) {
  if (value === null || value === undefined) return "–";
  return `${value === 0 ? "0" : value < 10 ? value.toFixed(1) : NUMBER.format(Math.round(value))}/s`;
}

export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

export function bytes(value) {
  if (value === null || value === undefined) return "–";
  if (value < 1024) return `${value} B`;
  return value < 1048576 ? `${(value / 1024).toFixed(1)} KiB` : `${(value / 1048576).toFixed(1)} MiB`;
}

/** "850 ms", "3 s", "5 min", "2 h 10 min", "4 d". */
export function duration(ms) {
  if (ms === null || ms === undefined || ms < 0) return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1000), minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60);
  if (seconds < 60) return `${seconds} s`;
  if (hours < 1) return minutes < 5 && seconds % 60 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`;
  if (hours < 48) return minutes % 60 && hours < 10 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return `${Math.floor(hours / 24)} d`;
}

export function ago(ms) {
  const past = now() - ms;
  if (Math.abs(past) < 1500) return "just now";
  return past > 0 ? `${duration(past < 60000 ? past : Math.floor(past / 60000) * 60000)} ago`
    : `in ${duration(-past < 60000 ? -past : Math.floor(-past / 60000) * 60000)}`;
}

/** "2026-12-01 12:13:43 UTC": in the time zone of this browser. */
export function exact(ms) {
  const part = Object.fromEntries(EXACT.formatToParts(ms).map(({ type, value }) => [type, value]));
  return `${part.year}-${part.month}-${part.day} ${part.hour}:${part.minute}:${part.second} ${part.timeZoneName}`;
}

export const clock = ms => exact(ms).slice(11, 19);

/** How long ago or ahead, which goes on by itself; the exact time on hover. `ms`: since 1970; a text of digits will do. */
export function when(ms, nothing = "–") {
  const at = Number(ms);
  if (!at || at < 0) return nothing;
  return h("time", { datetime: new Date(at).toISOString(), title: exact(at), class: "ago" }, ago(at));
}

/** The exact time as text, how long ago on hover. */
export function precise(ms) {
  const at = Number(ms);
  return at ? h("time", { datetime: new Date(at).toISOString(), title: ago(at) }, exact(at)) : "–";
}

/** Lets all times of the page go on. */
export function tick() {
  for (const time of document.querySelectorAll("time.ago")) {
    const text = ago(Date.parse(time.dateTime));
    if (time.textContent !== text) time.textContent = text;
  }
}

/** Long words lose their middle: ids differ at their ends. */
export const middle = (text, most = 26) =>
  text.length <= most ? text : `${text.slice(0, Math.ceil((most - 1) / 2))}…${text.slice(-Math.floor((most - 1) / 2))}`;

export const id = (text, most) => h("code", { class: "id", title: text.length > (most ?? 26) ? text : null }, middle(text, most));

/** A reason of death as words; "" for none. */
export const reasonOf = word => (word ?? "").replaceAll("_", " ");
