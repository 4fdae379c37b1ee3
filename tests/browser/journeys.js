// What people do on the page. Each journey is given a Traveller and what the test has prepared.
import { dead } from "./journeys_dead.js";
import { journeys as ofSupport } from "./journeys_support.js";
import { harmless, same } from "./traveller.js";

const NAVIGATION = ["Overview", "Jobs", "Dead letters", "Queues", "Schedules", "Types", "Audit"];

async function door(t) {
  t.forgiven.push(/status of 401/);
  await t.page.goto(`${t.base}/#/queues`);
  await t.look("door");
  await t.page.getByLabel("Token").fill("no such token of anybody");
  await t.page.getByRole("button", { name: "Log in" }).click();
  await t.page.getByRole("alert").getByText("No such token").waitFor();
  same(await t.page.getByRole("navigation").isVisible(), false, "the navigation");
  await t.page.getByLabel("Token").fill(t.tokens.operate);
  await t.page.getByRole("button", { name: "Log in" }).click();
  await t.heading("Queues");  // where the address led
  same(await t.page.getByRole("navigation", { name: "Main" }).getByRole("link").allInnerTexts(), NAVIGATION, "navigation");
  same(await t.page.evaluate(() => document.cookie), "", "what scripts see of the cookie");
  await t.page.reload();
  await t.heading("Queues");  // the cookie lasts
  await t.page.getByRole("button", { name: "Log out" }).click();
  await t.page.getByLabel("Token").waitFor();
  await t.page.reload();
  await t.page.getByLabel("Token").waitFor();
}

async function overview(t, { queue }) {
  await t.logIn();
  await t.says(queue);
  await t.page.getByRole("table", { name: "Workers" }).getByText("running").waitFor();
  await t.look("overview");
}

async function find(t, { id, subject, others }) {
  await t.logIn();
  await t.go("Jobs");
  await t.page.getByLabel("Id or subject").fill(id);
  await t.page.keyboard.press("Enter");
  await t.page.getByRole("row").filter({ hasText: id }).waitFor();
  await t.page.getByLabel("Id or subject").fill(subject);
  await t.button("Search").click();
  for (const other of others) await t.page.getByRole("row").filter({ hasText: other }).waitFor();
  same(await t.page.locator("tbody tr").count(), others.length, "rows");
  await t.look("jobs");
  await t.page.getByLabel("State").selectOption("dead");
  await t.says("No job is found");
  await t.page.goBack();
  await t.page.getByRole("row").filter({ hasText: others[0] }).waitFor();
  same(await t.page.getByLabel("State").inputValue(), "", "the state after going back");
  await t.page.getByRole("row").filter({ hasText: others[0] }).getByRole("link").click();
  await t.heading(others[0]);
}

async function timeline(t, { id }) {
  await t.logIn();
  await t.page.goto(`${t.base}/#/jobs/${encodeURIComponent(id)}`);
  await t.heading(id);
  await t.says("completed");
  await t.says("Taken by a worker");
  await t.says(/Sent: .*completed/);
  await harmless(t);
  const time = t.page.locator("main time.ago").first();
  if (!/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d /.test(await time.getAttribute("title"))) throw new Error("no exact time on hover");
  await t.look("job");
}

async function preview(t, { type, payload, wrong }) {
  await t.logIn();
  await t.go("Types");
  await t.page.getByRole("link", { name: type }).click();
  await t.heading(type);
  await t.page.getByRole("table", { name: "Payload" }).getByText("/to", { exact: true }).waitFor();
  await t.page.getByLabel("Payload").and(t.page.locator("textarea")).fill(JSON.stringify(payload));
  await t.button("Preview").click();
  await harmless(t);
  await t.look("preview");
  await t.button("Text").click();
  await t.says("only text");
  await t.page.getByLabel("Payload").and(t.page.locator("textarea")).fill(JSON.stringify(wrong));
  t.forgiven.push(/status of 400/);
  await t.button("Preview").click();
  await t.page.getByRole("alert").getByText("/data/to").waitFor();
}

/** The same payload in another language than it asks for. */
async function locales(t, { type }) {
  await t.logIn();
  await t.page.goto(`${t.base}/#/types/${type}`);
  await t.page.getByLabel("Locale").selectOption("de");
  await t.page.locator("h3").getByText("unterwegs").waitFor();
  await t.look("locale");
}

async function pause(t, { queue }) {
  await t.logIn();
  await t.go("Queues");
  const row = t.page.getByRole("row").filter({ hasText: queue });
  await t.button("Pause", row).click();
  await t.says("All workers stop taking from it", t.dialog);
  await t.look("pause");
  await t.button("Pause", t.dialog).click();
  await t.says("is paused", t.dialog);
  await t.button("Done", t.dialog).click();
  await row.getByText("paused", { exact: true }).waitFor();
  await t.go("Overview");
  await t.says(`${queue} is paused`);
  await t.go("Queues");
  await t.look("queues");
  await t.button("Resume", row).click();
  await t.button("Resume", t.dialog).click();
  await t.says("goes on", t.dialog);
  await t.page.keyboard.press("Escape");
  await row.getByText("open", { exact: true }).waitFor();
  await t.go("Audit");
  for (const action of ["pause", "resume"]) await t.page.getByRole("row").filter({ hasText: action }).filter({ hasText: queue }).filter({ hasText: "operateer" }).waitFor();
  await t.look("audit");
}

async function schedules(t, { schedule, next, lastId }) {
  await t.logIn();
  await t.go("Schedules");
  const row = t.page.getByRole("row").filter({ hasText: schedule });
  await row.waitFor();
  const shown = await row.locator("ol.ticks time").evaluateAll(times => times.map(time => Date.parse(time.dateTime)));
  same(shown, next, "the next runs");
  await t.says("1 published", row);
  await t.look("schedule");
  await row.getByRole("link").first().click();
  await t.heading(lastId);
}

async function readers(t, { queue }) {
  await t.logIn("read");
  await t.go("Queues");
  await t.says(queue);
  same(await t.button("Pause").count(), 0, "buttons of one who only reads");
}

/** No mouse: the door, the skip link, a search, a dialog opened and left by Escape, the focus back where it was. */
async function keyboard(t, { id, queue }) {
  await t.page.goto(`${t.base}/`);
  await t.page.getByLabel("Token").waitFor();
  await t.page.keyboard.type(t.tokens.operate);  // it has the focus
  await t.page.keyboard.press("Enter");
  await t.heading("Overview");
  await t.tabTo("Skip to the content");
  await t.page.keyboard.press("Enter");
  same(await t.page.evaluate(() => document.activeElement.id), "main", "after skipping");
  await t.tabTo("Jobs");
  await t.page.keyboard.press("Enter");
  await t.heading("Jobs");
  await t.tabTo("Id or subject");
  await t.page.keyboard.type(id);
  await t.page.keyboard.press("Enter");
  await t.page.getByRole("row").filter({ hasText: id }).waitFor();
  await t.tabTo(id);
  await t.page.keyboard.press("Enter");
  await t.heading(id);
  await t.tabTo("Queues");
  await t.page.keyboard.press("Enter");
  await t.says(queue);
  await t.tabTo("Pause");
  await t.page.keyboard.press("Enter");
  await t.says("All workers stop", t.dialog);
  await t.page.keyboard.press("Escape");
  await t.dialog.waitFor({ state: "hidden" });
  same(await t.page.evaluate(() => document.activeElement.textContent), "Pause", "the focus after a dialog");
}

/** Every view once, for axe and for the eye. */
async function tour(t, { id, type }) {
  await t.logIn();
  for (const [name, hash, heading] of [["overview", "#/", "Overview"], ["jobs", "#/jobs", "Jobs"], ["job", `#/jobs/${encodeURIComponent(id)}`, id], ["dead", "#/dead", "Dead letters"],
    ["queues", "#/queues", "Queues"], ["schedules", "#/schedules", "Schedules"], ["types", "#/types", "Types"], ["type", `#/types/${type}`, type], ["audit", "#/audit", "Audit"], ["nowhere", "#/x/y/z/a", "Nothing is here"]]) {
    await t.page.goto(`${t.base}/${hash}`);
    await t.heading(heading);
    await t.page.locator(".loading").waitFor({ state: "detached" });
    await t.look(name);
  }
}

/** What the docs show: light, at a size that fits a page. */
async function pictures(t, { queue }) {
  await t.logIn();
  await t.page.setViewportSize({ width: 1180, height: 720 });
  await t.page.locator(".chart path.line").first().waitFor();
  await t.look("page-overview");
  await t.page.goto(`${t.base}/#/dead/${queue}`);
  await t.page.getByRole("table", { name: "Groups" }).waitFor();
  await t.look("page-dead");
}

export const journeys = { pictures, door, overview, find, timeline, preview, locales, pause, schedules, readers, keyboard, tour, ...dead, ...ofSupport };
