// Who goes through the page: what they can do in a few words, and what they notice.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** One browser window, and all that it complains of. */
export class Traveller {
  constructor(page, { base, tokens, shots, scheme, width }) {
    Object.assign(this, { page, base, tokens, shots, view: `${scheme}-${width}`, complaints: [], foreign: [], findings: [], forgiven: [] });
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
    if (this.shots) await this.page.screenshot({ path: `${this.shots}/${name}-${this.view}.png` });
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

export function same(found, wanted, what) {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(`${what}: ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`);
}

/** A mail that tries to run and to load does neither, wherever it is shown. */
export async function harmless(t) {
  const frame = t.page.frameLocator("iframe.mail-frame").first();
  await frame.getByText("Hello from the mail").waitFor();
  same(await t.page.locator("iframe.mail-frame").first().getAttribute("sandbox"), "allow-same-origin", "the sandbox");
  same(await frame.locator("script, link, meta[http-equiv], [onclick], [onerror], img[src^='http'], a[href]").count(), 0, "what acts or loads");
  same(await frame.getByText("Hello from the mail").evaluate(element => getComputedStyle(element).color), "rgb(10, 20, 30)", "the mail's own style");
  await t.says("not loaded");
  same(await t.page.evaluate(() => [globalThis.pwned ?? null, document.title.includes("pwned")]), [null, false], "what the mail's script did");
}
