// What of the overview wants attention, the worst first. Pure: what is known goes in, sentences come out.
import { duration, number, plural } from "./format.js";

const LONG_MS = 300000;

/** [{tone: bad | slow, text, href, link}] */
export function verdict({ overview, queues, workers, outlets }) {
  const found = [];
  const add = (tone, text, href, link) => found.push({ tone, text, href, link });
  if (!overview.complete) add("bad", "The broker cannot be asked: what waits and what is dead is not known.", null, "leveret check says why");
  if (workers.length === 0) add("bad", "No worker runs: nothing is taken from the queues.", null, "Start one: leveret run");
  for (const outlet of outlets.filter(one => one.breaker === "open"))
    add("bad", `The breaker of ${outlet.outlet} is open: what should leave there waits. It is probed again and again.`, "#/jobs?state=retrying", "Look at what waits");
  for (const queue of queues.filter(one => one.state === "missing" && one.queue !== "leveret.unrouted"))
    add("bad", `The queue ${queue.queue} is missing at the broker.`, null, "leveret topology apply declares it");
  for (const queue of queues.filter(one => one.paused))
    add("slow", `${queue.queue} is paused${queue.ready ? `, ${number(queue.ready)} wait there` : ""}.`, "#/queues", "Go to the queues");
  for (const queue of queues.filter(one => !one.paused && one.oldest_ms > LONG_MS && one.queue !== "leveret.unrouted"))
    add("slow", `In ${queue.queue} the oldest message has waited ${duration(queue.oldest_ms)}.`, "#/queues", "Go to the queues");
  for (const queue of queues.filter(one => one.queue === "leveret.unrouted" && one.ready > 0))
    add("slow", `${plural(queue.ready, "message")} that no queue wanted.`, "#/dead/leveret.unrouted", "Look at them");
  for (const queue of queues.filter(one => one.dead > 0 && one.queue !== "leveret.unrouted"))
    add("slow", `${plural(queue.dead, "dead letter")} in ${queue.queue}.`, `#/dead/${encodeURIComponent(queue.queue)}`, "See what of");
  const { redirect_to: redirect, allow_to: allow } = overview.guards ?? {};
  if (redirect) add("slow", `All mails go to ${redirect} instead of their recipients (mail.redirect_to).`, null, null);
  if (allow?.length) add("slow", `Mails go to ${allow.join(", ")} only (mail.allow_to).`, null, null);
  return found;
}
