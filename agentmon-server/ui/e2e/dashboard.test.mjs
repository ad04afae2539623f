// The dashboard in a real browser, against the real server with made-up agents.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { LIMIT, suite } from "./page.mjs";
import { serve } from "./server.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

suite("the dashboard", (browser) => {
  let demo;
  before(async () => {
    demo = await serve({ demo: true });
    // The made-up agents' files are read first.
    while ((await (await fetch(`${demo.url}/api/v1/sessions?state=working&limit=1`)).json()).sessions.length === 0) await sleep(200);
  });
  after(() => demo?.remove());

  const open = (path, options) => browser.open(demo.url + path, options);
  const { close } = browser;
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
    // All of it, without waiting for something to change.
    await page.getByRole("table", { name: "Sessions" }).locator("[data-row]").first().waitFor({ timeout: 2000 });
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
    await page.getByRole("region", { name: "Cost over time" }).getByRole("button", { name: "Table" }).click();
    await page.getByRole("table", { name: "Usage over time" }).waitFor();
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "CSV of usage" }).click()]);
    const text = readFileSync(await file.path(), "utf8");
    assert.match(text, /^Period,Model,Calls,/);
    assert.ok(text.split("\r\n").length > 5);
    await page.getByRole("table", { name: /weekday/ }).waitFor();
    await page.getByText("5 h window").first().waitFor();
    await close(page);
  });

  it("keeps settings, and tells sources and health", LIMIT, async () => {
    const page = await open("/settings");
    await page.getByRole("table", { name: "Sources" }).getByText("Claude Code").first().waitFor();
    await page.getByRole("region", { name: "Health" }).getByText("sound").waitFor();
    await page.getByRole("table", { name: "Hooks" }).getByText("not installed").first().waitFor();
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

  it("has no violation that axe finds, on every screen in both themes", LIMIT, async () => {
    const list = await (await fetch(`${demo.url}/api/v1/sessions?limit=1&state=working`)).json();
    const session = `/s/${encodeURIComponent(list.sessions[0].id)}`;
    const paths = ["/", "/activity", "/activity?view=alerts", "/usage", "/usage?as=table", "/search?q=tax", "/settings", "/settings?gateway=new", "/agents?new=1", "/chat", "/nowhere",
      session, `${session}?tab=events`, `${session}?tab=artifacts`, `${session}?tab=cost`, `${session}?tab=logs`, `${session}?tab=logs&q=nothing+like+this`, `${session}?tab=why`];
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
