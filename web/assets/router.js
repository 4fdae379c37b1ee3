// Which view an address means.
import { h } from "./dom.js";
import { empty, heading } from "./parts.js";
import { show } from "./screen.js";
import { reads } from "./session.js";
import { overview } from "./views/overview.js";
import { jobs } from "./views/jobs.js";
import { job } from "./views/job.js";
import { dead } from "./views/dead.js";
import { letter } from "./views/letter.js";
import { edit } from "./views/edit.js";
import { queues } from "./views/queues.js";
import { schedules } from "./views/schedules.js";
import { types } from "./views/types.js";
import { type } from "./views/type.js";
import { audit } from "./views/audit.js";

const ROUTES = [
  ["/", overview], ["/jobs", jobs], ["/jobs/:", job],
  ["/dead", dead], ["/dead/:", dead], ["/dead/:/:", letter], ["/dead/:/:/edit", edit],
  ["/queues", queues], ["/schedules", schedules], ["/types", types], ["/types/:", type], ["/audit", audit],
];

function parse() {
  const [path, query] = (location.hash.replace(/^#/, "") || "/").split("?");
  const segments = path.split("/").filter(Boolean).map(segment => {
    try {
      return decodeURIComponent(segment);
    } catch {
      return segment;
    }
  });
  for (const [pattern, view] of ROUTES) {
    const wanted = pattern.split("/").filter(Boolean);
    if (wanted.length === segments.length && wanted.every((word, at) => word === ":" || word === segments[at]))
      return { view: reads() || view.publishers ? view : { ...notForYou, title: view.title }, here: { path, query: new URLSearchParams(query ?? ""), words: segments.filter((_, at) => wanted[at] === ":"), top: segments[0] ?? "" } };
  }
  return { view: null, here: { path, query: new URLSearchParams(), words: [], top: "" } };
}

function markNavigation(top) {
  for (const link of document.querySelectorAll(".side nav a")) {
    const current = link.getAttribute("href") === `#/${top}`;
    if (current) {
      link.setAttribute("aria-current", "page");
      const strip = link.closest("nav");
      strip.scrollLeft = link.offsetLeft - strip.clientWidth / 2 + link.clientWidth / 2;
    } else link.removeAttribute("aria-current");
  }
}

/** What a token that publishes gets instead of a view that is not for it. */
const notForYou = { load: async () => ({}), every: 3600000,
  draw: () => [heading("Not for this token"), empty("It publishes, and sees types and its own jobs", "A job is opened by its address, #/jobs/ID. ", h("a", { href: "#/types" }, "Go to the types"), ".")] };

/** Shows what the address says. */
export async function route() {
  const { view, here } = parse();
  markNavigation(here.top);
  await show(view, here);
}
