// Somebody calls: "I am customer 42. Did my mail go out, what did it say, can I have it again?" All of it on the page alone.
import { same } from "./traveller.js";

const found = (t, hasText) => t.page.getByRole("table", { name: "Jobs" }).getByRole("row").filter({ hasText });

async function search(t, word) {
  await t.page.getByLabel("Find a job by its id or subject").fill(word);
  await t.page.waitForTimeout(2500);  // the figures come anew meanwhile
  same(await t.page.getByLabel("Find a job by its id or subject").inputValue(), word, "what was typed");
  await t.page.keyboard.press("Enter");
  await t.heading("Jobs");
}

/** It went out: what it said is read, and it is sent once more. */
async function sentAgain(t, { id, subject, says }) {
  await search(t, subject);
  await t.look("support-found");
  same(await found(t, id).getByText("completed").count(), 1, "its state");
  await found(t, id).getByRole("link").click();
  await t.heading(id);
  await t.says("Done");
  await t.page.frameLocator("iframe.mail-frame").getByText(says).first().waitFor();
  await t.look("support-mail");
  await t.button("Send again").click();
  await t.says("1 mail will be sent again.", t.dialog);
  await t.says("ada@example.com", t.dialog);
  await t.look("support-again");
  await t.button("Send again", t.dialog).dblclick();
  await t.heading(/:again-/);
  await t.says(/^completed$/);
  await t.look("support-done");
}

/** It did not: the address was wrong. It is mended, and goes out. */
async function mended(t, { id, subject, wrong, right }) {
  await t.go("Overview");
  await search(t, subject);
  await found(t, id).getByRole("link").click();
  await t.says("dead");
  await t.look("support-dead");
  await t.page.getByRole("link", { name: /Look at the dead letter/ }).click();
  await t.button("Edit").click();
  const body = t.page.getByLabel("Body");
  await body.fill((await body.inputValue()).replace(wrong, right));
  await t.button("Dry run").click();
  await t.page.locator(".plan").getByText(right).first().waitFor();
  await t.look("support-edit");
  await t.button("Redrive").click();
  await t.button("Redrive", t.dialog).click();
  await t.says("1 letter edited and redriven", t.dialog);
  await t.button("Done", t.dialog).click();
  await t.heading(`${id}:e1`);
  await t.says(/^completed$/);
}

async function support(t, { sent, unsent }) {
  await t.logIn();
  await sentAgain(t, sent);
  await mended(t, unsent);
  await t.go("Audit");
  for (const action of ["publish", "edit"]) await t.page.getByRole("row").filter({ hasText: action }).first().waitFor();
  await t.look("support-audit");
}

export const journeys = { support };
