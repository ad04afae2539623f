// The dashboard in a real browser, against the real server with made-up agents.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { executable, launch } from "./browser.mjs";
import { PAYLOADS } from "./hostile.mjs";
import { program, serve } from "./server.mjs";

const missing = !program ? "agentmon is not built" : !executable ? "there is no Chromium" : null;
if (missing) console.error(`SKIPPED: tests in a browser: ${missing}`);
const peer = ["../../../../shared/peers", "../../../../../shared/peers"].map((folder) => join(import.meta.dirname, folder, "claude-code.sh")).find(existsSync);
if (!peer) console.error("SKIPPED: the test with a real agent: its script is not there");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** The longest that a test may take; the machine may be busy. */
const LIMIT = { timeout: 180_000 };

describe("the dashboard", { skip: missing ?? false, concurrency: 1, timeout: 600_000 }, () => {
  let browser;
  let demo;
  before(async () => {
    browser = await launch();
    demo = await serve({ demo: true });
  });
  after(async () => {
    await browser?.close();
    await demo?.remove();
  });

  afterEach(async () => {
    // What a failed test left open.
    for (const context of browser.contexts()) await context.close();
  });

  /** A page that may not complain: an error in the console fails the test that opened it. */
  async function open(path, { server = demo, ...options } = {}) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    page.errors = [];
    page.on("pageerror", (error) => page.errors.push(error.message));
    page.on("console", (message) => {
      // A server that has no gateways or agents answers 404; a broken connection is a part of one test.
      if (message.type() === "error" && !/404|WebSocket|ERR_CONNECTION|Failed to fetch/.test(message.text())) page.errors.push(message.text());
    });
    await page.goto(server.url + path);
    return page;
  }

  async function close(page) {
    assert.deepEqual(page.errors, []);
    await page.context().close();
  }

  const rows = (page) => page.locator("[data-row]");
  const settled = (page) => rows(page).first().waitFor();

  it("tells first who needs somebody, with the exact question", LIMIT, async () => {
    const page = await open("/");
    await settled(page);
    const first = rows(page).first();
    assert.equal(await first.getAttribute("data-state"), "needs_input");
    assert.match(await page.title(), /^\(\d+\) agentmon$/);
    await page.getByText("ssh printer-3 sudo systemctl restart cups").waitFor();
    await page.getByRole("table", { name: "Sessions" }).waitFor();
    await close(page);
  });

  it("filters by state, words and project, in the address", LIMIT, async () => {
    const page = await open("/");
    await settled(page);
    await page.getByRole("button", { name: /working/ }).click();
    await page.waitForURL(/show=working/);
    const states = await rows(page).evaluateAll((found) => [...new Set(found.map((row) => row.dataset.state))]);
    assert.ok(states.length && !states.includes("idle") && !states.includes("needs_input"), states.join());
    await page.getByRole("button", { name: /working/ }).click();
    await page.keyboard.press("Escape");
    await page.locator("body").click({ position: { x: 700, y: 20 } });
    await page.keyboard.press("f");
    await page.keyboard.type("shop");
    await page.waitForURL(/q=shop/);
    await page.waitForFunction(() => [...document.querySelectorAll("[data-row]")].every((row) => /shop/i.test(row.textContent)));
    assert.ok((await rows(page).count()) > 0);
    await page.reload();
    await settled(page);
    assert.equal(await page.getByRole("searchbox", { name: /Filter/ }).inputValue(), "shop");
    await page.getByRole("searchbox", { name: /Filter/ }).fill("no such session anywhere");
    await page.getByText("No session matches").waitFor();
    await close(page);
  });

  it("is walked through by keys: move, peek, open, back, palette, help", LIMIT, async () => {
    const page = await open("/");
    await settled(page);
    await page.keyboard.press("j");
    await page.keyboard.press("Space");
    await page.getByRole("complementary").getByText("Latest").waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/s\//);
    await page.keyboard.press("Escape");
    await page.waitForURL((url) => url.pathname === "/");
    // Three keys from anywhere to what needs an answer.
    await page.keyboard.press("g");
    await page.keyboard.press("u");
    await page.waitForURL(/usage/);
    await page.keyboard.press("n");
    await page.waitForURL(/\/s\//);
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").waitFor();
    await page.keyboard.type("go to search");
    await page.keyboard.press("Enter");
    await page.waitForURL(/search/);
    await page.locator("header").first().click({ position: { x: 600, y: 10 } });
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
    await page.keyboard.press("Escape");
    await close(page);
  });

  it("shows a session's transcript with its tools, and why it is in its state", LIMIT, async () => {
    const page = await open("/");
    await settled(page);
    await page.getByRole("link", { name: "Make the checkout tests pass" }).first().click();
    await page.waitForURL(/\/s\//);
    await page.getByText("Three checkout tests fail since the new tax rules").first().waitFor();
    const edit = page.getByRole("button", { name: /Edit.*tax\.ts/ }).first();
    await edit.click();
    await page.getByRole("region", { name: "Change" }).waitFor();
    assert.equal(await edit.getAttribute("aria-expanded"), "true");
    await page.getByRole("tab", { name: "Events" }).click();
    await page.getByRole("region", { name: "Lanes" }).waitFor();
    await page.getByRole("tab", { name: "Cost" }).click();
    await page.getByRole("region", { name: "By model" }).getByText(/claude-/).first().waitFor();
    await page.getByRole("tab", { name: "Why" }).click();
    await page.getByText("Decided by").waitFor();
    await page.getByRole("region", { name: "Evidence" }).getByText("prompt_submitted").first().waitFor();
    await close(page);
  });

  it("finds words and jumps to their place", LIMIT, async () => {
    const page = await open("/search");
    await page.getByRole("searchbox", { name: /Search/ }).fill("reduced tax");
    await page.keyboard.press("Enter");
    await page.waitForURL(/q=reduced/);
    const hit = page.locator("[data-hit]").first();
    await hit.waitFor();
    assert.ok((await hit.locator("mark").count()) > 0);
    await hit.click();
    await page.waitForURL(/at=\d+/);
    const marked = page.locator("article.bg-accent\\/10");
    await marked.waitFor();
    assert.ok(await marked.isVisible());
    await close(page);
  });

  it("draws usage, and tells the same in a table and as CSV", LIMIT, async () => {
    const page = await open("/usage");
    await page.locator("canvas").waitFor();
    await page.getByRole("group", { name: "As" }).getByRole("button", { name: "Table" }).click();
    await page.getByRole("table", { name: "Usage over time" }).waitFor();
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "CSV of usage" }).click()]);
    const text = readFileSync(await file.path(), "utf8");
    assert.match(text, /^Period,model,Calls,/);
    assert.ok(text.split("\r\n").length > 5);
    await page.getByRole("table", { name: /weekday/ }).waitFor();
    await page.getByText("5 h window").first().waitFor();
    await close(page);
  });

  it("keeps settings, and tells sources and health", LIMIT, async () => {
    const page = await open("/settings");
    await page.getByRole("table", { name: "Sources" }).getByText("Claude Code").first().waitFor();
    await page.getByRole("region", { name: "Health" }).getByText("sound").waitFor();
    await page.getByRole("group", { name: "Theme" }).getByRole("button", { name: "Light" }).click();
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await page.reload();
    await page.getByRole("table", { name: "Sources" }).waitFor();
    assert.equal(await ground(), light);
    await page.getByRole("group", { name: "Theme" }).getByRole("button", { name: "Dark" }).click();
    assert.notEqual(await ground(), light);
    await close(page);
  });

  it("asks and answers strictly: policy, types, addresses", LIMIT, async () => {
    const page = await fetch(demo.url, { headers: { accept: "text/html" } });
    assert.match(page.headers.get("content-security-policy"), /^default-src 'self'/);
    assert.doesNotMatch(page.headers.get("content-security-policy"), /unsafe/);
    const html = await page.text();
    assert.doesNotMatch(html, /<script>|<style|\son\w+=|https?:\/\//);
    const script = /src="(\/assets\/[^"]+\.js)"/.exec(html)[1];
    const asset = await fetch(demo.url + script);
    assert.match(asset.headers.get("cache-control"), /immutable/);
    const again = await fetch(demo.url + script, { headers: { "if-none-match": asset.headers.get("etag") } });
    assert.equal(again.status, 304);
  });

  it("follows live: a session appears, works, fails, without a reload", LIMIT, async () => {
    const server = await serve();
    try {
      const page = await open("/", { server });
      await page.getByText("No sessions found").waitFor();
      await server.post({ session_id: "live-1", agent_type: "my_agent", event_type: "user_prompt", project: "app", metadata: { message: "Fix the build" } });
      const row = page.locator('[data-row$="live-1"]');
      await row.waitFor();
      await page.getByRole("navigation", { name: "Screens" }).first().getByRole("link", { name: "Activity" }).click();
      await page.getByText("Fix the build").first().waitFor();
      await page.getByRole("button", { name: "Pause" }).click();
      await server.post({ session_id: "live-1", agent_type: "my_agent", event_type: "error", metadata: { message: "it broke" } });
      await page.getByText("1 new while paused").waitFor();
      assert.equal(await page.getByText("it broke").count(), 0);
      await page.getByRole("button", { name: "Go on" }).click();
      await page.getByText("it broke").first().waitFor();
      await close(page);
    } finally {
      await server.remove();
    }
  });

  it("follows a real agent: Claude Code appears, works, and is done", { ...LIMIT, skip: peer ? false : "no peer" }, async () => {
    const server = await serve();
    try {
      const page = await open("/", { server });
      await page.getByText("No sessions found").waitFor();
      const states = await page.evaluate(() => {
        window.__states = [];
        const look = () => {
          const state = document.querySelector("[data-row]")?.dataset.state;
          if (state && window.__states.at(-1) !== state) window.__states.push(state);
        };
        new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
        return window.__states;
      });
      assert.deepEqual(states, []);
      const run = spawn(peer, ["run", "tools"], { env: { ...process.env, CC_HOME: server.home }, stdio: "ignore" });
      await once(run, "exit");
      await page.getByText("Fix the failing test").first().waitFor({ timeout: 60_000 });
      await page.waitForFunction(() => window.__states.includes("working"));
      await page.waitForFunction(() => ["idle", "completed"].includes(window.__states.at(-1)), null, { timeout: 60_000 });
      await close(page);
    } finally {
      await server.remove();
    }
  });

  it("reconnects after a restart of the server, without a reload, a lost row or one twice", LIMIT, async () => {
    let server = await serve();
    const { url, home } = server;
    try {
      for (const name of ["one", "two", "three"]) {
        await server.post({ session_id: name, agent_type: "my_agent", event_type: "user_prompt", project: "app", metadata: { message: name } });
      }
      const page = await open("/", { server });
      await page.waitForFunction(() => document.querySelectorAll("[data-row]").length === 3);
      await page.evaluate(() => {
        window.__same = true;
      });
      await server.stop("SIGKILL");
      await page.getByText("reconnecting").waitFor();
      server = await serve({ home, listen: new URL(url).host });
      await server.post({ session_id: "four", agent_type: "my_agent", event_type: "user_prompt", project: "app", metadata: { message: "four" } });
      await page.waitForFunction(() => document.querySelectorAll("[data-row]").length === 4, null, { timeout: 45_000 });
      const ids = await rows(page).evaluateAll((found) => found.map((row) => row.dataset.row));
      assert.equal(new Set(ids).size, 4);
      assert.equal(await page.evaluate(() => window.__same), true);
      await close(page);
    } finally {
      await server.remove();
    }
  });

  it("shows hostile text as text, on every screen", LIMIT, async () => {
    const server = await serve();
    try {
      for (const [index, text] of PAYLOADS.entries()) {
        const common = { session_id: `h${index}-${text}`, agent_type: index % 2 ? "my_agent" : text, project: text, branch: text, model: text };
        await server.post({ ...common, event_type: "user_prompt", metadata: { message: text } });
        await server.post({ ...common, event_type: "tool_use", tool_name: text, metadata: { command: text } });
        await server.post({ ...common, event_type: "response", metadata: { message: text } });
        await server.post({ ...common, event_type: "error", metadata: { error: text } });
      }
      const page = await open("/", { server });
      page.on("dialog", (dialog) => page.errors.push(`dialog: ${dialog.message()}`));
      await settled(page);
      const links = await page.locator('a[href^="/s/"]').evaluateAll((found) => [...new Set(found.map((link) => link.getAttribute("href")))]);
      assert.ok(links.length >= 5);
      const paths = ["/", "/activity", "/usage", "/search?q=window", "/settings", ...links.slice(0, 16).flatMap((link) => [link, `${link}?tab=events`])];
      for (const path of [...paths, `${links[0]}?tab=why`, `${links[0]}?tab=cost`]) {
        await page.goto(server.url + path);
        await page.locator("main").waitFor();
        await page.waitForTimeout(250);
        for (const button of await page.locator("article button[aria-expanded=false]").all()) await button.click({ timeout: 500 }).catch(() => {});
        const found = await page.evaluate(() => ({
          xss: window.__xss ?? null,
          bad: document.querySelectorAll("#root script, #root iframe, #root form[action], #root img:not([src='/icon.svg']), #root base, #root meta, a[href^='javascript:' i], a[href^='data:' i], [onerror], [onload]").length,
        }));
        assert.deepEqual(found, { xss: null, bad: 0 }, path);
      }
      await close(page);
    } finally {
      await server.remove();
    }
  });

  it("fits a phone: what needs an answer first, navigation at the thumb", LIMIT, async () => {
    const page = await open("/", { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    await settled(page);
    assert.equal(await rows(page).first().getAttribute("data-state"), "needs_input");
    const wide = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok((await wide()) <= 0);
    const bar = page.getByRole("navigation", { name: "Screens" }).last();
    const link = bar.getByRole("link", { name: "Usage" });
    assert.ok((await link.boundingBox()).height >= 44);
    await link.click();
    await page.waitForURL(/usage/);
    await page.locator("canvas").waitFor();
    assert.ok((await wide()) <= 0);
    await bar.getByRole("link", { name: /Board/ }).click();
    await rows(page).first().getByRole("link").first().click();
    await page.getByRole("tab", { name: "Transcript" }).waitFor();
    assert.ok((await wide()) <= 0);
    await close(page);
  });

  it("keeps ten tabs answered", LIMIT, async () => {
    const context = await browser.newContext();
    const pages = [];
    for (let tab = 0; tab < 10; tab += 1) {
      const page = await context.newPage();
      await page.goto(demo.url);
      pages.push(page);
    }
    for (const page of pages) await page.locator("[data-row]").first().waitFor({ timeout: 20_000 });
    const answered = await pages[9].evaluate(async () => (await fetch("/api/v1/about")).status);
    assert.equal(answered, 200);
    await context.close();
  });

  it("has no violation that axe finds, on every screen in both themes", LIMIT, async () => {
    const list = await (await fetch(`${demo.url}/api/v1/sessions?limit=1&state=working`)).json();
    const session = `/s/${encodeURIComponent(list.sessions[0].id)}`;
    const paths = ["/", "/activity", "/activity?view=alerts", "/usage", "/usage?as=table", "/search?q=tax", "/settings", "/agents?new=1", "/chat", "/nowhere",
      session, `${session}?tab=events`, `${session}?tab=cost`, `${session}?tab=why`];
    const found = [];
    for (const colorScheme of ["dark", "light"]) {
      const page = await open("/", { colorScheme });
      for (const path of paths) {
        await page.goto(demo.url + path);
        await page.locator("main").waitFor();
        await page.waitForTimeout(700);
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ["violations"] }));
        for (const { id, impact, nodes } of violations) found.push(`${colorScheme} ${path}: ${impact} ${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(" | ")}`);
      }
      await page.context().close();
    }
    assert.deepEqual(found, []);
  });
});
