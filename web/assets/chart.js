// A series over time as an SVG, drawn as wide as there is room; the value under the pointer is told below.
import { h, s } from "./dom.js";
import { clock } from "./format.js";

const HEIGHT = 100, WIDTH = 1000;

/** Where the line is interrupted, a new part begins: nothing was measured, so nothing is drawn. */
function parts(points, step) {
  const found = [];
  let last = null;
  for (const point of points) {
    if (point.value === null || point.value === undefined) {
      last = null;
      continue;
    }
    if (!last || point.at - last.at > 2.5 * step) found.push([]);
    found.at(-1).push(point);
    last = point;
  }
  return found;
}

/** A round number at or above the greatest value: 1, 2, 5, 10, 20, .. */
export function ceiling(most) {
  if (most <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map(factor => factor * power).find(round => round >= most);
}

function line(part, x, y) {
  const dots = part.map(({ at, value }) => `${x(at).toFixed(1)} ${y(value).toFixed(1)}`);
  return dots.length === 1 ? `M${dots[0]}h.1` : `M${dots.join("L")}`;
}

/** `points`: [{at, value}], the oldest first, value null: not known. `format(value)` says one. `from` and `to`: ms. */
export function chart({ label, points, format, from, to, step, tone = "" }) {
  const known = points.filter(point => point.value !== null && point.value !== undefined && point.at >= from);
  const top = ceiling(Math.max(0, ...known.map(point => point.value)));
  const x = at => (at - from) / (to - from) * WIDTH, y = value => HEIGHT - value / top * HEIGHT;
  const drawn = parts(points.filter(point => point.at >= from), step);
  const last = known.at(-1);
  const words = known.length === 0 ? "nothing was measured yet"
    : `now ${format(last.value)}, between ${format(Math.min(...known.map(p => p.value)))} and ${format(Math.max(...known.map(p => p.value)))} in the last hour`;
  const svg = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `${label}: ${words}` },
    [0, 0.5, 1].map(part => s("line", { class: "grid", x1: 0, x2: WIDTH, y1: HEIGHT * part, y2: HEIGHT * part })),
    drawn.map(part => [
      s("path", { class: "area", d: `${line(part, x, y)}L${x(part.at(-1).at).toFixed(1)} ${HEIGHT}L${x(part[0].at).toFixed(1)} ${HEIGHT}Z` }),
      s("path", { class: "line", d: line(part, x, y) }),
    ]),
    s("line", { class: "cursor", y1: 0, y2: HEIGHT, x1: 0, x2: 0 }));
  const axis = h("div", { class: "axis", "aria-hidden": "true" }, h("span", {}, clock(from).slice(0, 5)),
    h("span", { class: "told" }), h("span", {}, "now"));
  return h("div", { class: `chart ${tone}`, onpointermove: event => point(event, known, { from, to, format, x }), onpointerleave: forget },
    h("span", { class: "top", "aria-hidden": "true" }, format(top)), svg, axis);
}

function point(event, known, { from, to, format, x }) {
  const box = event.currentTarget;
  const area = box.querySelector("svg").getBoundingClientRect();
  const at = from + (event.clientX - area.left) / area.width * (to - from);
  const near = known.reduce((best, one) => !best || Math.abs(one.at - at) < Math.abs(best.at - at) ? one : best, null);
  if (!near) return;
  for (const name of ["x1", "x2"]) box.querySelector(".cursor").setAttribute(name, x(near.at));
  box.classList.add("told");
  box.querySelector(".axis .told").textContent = `${clock(near.at)}  ${format(near.value)}`;
}

function forget(event) {
  event.currentTarget.classList.remove("told");
  event.currentTarget.querySelector(".axis .told").textContent = "";
}
