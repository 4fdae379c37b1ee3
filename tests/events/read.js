// Reads CloudEvents in structured mode, one body a line, with npm's cloudevents, which is strict; prints what it read.
import { createInterface } from "node:readline";

import { HTTP } from "cloudevents";

for await (const body of createInterface({ input: process.stdin })) {
  const event = HTTP.toEvent({ headers: { "content-type": "application/cloudevents+json" }, body });
  event.validate();
  console.log(JSON.stringify({ id: event.id, type: event.type, source: event.source, subject: event.subject, time: event.time, data: event.data }));
}
