// What is posted to a server, as the page shows it at once; whatever text it brings.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { PAYLOADS } from "./hostile.mjs";
import { LIMIT, suite } from "./page.mjs";
import { serve } from "./server.mjs";

/** Two dots. */
const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7QOjdAAAAD0lEQVR4nGP4z8DA8J8BAAf/Af8Bf4mnAAAAAElFTkSuQmCC";

suite("what is posted", ({ open, close }) => {
  it("follows live: a session appears, works, fails, without a reload", LIMIT, async () => {
    const server = await serve();
    try {
      const page = await open(server.url);
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

  it("shows the images of a transcript, and nothing that only says that it is one", LIMIT, async () => {
    const server = await serve();
    try {
      const folder = join(server.home, ".claude/projects/-p");
      mkdirSync(folder, { recursive: true });
      const at = (seconds) => new Date(Date.now() - 60_000 + seconds * 1000).toISOString();
      const common = { isSidechain: false, userType: "external", cwd: "/p", sessionId: "pictures", version: "2.1.329" };
      const image = (data) => ({ type: "image", source: { type: "base64", media_type: "image/png", data } });
      const lines = [
        { type: "user", uuid: "u1", timestamp: at(0), message: { role: "user", content: [{ type: "text", text: "[Image #1] What is this?" }, image(PNG)] } },
        { type: "assistant", uuid: "u2", timestamp: at(1), requestId: "r1", message: { id: "m1", type: "message", role: "assistant", model: "claude-opus-4-5-20251101", content: [{ type: "tool_use", id: "toolu_1", name: "Read", input: { file_path: "/p/plot.png" } }], usage: { input_tokens: 1, output_tokens: 1 } } },
        { type: "user", uuid: "u3", timestamp: at(2), message: { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_1", content: [image(PNG), image(Buffer.from("<svg onload='window.__xss=1'/>").toString("base64"))] }] } },
      ];
      writeFileSync(join(folder, "pictures.jsonl"), lines.map((line) => `${JSON.stringify({ ...common, ...line })}\n`).join(""));
      const page = await open(server.url);
      await page.locator('[data-row$="pictures"]').getByRole("link").first().click();
      const seen = (picture) => picture.evaluate(async (element) => {
        await element.decode();
        return element.naturalWidth;
      });
      assert.equal(await seen(page.getByRole("img", { name: "Image 1 of 1" })), 2);
      await page.getByRole("button", { name: /Read.*plot\.png/ }).click();
      assert.equal(await seen(page.getByRole("img", { name: "Image 1 of 2" })), 2);
      await page.getByText("Image 2 of 2: not shown").waitFor();
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
      const page = await open(server.url);
      page.on("dialog", (dialog) => page.errors.push(`dialog: ${dialog.message()}`));
      await page.locator("[data-row]").first().waitFor();
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
});
