// Many sessions, a long transcript and many updates: what must hold of them whatever the machine. `scale.mjs` measures times.

import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { writeHome } from "./home.mjs";
import { DRAWN, GROWTH, NODES, held, scroll, startLoad, walk } from "./load.mjs";
import { LIMIT, suite } from "./page.mjs";
import { serve } from "./server.mjs";

const SESSIONS = 3000;
const BLOCKS = 5000;
/** Events a second: what a build for tests keeps up with beside a browser. */
const RATE = 150;

suite("many sessions", ({ context, open, close }) => {
  let server;
  let ids;
  let long;
  before(async () => {
    const home = mkdtempSync(join(tmpdir(), "agentmon-e2e-"));
    ({ ids, long } = writeHome(home, { sessions: SESSIONS, blocks: BLOCKS }));
    server = await serve({ home });
    for (;;) {
      const { matching } = await (await fetch(`${server.url}/api/v1/sessions?limit=1`)).json();
      if (matching > SESSIONS) break;
      await sleep(200);
    }
  });
  after(() => server?.remove());

  const first = (page) => page.locator("[data-row]").first().waitFor();

  it("draws what is seen, and holds no more after many updates", LIMIT, async () => {
    const page = await open(server.url);
    await first(page);
    assert.equal(Number(await page.getByRole("table", { name: "Sessions" }).getAttribute("aria-rowcount")) > SESSIONS, true);
    const traffic = startLoad(server.url, ids, RATE);
    await sleep(3000);
    const before = await held(page);
    const { drawn } = await scroll(page, "[data-scroller]", 8, 400);
    assert.ok(drawn > 0 && drawn <= DRAWN, `${drawn} rows are drawn`);
    await sleep(8000);
    const now = await held(page);
    const { posted } = await traffic.stop();
    assert.ok(posted > RATE * 5, `${posted} events were taken in`);
    assert.ok(now.heap - before.heap <= GROWTH, JSON.stringify({ before, now }));
    assert.ok(now.nodes <= NODES, JSON.stringify(now));
    await close(page);
  });

  it("reads a long transcript through a window", LIMIT, async () => {
    const page = await open(`${server.url}/s/${encodeURIComponent(`claude_code:${long}`)}`);
    await page.locator("[data-block]").first().waitFor();
    await page.getByText(`${BLOCKS.toLocaleString("en")} blocks`).waitFor();
    const { drawn } = await scroll(page, "[data-scroller]", 8, -900);
    assert.ok(drawn > 0 && drawn <= DRAWN, `${drawn} blocks are drawn`);
    await page.getByRole("button", { name: "Beginning" }).click();
    await page.waitForFunction(() => document.querySelector("[data-scroller]").scrollTop === 0);
    await page.getByRole("button", { name: "Follow" }).click();
    assert.ok((await held(page)).nodes <= NODES);
    await close(page);
  });

  it("keeps ten tabs answered", LIMIT, async () => {
    const shared = await context();
    const traffic = startLoad(server.url, ids, RATE);
    const tabs = [];
    while (tabs.length < 10) {
      const tab = await shared.newPage();
      await tab.goto(server.url);
      tabs.push(tab);
    }
    for (const tab of tabs) await tab.locator("[data-row]").first().waitFor({ timeout: 60_000 });
    const answers = await Promise.all(tabs.map((tab) => tab.evaluate(async () => (await fetch("/api/v1/about")).status)));
    assert.deepEqual(answers, tabs.map(() => 200));
    await traffic.stop();
    await shared.close();
  });

  it("is live again after the server was killed: no reload, no row and no block lost or twice", LIMIT, async () => {
    const page = await open(server.url);
    await first(page);
    const shown = `claude_code:${ids[7]}`;
    // Not a tab beside it: nothing is drawn in those that nobody sees.
    const transcript = await open(`${server.url}/s/${encodeURIComponent(shown)}`);
    await transcript.locator("[data-block]").first().waitFor();
    for (const tab of [page, transcript]) await tab.evaluate(() => void (window.__same = true));
    const say = (text) => server.post({ session_id: ids[7], agent_type: "claude_code", event_type: "response", metadata: { message: text } });
    for (let turn = 0; turn < 5; turn += 1) await say(`before ${turn}`);
    const traffic = startLoad(server.url, ids.slice(100), RATE);
    await sleep(2000);
    await traffic.stop();
    for (let turn = 5; turn < 10; turn += 1) await say(`before ${turn}`);
    const { url, home } = server;
    await server.stop("SIGKILL");
    await page.getByText("reconnecting").waitFor();
    server = await serve({ home, listen: new URL(url).host });
    for (let turn = 0; turn < 5; turn += 1) await say(`after ${turn}`);
    for (const tab of [page, transcript]) await tab.getByText("live", { exact: true }).waitFor({ timeout: 60_000 });

    await transcript.getByText("after 4", { exact: true }).waitFor();
    const said = await transcript.locator("[data-block]").allInnerTexts();
    const turns = said.join("\n").match(/(before|after) \d/g);
    assert.deepEqual(turns, [...Array.from({ length: 10 }, (_, turn) => `before ${turn}`), ...Array.from({ length: 5 }, (_, turn) => `after ${turn}`)]);

    await sleep(2000);
    const more = page.getByRole("button", { name: /^\d+ more$/ });
    while (await more.count()) await more.click();
    const { ids: seen, twice } = await walk(page);
    const { sessions } = await (await fetch(`${url}/api/v1/board?limit=20000`)).json();
    assert.deepEqual(twice, []);
    assert.deepEqual(sessions.map(({ id }) => id).filter((id) => !seen.includes(id)), []);
    assert.equal(seen.length, sessions.length);
    for (const tab of [page, transcript]) assert.equal(await tab.evaluate(() => window.__same), true);
    await close(transcript);
    await close(page);
  });
});
