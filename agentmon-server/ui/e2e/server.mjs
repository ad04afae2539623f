// The real server, on a free port, over a folder of its own.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
const places = [process.env.AGENTMON, join(target, "debug/agentmon"), join(target, "release/agentmon")];

/** The program to test; `null` where it was not built. */
export const program = places.find((place) => place && existsSync(place)) ?? null;

/**
 * Starts it: `demo` looks at made-up agents, otherwise at the empty home folder `home`. `listen` chooses the port,
 * `data` a data folder that is already there.
 */
export async function serve({ demo = false, listen = "127.0.0.1:0", home = mkdtempSync(join(tmpdir(), "agentmon-e2e-")), data } = {}) {
  const args = [...(demo ? ["--demo"] : ["--data-dir", data ?? join(home, "data")]), "serve", "--listen", listen, "--no-open"];
  const env = { PATH: process.env.PATH, HOME: home, TMPDIR: process.env.TMPDIR ?? tmpdir(), AGENTMON_LOG: "warn" };
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  const lines = [];
  let rest = "";
  const url = await new Promise((found, failed) => {
    const late = setTimeout(() => failed(new Error("the server does not start")), 60_000);
    child.on("exit", (code) => failed(new Error(`the server ended with ${code}`)));
    child.stdout.on("data", (data) => {
      rest += data;
      const parts = rest.split("\n");
      rest = parts.pop();
      lines.push(...parts);
      if (lines.length < 2) return;
      clearTimeout(late);
      found(lines[0].split(" ").at(-1));
    });
  });
  const stop = (signal = "SIGTERM") =>
    new Promise((ended) => {
      if (child.exitCode !== null || child.signalCode !== null) return ended();
      child.removeAllListeners("exit");
      child.on("exit", ended);
      child.kill(signal);
    });
  return {
    url,
    home,
    /** The link that lets one browser in. */
    login: lines[1].split(" ").at(-1),
    post: (event) => post(url, event),
    stop,
    remove: async () => {
      await stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

async function post(url, event) {
  const response = await fetch(`${url}/api/events`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(event) });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
}
