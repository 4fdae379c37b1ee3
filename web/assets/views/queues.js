// Work queues: what waits, runs and died there; to be paused and resumed.
import { get, path, post } from "../api.js";
import { dialog } from "../dialog.js";
import { h } from "../dom.js";
import { duration, number, plural, when } from "../format.js";
import { button, heading, state, table } from "../parts.js";
import { problem } from "../problem.js";
import { refresh } from "../screen.js";
import { operates } from "../session.js";

const load = async () => get("/v1/queues");

function ask(kind, row) {
  const pausing = kind === "pause";
  const now = { busy: false, error: null, done: null };
  const shown = dialog(close => ({
    title: `${pausing ? "Pause" : "Resume"} ${row.queue}`,
    content: [
      now.done ? h("div", { class: "saying" }, h("p", { class: "big", role: "status" }, `${row.queue} ${pausing ? "is paused" : "goes on"}. ${now.done.late ? `${plural(now.done.late, "worker")} of ${now.done.workers} has not followed yet.` : `${plural(now.done.workers, "worker")} followed.`}`))
        : h("p", {}, pausing ? `All workers stop taking from it. What runs is finished; ${plural(Math.max(0, row.ready ?? 0), "message waits", "messages wait")}, and more may come. It lasts until somebody resumes it, also over restarts.`
          : `All workers take from it again; ${plural(Math.max(0, row.ready ?? 0), "message waits", "messages wait")}.`),
      now.error ? problem(now.error) : null],
    buttons: [button(now.done ? "Done" : "Close", close, "quiet"), now.done ? null : h("button", { type: "button", class: "primary", disabled: now.busy, onclick: go }, pausing ? "Pause" : "Resume")],
  }), () => refresh());
  async function go() {
    Object.assign(now, { busy: true, error: null });
    shown.redraw();
    try {
      now.done = await post(`${path("/v1/queues", row.queue)}/${kind}`);
    } catch (error) {
      now.error = error;
    }
    now.busy = false;
    shown.redraw();
    refresh();
  }
}

const tiers = row => Object.entries(row.retry).filter(([, count]) => count > 0).map(([tier, count]) => h("span", { class: "tier" }, `${number(count)} in ${tier}`));

function tools(row) {
  if (!operates() || row.queue === "leveret.unrouted") return null;
  return row.paused ? button("Resume", () => ask("resume", row)) : button("Pause", () => ask("pause", row));
}

function draw(data) {
  return [
    heading("Queues"),
    data.complete ? null : h("div", { class: "notice" }, "The broker cannot be asked: what waits there is not known. leveret check says why."),
    table("Queues", [
      { name: "Queue", cell: row => [row.queue, h("div", { class: "sub" }, row.queue === "leveret.unrouted" ? "what no queue wanted" : row.consumers === 0 ? "no worker takes from it" : `${plural(row.consumers ?? 0, "worker takes", "workers take")} from it`)] },
      { name: "State", cell: row => state(row.state) },
      { name: "Ready", number: true, cell: row => number(row.ready) },
      { name: "Oldest", number: true, from: "wide", cell: row => row.oldest_ms > 0 ? duration(row.oldest_ms) : "–" },
      { name: "In flight", number: true, from: "wide", cell: row => number(row.in_flight) },
      { name: "Retrying", number: true, from: "wide", cell: row => tiers(row).length ? tiers(row) : "0" },
      { name: "Dead", number: true, from: "wide", cell: row => row.dead > 0 ? [h("a", { href: `#/dead/${encodeURIComponent(row.queue)}` }, number(row.dead)), h("div", { class: "sub" }, "oldest ", when(row.oldest_dead_ms))] : number(row.dead) },
      { name: "Do", number: true, class: "tight", head: h("span", { class: "unseen" }, "Do"), cell: tools },
    ], data.items, row => row.queue),
  ];
}

export const queues = { title: "Queues", load, draw, every: 3000 };
