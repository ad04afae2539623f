// How the page bears 10,000 sessions, 50,000 blocks and 500 changes a second: frames while it scrolls, memory, drawn rows.
// `npm run scale` measures; UPDATES, SESSIONS and BLOCKS change the load. Fails beyond the bars below.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { launch } from "./browser.mjs";
import { fakeServer } from "./fake-server.mjs";

/** Longest frame of 95 in 100, in milliseconds. */
const FRAME_P95 = 20;
/** JavaScript memory of the tab after all of it, in MiB. */
const MEMORY = 400;
/** Rows and blocks in the document at a time. */
const DRAWN = 160;

const dist = process.env.DIST ?? join(dirname(fileURLToPath(import.meta.url)), "../dist");
const load = { sessions: Number(process.env.SESSIONS ?? 10_000), blocks: Number(process.env.BLOCKS ?? 50_000), rate: Number(process.env.UPDATES ?? 500) };
const server = await fakeServer({ dist, ...load });
const browser = await launch(["--enable-precise-memory-info"]);
const failures = [];

/** Scrolls an element for some seconds; tells the length of its frames, and how much work of the page each of them was. */
async function scroll(page, selector, seconds, step) {
  await browser.startTracing(page, { categories: ["toplevel", "devtools.timeline"] });
  const wall = await page.evaluate(
    async ([selector, seconds, step]) => {
      const element = document.querySelector(selector);
      const frames = [];
      let before = performance.now();
      const end = before + seconds * 1000;
      let by = step;
      while (before < end) {
        const now = await new Promise((drawn) => requestAnimationFrame(drawn));
        frames.push(now - before);
        before = now;
        const at = element.scrollTop;
        element.scrollTop = at + by;
        if (Math.abs(element.scrollTop - at) < 1) by = -by;
      }
      return { frames, drawn: document.querySelectorAll("[data-row], [data-block]").length };
    },
    [selector, seconds, step],
  );
  const work = workOf(JSON.parse((await browser.stopTracing()).toString()).traceEvents);
  return { frames: wall.frames.length, wall: shares(wall.frames), work: shares(work), drawn: wall.drawn };
}

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
    if (name !== "RunTask" && name !== "ThreadControllerImpl::RunTask") {
      if (name === "FireAnimationFrame") {
        found.push(sum / 1000);
        sum = 0;
      }
      continue;
    }
    sum += tdur ?? 0;
  }
  return found.slice(1);
}

function judge(name, found) {
  console.log(`${name}: ${JSON.stringify(found)}`);
  const { p95 } = process.env.WALL ? found.wall : found.work;
  if (p95 > FRAME_P95) failures.push(`${name}: 95 of 100 frames within ${p95} ms, more than ${FRAME_P95}`);
  if (found.drawn > DRAWN) failures.push(`${name}: ${found.drawn} rows are drawn, more than ${DRAWN}`);
}

const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
const began = Date.now();
await page.goto(server.url);
await page.waitForSelector("[data-row]");
console.log(`board of ${load.sessions} sessions after ${Date.now() - began} ms, ${load.rate} changes a second`);
await page.waitForTimeout(1500);
judge("board", await scroll(page, "[data-scroller]", 8, 90));

await page.goto(`${server.url}/s/claude_code%3A000001-scale`);
await page.waitForSelector("[data-block]");
await page.waitForTimeout(1500);
judge("transcript, back", await scroll(page, "[data-scroller]", 12, -140));
judge("transcript, on", await scroll(page, "[data-scroller]", 6, 140));

const session = await page.context().newCDPSession(page);
await session.send("HeapProfiler.collectGarbage");
const memory = Math.round((await page.evaluate(() => performance.memory.usedJSHeapSize)) / 1048576);
console.log(`memory: ${memory} MiB`);
if (memory > MEMORY) failures.push(`memory: ${memory} MiB, more than ${MEMORY}`);

await browser.close();
server.stop();
failures.forEach((failure) => console.error(`FAILED: ${failure}`));
process.exit(failures.length ? 1 : 0);
