// What came out of a session, and its log: made-up agents at work, and an agent that writes what a page must not run.

import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { PAYLOADS } from "./hostile.mjs";
import { LIMIT, suite } from "./page.mjs";
import { serve } from "./server.mjs";

const SESSION = "11111111-aaaa-4000-8000-000000000001";
const GIF = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

/** A session as Claude Code writes it; `tell` adds messages to its end. */
function recording(home) {
  const folder = join(home, ".claude/projects/-p-app");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${SESSION}.jsonl`);
  writeFileSync(file, "");
  let count = 0;
  const start = Date.now() - 60_000;
  const tell = (...messages) => {
    const lines = messages.map((message) => {
      count += 1;
      const timestamp = new Date(start + count * 100).toISOString();
      return JSON.stringify({ type: message.role, message, sessionId: SESSION, cwd: "/p/app", version: "2.1.329", uuid: `u${count}`, timestamp });
    });
    appendFileSync(file, `${lines.join("\n")}\n`);
  };
  /** A tool's call and what came back. */
  const tool = (id, name, input, content, is_error = false) =>
    tell(
      { role: "assistant", id: `m${id}`, model: "claude-opus-5-5", content: [{ type: "tool_use", id, name, input }] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: id, content, is_error }] },
    );
  tell({ role: "user", content: "Mend it" });
  return { tell, tool };
}

suite("what came out of a session, and its log", (browser) => {
  let demo;
  before(async () => {
    demo = await serve({ demo: true });
    while ((await (await fetch(`${demo.url}/api/v1/sessions?state=working&limit=1`)).json()).sessions.length === 0) await sleep(200);
  });
  after(() => demo?.remove());
  const { close } = browser;

  it("lists files with their lines, leads to their place, and follows keys", LIMIT, async () => {
    const page = await browser.open(demo.url);
    await page.getByRole("link", { name: "Make the checkout tests pass" }).first().click();
    await page.getByRole("tab", { name: "Transcript" }).waitFor();
    await page.keyboard.press("3");
    await page.waitForURL(/tab=artifacts/);
    const files = page.getByRole("region", { name: "Files" });
    const link = files.getByRole("link", { name: /tax\.ts/ });
    await link.waitFor();
    assert.match(await files.innerText(), /edited/);
    assert.match(await files.innerText(), /\+\d+ −\d+/);
    await files.getByRole("button", { name: "Path", exact: true }).click();
    await page.waitForURL(/sort=path/);
    await link.focus();
    await page.keyboard.press("Enter");
    await page.waitForURL(/at=\d+/);
    await page.getByRole("tab", { name: "Transcript", selected: true }).waitFor();
    const marked = page.locator("article.bg-accent\\/10");
    await marked.waitFor();
    assert.match(await marked.innerText(), /tax\.ts/);
    await page.goBack();
    await link.waitFor();
    await page.keyboard.press("5");
    await page.waitForURL(/tab=logs/);
    await page.getByRole("region", { name: "Log" }).locator("li").first().waitFor();
    await close(page);
  });

  it("filters the log by level and text, opens a line, and saves it", LIMIT, async () => {
    const page = await browser.open(demo.url);
    await page.getByRole("link", { name: "Make the checkout tests pass" }).first().click();
    await page.getByRole("tab", { name: "Logs" }).click();
    const log = page.getByRole("region", { name: "Log" });
    const levels = () => log.locator("li").evaluateAll((rows) => [...new Set(rows.map((row) => row.dataset.level))]);
    await log.locator("li").first().waitFor();
    assert.ok((await levels()).length > 1);
    await page.getByRole("group", { name: "Levels" }).getByRole("button", { name: "warn" }).click();
    await page.waitForURL(/level=warn/);
    await page.waitForFunction(() => [...document.querySelectorAll("[data-level]")].every((row) => row.dataset.level === "warn"));
    await log.locator("li").first().waitFor();
    assert.deepEqual(await levels(), ["warn"]);
    await page.getByRole("group", { name: "Levels" }).getByRole("button", { name: "warn" }).click();
    await page.locator("h1").click();
    await page.keyboard.press("f");
    await page.keyboard.type("TAX.ts");
    await page.keyboard.press("Enter");
    await page.waitForURL(/q=TAX.ts/);
    const row = log.getByRole("button", { name: /tax\.ts/ }).first();
    await row.waitFor();
    await row.focus();
    await page.keyboard.press("Enter");
    assert.equal(await row.getAttribute("aria-expanded"), "true");
    await log.getByRole("group", { name: "Text of the line" }).getByText(/tax\.ts/).waitFor();
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: /NDJSON/ }).click()]);
    const lines = readFileSync(await file.path(), "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
    assert.ok(lines.length && lines.every(({ text, tool }) => /tax\.ts/i.test(text + tool)));
    assert.ok(lines.every(({ at }, index) => index === 0 || lines[index - 1].at <= at), "the oldest first");
    await page.reload();
    await row.waitFor();
    await page.getByRole("searchbox", { name: /contain/ }).fill("no such words anywhere");
    await page.keyboard.press("Enter");
    await page.getByText("No line matches").waitFor();
    await close(page);
  });

  it("shows hostile names as text, what was refused not at all, and what comes later at once", LIMIT, async () => {
    const home = mkdtempSync(join(tmpdir(), "agentmon-e2e-"));
    const { tell, tool } = recording(home);
    for (const [index, payload] of PAYLOADS.entries()) tool(`e${index}`, "Edit", { file_path: `/p/app/${payload.replaceAll("\n", " ")}`, old_string: "a", new_string: "b" }, "ok");
    tool("r1", "Edit", { file_path: "/p/app/refused.rs", old_string: "a", new_string: "b" }, "The user doesn't want to proceed", true);
    tool("b1", "Bash", { command: "git commit -m x && gh pr create --fill" }, `[main 1a2b3c4] ${PAYLOADS[1]}\nhttps://github.com/acme/app/pull/7`);
    tool("s1", "Shot", {}, [{ type: "image", source: { type: "base64", media_type: "image/png", data: GIF } }]);
    const server = await serve({ home });
    try {
      const path = `${server.url}/s/${encodeURIComponent(`claude_code:${SESSION}`)}`;
      const page = await browser.open(`${path}?tab=artifacts`);
      const files = page.getByRole("region", { name: "Files" });
      await files.getByText("onerror", { exact: false }).first().waitFor();
      await page.getByRole("region", { name: "Commits and links" }).getByRole("link", { name: /onerror/ }).waitFor();
      const request = page.getByRole("region", { name: "Commits and links" }).getByRole("link", { name: "Open" });
      assert.equal(await request.getAttribute("href"), "https://github.com/acme/app/pull/7");
      assert.equal(await files.getByText("refused.rs").count(), 0);
      await page.getByText("1 edit failed or was refused").waitFor();
      const picture = page.getByRole("region", { name: "Pictures" }).getByRole("img");
      await picture.waitFor();
      await page.waitForFunction(() => [...document.querySelectorAll("main img")].every((image) => image.complete && image.naturalWidth === 1));
      tool("n1", "Write", { file_path: "/p/app/later.rs", content: "1\n2\n" }, "File created successfully at: /p/app/later.rs");
      const later = files.getByRole("listitem").filter({ hasText: "later.rs" });
      await later.waitFor();
      assert.match(await later.innerText(), /created[\s\S]*\+2 −0/);

      await page.goto(`${path}?tab=logs`);
      const log = page.getByRole("region", { name: "Log" });
      const row = log.getByRole("button", { name: /Shot/ }).first();
      await row.waitFor();
      for (const button of (await log.getByRole("button").all()).slice(0, 12)) await button.click();
      tell({ role: "assistant", id: "mlast", model: "claude-opus-5-5", content: [{ type: "text", text: `The last word ${PAYLOADS[0]}` }] });
      await log.getByText("The last word").first().waitFor();
      assert.equal(await page.evaluate(() => window.__xss), undefined);
      await close(page);
    } finally {
      await server.remove();
    }
  });

  it("says what is missing: nothing made, no such session, a server that fails", LIMIT, async () => {
    const home = mkdtempSync(join(tmpdir(), "agentmon-e2e-"));
    recording(home);
    const server = await serve({ home });
    try {
      const path = `${server.url}/s/${encodeURIComponent(`claude_code:${SESSION}`)}`;
      const page = await browser.open(`${path}?tab=artifacts`, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
      await page.getByText("Nothing is known to have come out of this session").waitFor();
      await page.getByRole("tab", { name: "Logs" }).click();
      await page.getByRole("region", { name: "Log" }).getByText("Mend it").waitFor();
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)) <= 0);
      await close(page);
      const refused = await browser.context();
      const broken = await refused.newPage();
      await broken.route(/\/(artifacts|log)(\?|$)/, (route) => route.fulfill({ status: 400, contentType: "application/json", body: '{"error":"Not today"}' }));
      for (const tab of ["artifacts", "logs"]) {
        await broken.goto(`${path}?tab=${tab}`);
        await broken.getByRole("alert").filter({ hasText: "Not today" }).waitFor();
        await broken.getByRole("button", { name: "Try again" }).waitFor();
      }
      assert.equal((await fetch(`${server.url}/api/v1/sessions/nobody/artifacts`)).status, 404);
      assert.equal((await fetch(`${server.url}/api/v1/sessions/nobody/log`)).status, 404);
      assert.equal((await fetch(`${server.url}/api/v1/sessions/${SESSION}/log?level=loud`)).status, 400);
    } finally {
      await server.remove();
    }
  });
});
