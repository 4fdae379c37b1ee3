// Plays journeys through the page in Chromium, and tells of each, one JSON a line, what went wrong.
// usage: node drive.js '{"chromium", "base", "tokens", "scheme", "width", "shots", "journeys": [{"name", ..what it needs}]}'
import { chromium } from "playwright-core";
import { journeys } from "./journeys.js";
import { Traveller } from "./traveller.js";

const wanted = JSON.parse(process.argv[2]);

async function play(browser, given) {
  const context = await browser.newContext({ viewport: { width: wanted.width, height: 800 }, colorScheme: wanted.scheme, timezoneId: "Europe/Berlin", locale: "en-GB" });
  const traveller = new Traveller(await context.newPage(), wanted);
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
