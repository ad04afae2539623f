// How the page bears 10,000 sessions, a transcript of 50,000 blocks and 500 events a second: the real server over a generated
// home, the system's Chromium. `npm run scale` prints figures and fails beyond the bars below; docs/performance.md has measured
// ones. SESSIONS, BLOCKS, UPDATES and MINUTES change the load, AGENTMON names the program: a release build, to measure.

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { launch } from "./browser.mjs";
import { writeHome } from "./home.mjs";
import { DRAWN, GROWTH, NODES, held, scroll, startLoad, walk } from "./load.mjs";
import { program, serve } from "./server.mjs";

/** Longest frame of 95 in 100, in milliseconds. */
const FRAME_P95 = 20;
/** JavaScript memory of a tab, in MiB. */
const HEAP = 200;
/** A request from one of ten tabs, in milliseconds. */
const REQUEST = 1000;
const TABS = 10;

const number = (name, plain) => Number(process.env[name] ?? plain);
const load = { sessions: number("SESSIONS", 10_000), blocks: number("BLOCKS", 50_000), rate: number("UPDATES", 500), minutes: number("MINUTES", 3) };
const failures = [];
const tell = (name, figures) => console.log(`${name}: ${JSON.stringify(figures)}`);
const bar = (name, value, most) => {
  if (value > most) failures.push(`${name}: ${value}, more than ${most}`);
};

function shares(lengths) {
  const sorted = lengths.toSorted((a, b) => a - b);
  const of = (share) => Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1));
  return { p50: of(0.5), p95: of(0.95), p99: of(0.99), max: of(1) };
}

/** CPU time of the page's main thread between two frames, in milliseconds: what others do on this machine does not count. */
function workOf(events) {
  const { pid, tid } = events.find(({ name }) => name === "FireAnimationFrame") ?? {};
  const own = events.filter((event) => event.pid === pid && event.tid === tid && event.ph === "X").sort((a, b) => a.ts - b.ts);
  const found = [];
  let sum = 0;
  for (const { name, tdur } of own) {
    if (name === "FireAnimationFrame") {
      found.push(sum / 1000);
      sum = 0;
    } else if (name === "RunTask" || name === "ThreadControllerImpl::RunTask") sum += tdur ?? 0;
  }
  return found.slice(1);
}

/** Scrolls twice: once for the time from frame to frame, once traced for the work in each of them. */
async function smooth(name, page, step, seconds) {
  const { frames, drawn } = await scroll(page, "[data-scroller]", seconds, step);
  await browser.startTracing(page, { categories: ["toplevel", "devtools.timeline"] });
  await scroll(page, "[data-scroller]", seconds / 2, step);
  const work = workOf(JSON.parse((await browser.stopTracing()).toString()).traceEvents);
  const found = { frames: frames.length, wall_ms: shares(frames), work_ms: shares(work), drawn };
  tell(name, found);
  bar(`${name}: p95 of frames in ms`, process.env.WORK ? found.work_ms.p95 : found.wall_ms.p95, FRAME_P95);
  bar(`${name}: rows drawn`, drawn, DRAWN);
}

async function loaded(url, many) {
  for (;;) {
    const { total } = await (await fetch(`${url}/api/v1/sessions?limit=1`)).json().then((body) => ({ total: body.matching ?? 0 }));
    if (total >= many) return;
    await sleep(200);
  }
}

console.log(`${program}: ${JSON.stringify(load)}`);
const home = mkdtempSync(join(tmpdir(), "agentmon-scale-"));
const { ids, long } = writeHome(home, load);
let began = Date.now();
let server = await serve({ home });
const { url } = server;
await loaded(url, ids.length + 1);
tell("history read", { ms: Date.now() - began });
let traffic = startLoad(url, ids, load.rate);
const browser = await launch();
const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
const page = await context.newPage();
page.on("pageerror", (error) => failures.push(`an error in the page: ${error.message}`));

began = Date.now();
await page.goto(url);
await page.locator("[data-row]").first().waitFor();
tell("board", { shown_after_ms: Date.now() - began });
await sleep(2000);
await smooth("board", page, 90, 8);

await page.goto(`${url}/s/${encodeURIComponent(`claude_code:${long}`)}`);
await page.locator("[data-block]").first().waitFor();
await sleep(1500);
await smooth("transcript, back", page, -140, 12);
await smooth("transcript, on", page, 140, 6);
bar("transcript: nodes", (await held(page)).nodes, NODES);

// The board while minutes of updates come.
await page.goto(url);
await page.locator("[data-row]").first().waitFor();
await sleep(10_000);
const samples = [await held(page)];
for (let minute = 0; minute < load.minutes; minute += 1) {
  await scroll(page, "[data-scroller]", 10, 90);
  await sleep(50_000);
  samples.push(await held(page));
}
tell("memory by the minute", samples);
bar("heap in MiB", samples.at(-1).heap, HEAP);
bar("growth of the heap in MiB", samples.at(-1).heap - samples[0].heap, GROWTH);
bar("nodes", samples.at(-1).nodes, NODES);

// Ten tabs at once, each with a request of its own.
const tabs = [page];
while (tabs.length < TABS) {
  const tab = await context.newPage();
  await tab.goto(url);
  tabs.push(tab);
}
for (const tab of tabs) await tab.locator("[data-row]").first().waitFor({ timeout: 120_000 });
const answered = await Promise.all(tabs.map((tab) => tab.evaluate(async () => {
  const before = performance.now();
  await (await fetch("/api/v1/about")).json();
  return performance.now() - before;
})));
tell("ten tabs: a request of each", shares(answered));
bar("ten tabs: a request in ms", Math.max(...answered), REQUEST);
for (const tab of tabs.slice(1)) await tab.close();
tell("traffic", await traffic.stop());

// The server dies and comes back: no reload, every row once.
await page.evaluate(() => {
  window.__same = true;
});
await server.stop("SIGKILL");
await page.getByText("reconnecting").waitFor();
began = Date.now();
server = await serve({ home, listen: new URL(url).host });
await page.getByText("live", { exact: true }).waitFor({ timeout: 120_000 });
tell("live again", { ms: Date.now() - began });
await sleep(3000);
const known = await (await fetch(`${url}/api/v1/board?limit=20000`)).json();
for (const button of [page.getByRole("button", { name: /^\d+ more$/ })]) while (await button.count()) await button.click();
const seen = await walk(page);
const expected = new Set(known.sessions.map((session) => session.id));
const lost = [...expected].filter((id) => !seen.ids.includes(id));
tell("rows after a restart", { expected: expected.size, seen: seen.ids.length, lost: lost.length, twice: seen.twice.length });
bar("lost rows", lost.length, 0);
bar("doubled rows", seen.twice.length, 0);
if (!(await page.evaluate(() => window.__same))) failures.push("the page was reloaded");

await browser.close();
await server.remove();
failures.forEach((failure) => console.error(`FAILED: ${failure}`));
process.exit(failures.length ? 1 : 0);
