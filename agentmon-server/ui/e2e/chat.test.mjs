// Chatting with agents behind a gateway: a made-up one that answers at once and asks for approval, and the real one where it is here.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { startGateway } from "./fake-gateway.mjs";
import { LIMIT, suite } from "./page.mjs";
import { freePort, openclaw, startOpenclaw } from "./peers.mjs";
import { serve } from "./server.mjs";

const real = openclaw();

suite("a chat with a gateway", ({ open, close }) => {
  /** Lets a page in, and has it tell the server of a gateway. */
  async function meet(server, url) {
    const page = await open(server.login);
    await page.goto(`${server.url}/settings`);
    await page.getByRole("region", { name: "Gateways" }).getByRole("button", { name: "Add" }).click();
    const form = page.getByRole("dialog", { name: "Add a gateway" });
    await form.getByLabel("Name").fill("Home");
    await form.getByLabel("Address").fill(url);
    await form.getByLabel("Token").fill("test-token");
    await form.getByRole("button", { name: "Save" }).click();
    await page.getByRole("region", { name: "Gateways" }).getByText(/^connected/).waitFor();
    // The place in the navigation comes with the gateway.
    await page.getByRole("navigation", { name: "Screens" }).first().getByRole("link", { name: "Chat" }).click();
    await page.waitForURL(/\/chat/);
    return page;
  }

  const say = async (page, text) => {
    await page.getByRole("textbox", { name: "Message" }).fill(text);
    await page.keyboard.press("Enter");
    await page.getByRole("log").getByText(text, { exact: true }).waitFor();
  };
  const log = (page) => page.getByRole("log");

  /** What holds of any gateway: an answer comes in parts, one is stopped. */
  async function story(page) {
    await log(page).waitFor();
    await say(page, "Hello, you.");
    await log(page).getByText(/^Mock reply: .*Hello, you/).waitFor({ timeout: 120_000 });
    await say(page, "A long story. @slow(60)");
    await log(page).getByText(/part 2 of/).waitFor({ timeout: 120_000 });
    const length = async () => (await log(page).getByRole("listitem").last().innerText()).length;
    const before = await length();
    await log(page).getByText(/part 5 of/).waitFor();
    assert.ok((await length()) > before, "the answer grows");
    await page.getByRole("button", { name: "Stop" }).click();
    await log(page).getByText("stopped").waitFor();
    assert.equal(await page.getByRole("button", { name: "Stop" }).isVisible(), false);
    // What was said is there after a reload, each once.
    await page.reload();
    for (const text of ["Hello, you.", "A long story. @slow(60)"]) {
      await log(page).getByText(text, { exact: true }).waitFor();
      assert.equal(await log(page).getByText(text, { exact: true }).count(), 1, text);
    }
  }

  it("streams an answer, stops one, asks for approval, and is connected again", LIMIT, async () => {
    let gateway = await startGateway();
    const server = await serve();
    try {
      const page = await meet(server, gateway.url);
      await page.getByRole("link", { name: /Main/ }).click();
      await story(page);

      await say(page, "Needs a yes. @exec(make install)");
      const asked = page.getByRole("alert").filter({ hasText: "make install" });
      await asked.waitFor();
      // From the board it takes three keys: to who waits, to its chat, and yes.
      await page.goto(server.url);
      await page.locator('[data-row][data-state="needs_input"]').waitFor();
      await page.keyboard.press("n");
      await page.waitForURL(/\/s\//);
      await page.getByRole("main").getByRole("link", { name: "Chat" }).waitFor();
      await page.keyboard.press("c");
      await asked.waitFor();
      await page.keyboard.press("a");
      await log(page).getByText("Mock reply: allow-once Needs a yes. @exec(make install)").waitFor();
      assert.equal(await asked.count(), 0);

      const { port, history } = gateway;
      await gateway.stop();
      await page.getByText("reconnecting").waitFor();
      await say(page, "Are you there?");
      await log(page).getByText(/failed: .*not connected/).waitFor();
      gateway = await startGateway({ port, history });
      await page.getByText("connected", { exact: true }).waitFor();
      await say(page, "And now?");
      await log(page).getByText("Mock reply: And now?").waitFor();
      await close(page);

      // Looking on needs no login; saying something does, and is told so.
      const guest = await open(`${server.url}/chat/home/${encodeURIComponent("agent:main:main")}`);
      await log(guest).getByText("Mock reply: And now?").waitFor();
      await guest.getByRole("textbox", { name: "Message" }).fill("Let me in");
      await guest.keyboard.press("Enter");
      await guest.getByRole("alert").filter({ hasText: /login|control/ }).waitFor();
      await close(guest);
    } finally {
      await server.remove();
      await gateway.stop();
    }
  });

  it("talks to a real gateway", { timeout: 900_000, skip: real ? false : "no OpenClaw gateway" }, async (test) => {
    const run = mkdtempSync(join(tmpdir(), "agentmon-openclaw-"));
    const gateway = await startOpenclaw(real, { run, port: await freePort() });
    if (!gateway) return test.skip("no OpenClaw gateway");
    const server = await serve();
    try {
      const page = await meet(server, gateway.url);
      await page.getByRole("button", { name: "Main" }).click();
      await story(page);
      await close(page);
    } finally {
      await server.remove();
      await gateway.stop();
      rmSync(run, { recursive: true, force: true });
    }
  });
});
