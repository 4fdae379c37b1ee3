// Sends the mails of a job that is done once more, as a new job, after it was said what that means.
import { get, path, post } from "./api.js";
import { dialog } from "./dialog.js";
import { h } from "./dom.js";
import { middle, plural } from "./format.js";
import { button } from "./parts.js";
import { problem } from "./problem.js";

const ID_LONGEST = 200;

const addressed = ({ to, subject }) => h("li", {}, h("b", {}, to), h("span", {}, subject));

/** What is not a mail happens a second time, too. */
function told(effects) {
  const mails = effects.filter(one => one.kind === "mail"), others = effects.length - mails.length;
  return h("div", { class: "saying letters" },
    h("p", { class: "big", role: "status" }, `${plural(mails.length, "mail")} will be sent again${others ? `, and ${plural(others, "other effect")} done again` : ""}.`),
    h("ul", {}, mails.map(addressed)));
}

/** One id for each time that the dialog is opened: pressed twice, the button still sends once. */
function message(job, plan) {
  const id = `${job.id}:again-${Date.now().toString(36)}`;
  return { type: plan.type, data: plan.data, ...(job.subject ? { subject: job.subject } : {}), ...(id.length <= ID_LONGEST ? { id } : {}) };
}

export function again(job) {
  const now = { plan: null, message: null, busy: false, error: null, made: null };
  const shown = dialog(draw, () => { if (now.made) location.hash = `#/jobs/${encodeURIComponent(now.made.id)}`; });

  function learn() {
    return shown.attempt(now, async () => {
      now.plan = await get(`${path("/v1/jobs", job.id)}/mails`);
      now.message = message(job, now.plan);
    });
  }

  function send() {
    return shown.attempt(now, async () => {
      now.made = await post("/v1/messages", now.message);
      shown.close();
    });
  }

  function draw(close) {
    return {
      title: `Send ${middle(job.id, 30)} again`,
      content: [h("p", { class: "muted" }, "A new job does the same with the same payload. Who got the mail gets it a second time; this job stays as it is."),
        now.plan ? told(now.plan.effects) : now.error ? null : h("div", { class: "saying" }, h("p", { class: "big" }, "Looking …")), now.error ? problem(now.error) : null],
      buttons: [button("Close", close, "quiet"), h("button", { type: "button", class: "primary", disabled: now.busy || !now.plan, onclick: send }, "Send again")],
    };
  }

  learn();
}
