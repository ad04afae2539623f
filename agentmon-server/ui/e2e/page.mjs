// What tests in a browser have in common: one browser for a group of them, and pages that may not complain.

import assert from "node:assert/strict";
import { after, afterEach, before, describe } from "node:test";
import { executable, launch } from "./browser.mjs";
import { program } from "./server.mjs";

const missing = !program ? "agentmon is not built" : !executable ? "there is no Chromium" : null;
if (missing) console.error(`SKIPPED: tests in a browser: ${missing}`);

/** The longest that a test may take; the machine may be busy. */
export const LIMIT = { timeout: 180_000 };

/** A server that has no gateways or agents answers 404; a broken connection is a part of some tests. */
const EXPECTED = /404|WebSocket|ERR_CONNECTION|Failed to fetch/;

/** A group of tests that share a browser: `body` gets what opens and closes pages. */
export function suite(name, body) {
  describe(name, { skip: missing ?? false, concurrency: 1, timeout: 1_800_000 }, () => {
    let browser;
    before(async () => {
      browser = await launch();
    });
    after(() => browser?.close());
    afterEach(async () => {
      // What a failed test left open.
      for (const context of browser.contexts()) await context.close();
    });
    body({
      context: (options) => browser.newContext({ viewport: { width: 1440, height: 900 }, ...options }),
      /** A page that may not complain: an error in the console fails the test that closes it. */
      open: async (address, options) => {
        const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
        const page = await context.newPage();
        // A browser shares the machine with other tests and builds.
        page.setDefaultTimeout(45_000);
        page.errors = [];
        page.on("pageerror", (error) => page.errors.push(error.message));
        page.on("console", (message) => {
          if (message.type() === "error" && !EXPECTED.test(message.text())) page.errors.push(message.text());
        });
        await page.goto(address);
        return page;
      },
      close: async (page) => {
        assert.deepEqual(page.errors, []);
        await page.context().close();
      },
    });
  });
}
