// A modal dialog that draws itself anew as its state changes.
import { h, patch } from "./dom.js";

let count = 0;

/** `draw(close)` gives {title, content, buttons}; returns {redraw, close, attempt}. `closed` is called when it is gone. */
export function dialog(draw, closed) {
  const label = `dialog-${++count}`;
  const element = h("dialog", { "aria-labelledby": label, onclose: end });
  let open = true;
  const close = () => element.close();
  function redraw() {
    if (!open) return;
    const { title, content, buttons } = draw(close);
    patch(element, [h("h2", { id: label, tabindex: "-1", autofocus: true }, title), content, h("div", { class: "buttons" }, buttons)].flat(Infinity).filter(Boolean));
  }
  function end() {
    open = false;
    element.remove();
    closed?.();
  }
  // While it goes on `now.busy` holds; what went wrong stands in `now.error`.
  async function attempt(now, work) {
    Object.assign(now, { busy: true, error: null });
    redraw();
    try {
      await work();
    } catch (error) {
      now.error = error;
    }
    now.busy = false;
    redraw();
  }
  document.body.append(element);
  redraw();
  element.showModal();
  return { redraw, close, attempt };
}
