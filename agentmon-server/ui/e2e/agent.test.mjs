// A real agent at work, as the board shows it: Claude Code talks to a model that is not, in a terminal and without one.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { it } from "node:test";
import { LIMIT, suite } from "./page.mjs";
import { claudeCode } from "./peers.mjs";
import { program, serve } from "./server.mjs";

const client = claudeCode();
const hasTerminal = spawnSync("sh", ["-c", "command -v script"]).status === 0;
if (client && !hasTerminal) console.error("SKIPPED: no `script`: nobody is asked for permission");

suite("a real agent", ({ open, close }) => {
  it("appears, works, asks for permission, and is done", { timeout: LIMIT.timeout * 2, skip: client ? false : "no Claude Code" }, async () => {
    const server = await serve();
    try {
      const page = await open(server.url);
      await page.getByText("No sessions found").waitFor();
      // Every state that a row shows, in its order.
      await page.evaluate(() => {
        window.__states = {};
        const look = () => {
          for (const { dataset } of document.querySelectorAll("[data-row]")) {
            const states = (window.__states[dataset.row] ??= []);
            if (dataset.state && states.at(-1) !== dataset.state) states.push(dataset.state);
          }
        };
        new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
      });
      const env = { ...process.env, CC_HOME: server.home, HOOK_CMD: `${program} hook claude-code --data-dir ${join(server.home, "data")}` };
      const run = spawn("bash", [client, "run", "tools", ...(hasTerminal ? ["tty"] : [])], { env, stdio: "ignore" });
      const over = once(run, "exit");

      const row = page.locator("[data-row]").filter({ hasText: "Fix the failing test" });
      await row.waitFor({ timeout: 60_000 });
      const first = await row.getAttribute("data-row");
      const shown = (id, states) => page.waitForFunction(([id, states]) => states.includes(window.__states[id]?.at(-1)), [id, states], { timeout: 60_000 });
      await shown(first, ["idle", "completed"]);

      if (hasTerminal) {
        const attention = page.getByRole("region", { name: "Needs attention" }).locator("[data-row]");
        await attention.waitFor({ timeout: 60_000 });
        assert.equal(await attention.getAttribute("data-state"), "needs_input");
        await attention.getByText("rm -rf build/").waitFor();
        await page.waitForFunction(() => document.title === "(1) agentmon");
        assert.match(await page.locator("#icon").getAttribute("href"), /attention/);
        const second = await attention.getAttribute("data-row");
        // It is allowed in the terminal: nobody is needed any more.
        await attention.waitFor({ state: "detached", timeout: 60_000 });
        await shown(second, ["idle", "completed"]);
        await page.waitForFunction(() => document.title === "agentmon");
        const states = await page.evaluate((id) => window.__states[id], second);
        const asked = states.indexOf("needs_input");
        assert.ok(states.slice(0, asked).includes("working") && states.slice(asked).includes("working"), states.join());
      }
      const states = await page.evaluate((id) => window.__states[id], first);
      assert.ok(states.includes("working"), states.join());
      const [code] = await over;
      assert.equal(code, 0);

      // What it did is in its transcript.
      await row.getByRole("link").first().click();
      await page.getByRole("button", { name: /Edit.*calc\.py/ }).click();
      await page.getByRole("region", { name: "Change" }).getByText("return a + b").waitFor();
      await close(page);
    } finally {
      await server.remove();
    }
  });
});
