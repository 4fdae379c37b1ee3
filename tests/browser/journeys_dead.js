// Journeys through the dead letters, and to a job that is cancelled.
import { harmless } from "./traveller.js";

const row = (t, text) => t.page.getByRole("row").filter({ hasText: text });

/** From the groups to one letter, which is past its deadline: left alone unless that is asked for; then to the job, completed. */
async function redrive(t, { error, id }) {
  await t.logIn();
  await t.go("Dead letters");
  await t.look("dead");
  await row(t, error).getByRole("link").click();
  await row(t, id).getByRole("link").click();
  await t.heading(id);
  await t.look("letter");
  await t.button("Redrive").click();
  await t.says("Nothing would be redriven. 1 letter past the deadline stays", t.dialog);
  if (!await t.button("Redrive", t.dialog).isDisabled()) throw new Error("what redrives nothing can be pressed");
  await t.dialog.getByLabel(/past its deadline/).check();
  await t.says("1 letter will be redriven", t.dialog);
  await t.button("Dry run", t.dialog).click();
  await t.says("1 letter will be redriven", t.dialog);
  await t.look("redrive");
  await t.button("Redrive", t.dialog).click();
  await t.says("1 letter redriven", t.dialog);
  await t.button("Done", t.dialog).click();
  await t.heading(id);
  await t.says(/^completed$/);
  await t.says("Redriven");
}

async function letterMail(t, { queue, dead }) {
  await t.logIn();
  await t.page.goto(`${t.base}/#/dead/${queue}/${dead}`);
  await t.button("Show", t.page.locator("section").filter({ hasText: "What it would send" })).click();
  await harmless(t);
  await t.look("letter-mail");
}

/** What was typed is still there after a reload; what cannot be done is said before it is sent; then it completes under a new id. */
async function edit(t, { queue, dead, id, wrong, right }) {
  await t.logIn();
  await t.page.goto(`${t.base}/#/dead/${queue}/${dead}`);
  await t.button("Edit").click();
  await t.heading(`Edit ${id}`);
  const body = t.page.getByLabel("Body");
  const typed = (await body.inputValue()).replace(wrong, right);
  await body.fill("{");
  await t.button("Redrive").click();
  await t.page.getByRole("alert").getByText("The body is no JSON").waitFor();
  await body.fill(typed);
  await t.page.reload();
  await t.says("Your draft of");
  if (await body.inputValue() !== typed) throw new Error("the draft is not what was typed");
  await t.button("Dry run").click();
  await t.page.locator(".plan").getByText(right).first().waitFor();
  await t.look("edit");
  await t.button("Redrive").click();
  await t.says("The dead letter is taken away", t.dialog);
  await t.button("Redrive", t.dialog).click();
  await t.says("1 letter edited and redriven", t.dialog);
  await t.button("Done", t.dialog).click();
  await t.heading(`${id}:e1`);
  await t.says(/^completed$/);
}

async function drop(t, { queue, reason, count }) {
  await t.logIn();
  await t.page.goto(`${t.base}/#/dead/${queue}`);
  await t.page.getByLabel("Reason").selectOption(reason);
  await t.says(`${count} letters`);
  await t.button("Drop").click();
  await t.says(`${count} letters will be dropped`, t.dialog);
  await t.look("drop");
  await t.button("Drop", t.dialog).click();
  await t.says(`${count} letters dropped`, t.dialog);
  await t.button("Done", t.dialog).click();
  await t.says("No letter is found");
  await row(t, "Drop").getByRole("button", { name: "Restore" }).click();
  await t.button("Restore", t.dialog).click();
  await t.says(`${count} letters restored`, t.dialog);
  await t.button("Done", t.dialog).click();
  await t.says(`${count} letters`);
  await t.page.getByRole("link", { name: "Letters", exact: true }).click();
  await t.page.getByRole("table", { name: "Letters" }).getByRole("row").nth(count).waitFor();
  await t.look("letters");
  await t.page.getByRole("checkbox").nth(1).check();
  await t.says("1 letter");
  await t.button("Drop").click();
  await t.says("1 letter will be dropped", t.dialog);
  await t.button("Close", t.dialog).click();
}

async function cancel(t, { id }) {
  await t.logIn();
  await t.page.goto(`${t.base}/#/jobs/${id}`);
  await t.says(/^queued$/);
  await t.button("Cancel").click();
  await t.says("will not be done", t.dialog);
  await t.button("Cancel", t.dialog).click();
  await t.says("Cancelled. Nothing was sent.", t.dialog);
  await t.button("Done", t.dialog).click();
  await t.says(/^cancelled$/);
}

export const dead = { redrive, letterMail, edit, drop, cancel };
