// A server that has as many sessions, blocks and changes as asked for: what the page can bear is measured against it.
// It speaks the part of docs/api.md that board and transcript use, and serves a built dashboard.

import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { WebSocketServer } from "ws";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const STATES = ["working", "idle", "completed", "idle", "completed", "working", "stalled", "needs_input"];
const GROUP_OF = { working: "working", idle: "rest", completed: "rest", stalled: "stalled", needs_input: "needs_you" };
const TOOLS = ["Bash", "Read", "Edit", "Grep"];
const WORDS = "parse the tree walk checkout tax refund index shard queue retry token budget gather merge split render cache".split(" ");

function words(seed, length) {
  let state = seed * 7919 + 1;
  const said = [];
  for (let at = 0; at < length; at += 1) {
    state = (state * 1103515245 + 12345) % 2147483648;
    said.push(WORDS[state % WORDS.length]);
  }
  return said.join(" ");
}

function spent(index) {
  return {
    requests: index % 40, input_tokens: index * 7, output_tokens: index * 3, cache_read_tokens: index * 90, cache_creation_tokens: index * 11,
    reasoning_tokens: index, total_tokens: index * 111, cost_usd: index / 500, unpriced_requests: 0,
  };
}

function session(index, start) {
  const state = index < 8 ? STATES[index % STATES.length] : STATES[index % 6];
  const since = new Date(start - index * 3000).toISOString();
  return {
    id: `claude_code:${String(index).padStart(6, "0")}-scale`, agent: index % 3 ? "claude_code" : "codex", native_id: `${index}-scale`,
    parent_id: null, relation: null, state, reason: state === "working" ? "tool(Bash)" : "turn_done(seen)", detail: null, liveness: "alive", since,
    title: words(index, 5), project: `project-${index % 37}`, project_path: "/p", branch: "main", cwd: "/p", model: "claude-opus-5-5", version: "2",
    entrypoint: "cli", role: null, started_at: since, last_activity_at: since, usage: spent(index), cost_usd: index / 500,
    context: { tokens: (index * 997) % 200_000, window: 200_000 }, progress: null, blocked_ms: 0, children: 0, pid: null, transcript: null, group: GROUP_OF[state],
  };
}

function block(id, start, total) {
  const at = new Date(start - (total - id) * 2000).toISOString();
  const plain = { id, at, status: "success", truncated: false, model: null, usage: null, cost_usd: null, duration_ms: null, tool: null };
  if (id % 20 === 1) return { ...plain, kind: "user_prompt", text: words(id, 30) };
  if (id % 3 === 0) return { ...plain, kind: "response", text: `**${words(id, 3)}** ${words(id, 20 + (id % 60))}\n\n- ${words(id, 6)}\n- ${words(id + 1, 8)}` };
  const name = TOOLS[id % TOOLS.length];
  return {
    ...plain, kind: "tool_use", text: "", duration_ms: id % 4000,
    tool: {
      name, type: { Bash: "shell", Read: "read", Edit: "edit", Grep: "search" }[name], title: words(id, 6), input: { command: words(id, 6) },
      result: { id: total * 2 + id, at, status: "success", text: words(id, 60), truncated: false }, images: 0, diff: null, todos: null,
    },
  };
}

/** Starts it on a free port. `rate`: changed sessions in a second. */
export async function fakeServer({ dist, sessions: many = 10_000, blocks: total = 50_000, rate = 500 }) {
  const start = Date.now();
  const sessions = Array.from({ length: many }, (_, index) => session(index, start));
  const page = (from, to) => {
    const [first, last] = [Math.max(1, from), Math.min(total, to)];
    const blocks = Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => block(first + at, start, total));
    return { blocks, total, before: first > 1 ? String(first) : null, after: String(last) };
  };
  const status = () => {
    const groups = { needs_you: 0, failed: 0, stalled: 0, limited: 0, working: 0, done: 0, rest: 0 };
    for (const { group } of sessions) groups[group] += 1;
    return { at: new Date().toISOString(), counts: {}, groups, today: spent(900), quotas: [], budgets: [], matching: many };
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://fake");
    const json = (body) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (url.pathname.endsWith("/transcript")) {
      const limit = Number(url.searchParams.get("limit") ?? 100);
      const number = (name) => (url.searchParams.has(name) ? Number(url.searchParams.get(name)) : null);
      const [before, after, around] = [number("before"), number("after"), number("around")];
      if (before !== null) return json(page(before - limit, before - 1));
      if (after !== null) return json(page(after + 1, after + limit));
      if (around !== null) return json(page(around - limit / 2, around + limit / 2 - 1));
      return json(url.searchParams.has("first") ? page(1, limit) : page(total - limit + 1, total));
    }
    if (url.pathname.startsWith("/api/v1/about")) {
      return json({ version: "0", started_at: new Date(start).toISOString(), now: new Date().toISOString(), epoch: "e", time_zone: "UTC", writes: true });
    }
    if (url.pathname.startsWith("/api")) return response.writeHead(404, { "content-type": "application/json" }).end('{"error":"Not found"}');
    const file = join(dist, url.pathname);
    const found = extname(file) && existsSync(file) ? file : join(dist, "index.html");
    response.writeHead(200, { "content-type": TYPES[extname(found)] ?? "application/octet-stream" });
    return createReadStream(found).pipe(response);
  });
  const sockets = new WebSocketServer({ server, path: "/api/v1/ws" });
  sockets.on("connection", (socket) => {
    const say = (message) => socket.send(JSON.stringify(message));
    const timers = [];
    say({ type: "hello", epoch: "e", version: "0", now: new Date().toISOString(), heartbeat_ms: 5000 });
    timers.push(setInterval(() => say({ type: "heartbeat", now: new Date().toISOString() }), 5000));
    socket.on("message", (text) => {
      const { op, topic } = JSON.parse(text);
      if (op !== "subscribe") return;
      let rev = 1;
      if (topic.startsWith("board")) {
        say({ type: "snapshot", topic, epoch: "e", rev, data: { status: status(), sessions } });
        let turn = 0;
        timers.push(setInterval(() => {
          const upsert = [];
          for (let count = 0; count < (rate * 150) / 1000; count += 1) {
            turn = (turn + 997) % many;
            const before = sessions[turn];
            // Most changes are of figures; one in twenty moves its row.
            const state = count % 20 ? before.state : before.state === "working" ? "idle" : "working";
            const now = new Date().toISOString();
            sessions[turn] = {
              ...before, state, group: GROUP_OF[state], since: state === before.state ? before.since : now, last_activity_at: now, cost_usd: before.cost_usd + 0.01,
            };
            upsert.push(sessions[turn]);
          }
          rev += 1;
          say({ type: "patch", topic, rev, data: { upsert, remove: [] } });
        }, 150));
      } else if (topic.startsWith("session:")) {
        const id = decodeURIComponent(topic.slice("session:".length));
        const found = sessions.find((one) => one.id === id) ?? sessions[0];
        say({ type: "snapshot", topic, epoch: "e", rev, data: { session: found, children: [], models: [], tools: [], blocks: page(total - 99, total) } });
      } else say({ type: "snapshot", topic, epoch: "e", rev, data: { events: [], alerts: [], rules: [] } });
    });
    socket.on("close", () => timers.forEach(clearInterval));
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () => {
      sockets.clients.forEach((socket) => socket.terminate());
      server.close();
    },
  };
}
