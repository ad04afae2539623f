// Sessions of several machines: told apart where there are several, and no word of it where there is one.

import assert from "node:assert/strict";
import { it } from "node:test";
import { LIMIT, suite } from "./page.mjs";
import { serve } from "./server.mjs";

const text = (key, stringValue) => ({ key, value: { stringValue } });
const number = (key, intValue) => ({ key, value: { intValue } });

/** A model call, as telemetry of a machine tells it. */
async function call(url, host, session) {
  const at = `${Date.now()}000000`;
  const attributes = [
    text("gen_ai.operation.name", "chat"), text("gen_ai.conversation.id", session), text("gen_ai.request.model", "claude-opus-4-6"),
    number("gen_ai.usage.input_tokens", "1000"), number("gen_ai.usage.output_tokens", "50"),
  ];
  const span = { name: "chat", traceId: `trace-${session}`, spanId: "1", startTimeUnixNano: at, endTimeUnixNano: at, attributes };
  const resource = { attributes: [text("service.name", "my-agent"), text("host.name", host)] };
  const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] });
  const response = await fetch(`${url}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body });
  assert.equal(response.status, 200);
}

suite("several machines", ({ open, close }) => {
  it("have a column, a filter and a grouping as soon as there are two", LIMIT, async () => {
    const server = await serve();
    try {
      await call(server.url, "desk", "on-desk");
      await server.post({ session_id: "somewhere", agent_type: "my_agent", event_type: "user_prompt", metadata: { message: "Say where" } });
      const page = await open(server.url);
      const table = page.getByRole("table", { name: "Sessions" });
      const heading = table.getByRole("columnheader", { name: "Host" });
      const by = page.getByRole("combobox", { name: "Group by" });
      await table.locator("[data-row]").nth(1).waitFor();
      assert.equal(await heading.count(), 0);
      assert.ok(!(await by.locator("option").allTextContents()).includes("Host"));

      await call(server.url, "build-7", "on-build");
      await heading.waitFor();
      await table.getByRole("cell", { name: "build-7" }).waitFor();
      await by.selectOption({ label: "Host" });
      await page.waitForURL(/by=host/);
      await page.reload();
      await table.getByRole("rowheader", { name: /Unknown host/ }).waitFor();
      const groups = await table.locator("th[scope=rowgroup]").allTextContents();
      assert.deepEqual(groups.map((group) => group.replace(/ *\d+$/, "")), ["build-7", "desk", "Unknown host"]);

      await page.getByRole("combobox", { name: "Host" }).selectOption("desk");
      await page.waitForURL(/host=desk/);
      await page.waitForFunction(() => document.querySelectorAll("table [data-row]").length === 1);
      await table.locator("[data-row]").click();
      await page.getByRole("complementary").getByText("desk", { exact: true }).waitFor();
      await page.goto(`${server.url}/s/${encodeURIComponent("my-agent:on-desk")}`);
      await page.getByTitle("Host").getByText("desk").waitFor();

      await page.goto(`${server.url}/usage?by=host&as=table`);
      const usage = page.getByRole("table", { name: "Usage over time" });
      await usage.getByRole("cell", { name: "build-7" }).waitFor();
      assert.equal(await usage.locator("tbody tr").count(), 2);
      await close(page);
    } finally {
      await server.remove();
    }
  });
});
