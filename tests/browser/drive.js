// Plays journeys through the page in Chromium, and tells of each, one JSON a line, what went wrong.
// usage: node drive.js '{"chromium", "base", "tokens", "scheme", "width", "shots", "journeys": [{"name", ..what it needs}]}'
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { journeys } from "./journeys.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const wanted = JSON.parse(process.argv[2]);

/** One browser window, and all that it complains of. */
class Traveller {
  constructor(page, given) {
    Object.assign(this, { page, given, base: wanted.base, tokens: wanted.tokens, complaints: [], foreign: [], findings: [], forgiven: [] });
    page.setDefaultTimeout(20000);
    page.on("console", message => { if (message.type() === "error") this.complaints.push(message.text()); });
    page.on("pageerror", error => this.complaints.push(`${error.message}\n${error.stack}`));
    page.context().on("request", request => { if (!/^(data|blob|about):/.test(request.url()) && !request.url().startsWith(`${this.base}/`)) this.foreign.push(request.url()); });
  }

  async logIn(role = "operate") {
    await this.page.goto(`${this.base}/`);
    await this.page.getByLabel("Token").fill(this.tokens[role]);
    await this.page.keyboard.press("Enter");
    await this.heading("Overview");
  }

  heading(name) {
    return this.page.getByRole("heading", { level: 1, name }).waitFor();
  }

  go(name) {
    return this.page.getByRole("navigation", { name: "Main" }).getByRole("link", { name, exact: true }).click();
  }

  button(name, within = this.page.locator("main")) {
    return within.getByRole("button", { name, exact: true });
  }

  get dialog() {
    return this.page.getByRole("dialog");
  }

  says(text, within = this.page.locator("main")) {
    return within.getByText(text).first().waitFor();
  }

  /** What axe finds serious, what hangs out at the right, and a picture. */
  async look(name) {
    await this.page.evaluate(AXE);
    const { violations } = await this.page.evaluate(() => globalThis.axe.run(document, { iframes: false, resultTypes: ["violations"] }));
    for (const { id, impact, nodes } of violations)
      if (["serious", "critical"].includes(impact)) this.findings.push(`${name}: ${id} ${nodes.map(node => node.html.slice(0, 200)).join(" ")}`);
    const over = await this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (over > 0) this.findings.push(`${name}: hangs out at the right by ${over} px`);
    if (wanted.shots) await this.page.screenshot({ path: `${wanted.shots}/${name}-${wanted.scheme}-${wanted.width}.png` });
  }

  /** By the keyboard alone: Tab until what has the focus is called so; its ring must be seen. */
  async tabTo(name) {
    for (let presses = 0; presses < 80; presses++) {
      await this.page.keyboard.press("Tab");
      const { called, ring } = await this.page.evaluate(() => {
        const on = document.activeElement, style = getComputedStyle(on);
        return { called: (on.getAttribute("aria-label") ?? on.labels?.[0]?.textContent ?? on.textContent).trim(), ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 };
      });
      if (called !== name) continue;
      if (!ring) throw new Error(`no ring around ${name}`);
      return;
    }
    throw new Error(`Tab never comes to ${name}`);
  }
}

async function play(browser, given) {
  const context = await browser.newContext({ viewport: { width: wanted.width, height: 800 }, colorScheme: wanted.scheme, timezoneId: "Europe/Berlin", locale: "en-GB" });
  const traveller = new Traveller(await context.newPage(), given);
  let error = null;
  try {
    await journeys[given.name](traveller, given);
  } catch (failed) {
    error = `${failed.message}\n${failed.stack}\n${(await traveller.page.locator("body").innerText().catch(() => "")).slice(0, 2000)}`;
    if (wanted.shots) await traveller.page.screenshot({ path: `${wanted.shots}/failed-${given.name}.png` }).catch(() => {});
  }
  const { complaints, foreign, findings, forgiven } = traveller;
  await context.close();
  console.log(JSON.stringify({ name: given.name, error, foreign, findings, complaints: complaints.filter(text => !forgiven.some(pattern => pattern.test(text))) }));
}

const browser = await chromium.launch({ executablePath: wanted.chromium, args: ["--no-sandbox", "--disable-gpu"] });
for (const given of wanted.journeys) await play(browser, given);
await browser.close();
