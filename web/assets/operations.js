// The latest operations on a queue: how far they are, who began them; to be stopped, or brought back.
import { h } from "./dom.js";
import { number, when } from "./format.js";
import { headline, restore, stop } from "./operation.js";
import { button, state, table } from "./parts.js";
import { dialog } from "./dialog.js";
import { progress, follow, isOver } from "./operation.js";
import { problem } from "./problem.js";
import { refresh } from "./screen.js";
import { operates } from "./session.js";

const NAMES = { redrive: "Redrive", drop: "Drop", edit: "Edit", restore: "Restore" };

/** Asks before it brings back. */
function bringBack(operation) {
  const now = { back: null, error: null };
  let open = true;
  const shown = dialog(close => ({
    title: `Restore ${number(operation.done)} dropped`,
    content: [now.back ? progress(now.back) : h("p", { class: "muted" }, `They become dead letters of ${operation.queue} again. Nothing is sent.`), now.error ? problem(now.error) : null],
    buttons: [button(now.back && isOver(now.back) ? "Done" : "Close", close, "quiet"), now.back ? null : button("Restore", begin, "primary")],
  }), () => { open = false; refresh(); });
  async function begin() {
    try {
      now.back = await restore(operation);
      await follow(now.back, (told, error) => { Object.assign(now, { back: told, error: error ?? null }); shown.redraw(); }, () => open);
    } catch (error) {
      now.error = error;
      shown.redraw();
    }
  }
}

function tools(row) {
  if (!operates()) return null;
  if (row.state === "running") return button("Stop", () => stop(row).then(() => refresh(), () => refresh()));
  return row.restorable ? button("Restore", () => bringBack(row)) : null;
}

export const operationsTable = rows => table("Operations", [
  { name: "What", cell: row => [NAMES[row.kind] ?? row.kind, h("div", { class: "sub" }, headline(row))] },
  { name: "State", cell: row => state(row.state) },
  { name: "By", from: "wide", cell: row => row.token ?? "–" },
  { name: "Begun", number: true, cell: row => when(row.started_ms) },
  { name: "", number: true, class: "tight", head: h("span", { class: "unseen" }, "Do"), cell: tools },
], rows, row => row.id);
