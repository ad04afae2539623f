// The real software of agents, where the scripts that drive it and its packages can be had. Whatever is missing is said.

import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const FOLDERS = ["../../../../shared/peers", "../../../../../shared/peers"];

/** Where a script is; `null`, and a word about it, where it is not. */
function script(name) {
  const found = FOLDERS.map((folder) => join(import.meta.dirname, folder, name)).find(existsSync);
  if (!found) console.error(`SKIPPED: ../shared/peers/${name} is not here`);
  return found ?? null;
}

/** The script that runs Claude Code; `null` where it or its client cannot be had. The client is installed once, as for all tests. */
export function claudeCode() {
  const path = script("claude-code.sh");
  if (!path) return null;
  const installed = spawnSync("bash", [path, "install"], { encoding: "utf8" });
  if (installed.status === 0) return path;
  console.error(`SKIPPED: claude-code.sh cannot install its client: ${installed.stderr ?? installed.error}`);
  return null;
}

/** The script that runs an OpenClaw gateway, or `null`. */
export function openclaw() {
  return script("openclaw-gateway.sh");
}

/** Starts an OpenClaw gateway with the token `test-token` on `port`. `null` where it cannot be started. */
export async function startOpenclaw(path, { run, port }) {
  const cache = process.env.AGENTMON_PEER_CACHE ?? join(tmpdir(), "agentmon-peers");
  const child = spawn("bash", [path, cache, String(port)], { env: { ...process.env, OPENCLAW_RUN_DIR: run }, stdio: ["ignore", "pipe", "ignore"] });
  const ended = new Promise((over) => child.on("exit", over));
  for await (const line of createInterface(child.stdout)) {
    if (!line.startsWith("READY")) continue;
    return {
      url: `ws://127.0.0.1:${port}`,
      stop: async () => {
        child.kill("SIGTERM");
        await ended;
      },
    };
  }
  console.error("SKIPPED: an OpenClaw gateway cannot be installed or started");
  return null;
}

/** A port that is free, as is the next one. */
export async function freePort() {
  const listen = (port) => new Promise((done) => {
    const server = createServer();
    server.on("error", () => done(null));
    server.listen(port, "127.0.0.1", () => done(server));
  });
  for (;;) {
    const first = await listen(0);
    const { port } = first.address();
    const second = await listen(port + 1);
    first.close();
    second?.close();
    if (second) return port;
  }
}
