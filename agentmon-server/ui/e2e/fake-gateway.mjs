// A small OpenClaw gateway: the frames of protocol 4 as they were recorded, answers that are known beforehand. A message is
// answered by `Mock reply: ` and itself, with `@slow(seconds)` in small parts over that time, with `@exec(command)` after
// asking for approval: as the model answers that tests have the real gateway talk to.

import { randomUUID } from "node:crypto";
import { WebSocketServer } from "ws";

const PARTS_A_SECOND = 4;

export async function startGateway({ port = 0, history = new Map() } = {}) {
  const server = new WebSocketServer({ host: "127.0.0.1", port });
  await new Promise((listening) => server.on("listening", listening));
  const runs = new Map();
  const approvals = new Map();
  const tell = (event, payload) => {
    const frame = JSON.stringify({ type: "event", event, payload });
    for (const client of server.clients) client.send(frame);
  };
  const said = (role, text) => ({ role, content: [{ type: "text", text }], timestamp: Date.now() });
  const ids = new Map();
  const idOf = (key) => {
    if (!ids.has(key)) ids.set(key, randomUUID());
    return ids.get(key);
  };
  const messagesOf = (key) => {
    if (!history.has(key)) history.set(key, []);
    return history.get(key);
  };

  const chat = (run, state, text, rest = {}) =>
    tell("chat", { runId: run.id, sessionKey: run.key, agentId: "main", seq: (run.seq += 1), state, message: said("assistant", text), ...rest });
  const end = (run, state, text) => {
    clearInterval(run.timer);
    runs.delete(run.id);
    messagesOf(run.key).push({ ...said("assistant", text), __openclaw: { id: randomUUID(), seq: messagesOf(run.key).length + 1 } });
    const aborted = state === "aborted";
    chat(run, state, text, { stopReason: aborted ? "rpc" : "stop" });
    tell("agent", { runId: run.id, sessionKey: run.key, sessionId: idOf(run.key), agentId: "main", stream: "lifecycle", data: { phase: "end", aborted, endedAt: Date.now() }, seq: (run.seq += 1), ts: Date.now() });
  };
  const answer = (run, message) => {
    const seconds = Number(/@slow\((\d+)\)/.exec(message)?.[1] ?? 0);
    if (!seconds) return end(run, "final", `Mock reply: ${message}`);
    const all = seconds * PARTS_A_SECOND;
    run.timer = setInterval(() => {
      run.parts += 1;
      run.text = [run.text, `part ${run.parts} of ${all}.`].filter(Boolean).join(" ");
      if (run.parts === all) end(run, "final", run.text);
      else chat(run, "delta", run.text);
    }, 1000 / PARTS_A_SECOND);
  };

  const methods = {
    connect: () => ({ type: "hello-ok", protocol: 4, server: { version: "made up", bootId: randomUUID() }, snapshot: { sessionDefaults: { defaultAgentId: "main" } }, policy: { tickIntervalMs: 30_000 }, auth: { role: "operator", scopes: ["operator.read", "operator.write", "operator.approvals"] } }),
    "sessions.subscribe": () => ({ subscribed: true, list: methods["sessions.list"]() }),
    "sessions.list": () => {
      const sessions = [...new Set(["agent:main:main", ...history.keys()])].map((key) => ({ key, agentId: "main", sessionId: idOf(key), displayName: key === "agent:main:main" ? "Main" : key, hasActiveRun: [...runs.values()].some((run) => run.key === key), model: "mock-large" }));
      return { sessions, count: sessions.length, totalCount: sessions.length };
    },
    "agents.list": () => ({ agents: [{ id: "main", name: "Main" }, { id: "research", name: "Research" }], defaultId: "main" }),
    "models.list": () => ({ models: [{ id: "mock-large", name: "Mock Large" }] }),
    "chat.history": ({ sessionKey }) => ({ sessionKey, messages: messagesOf(sessionKey) }),
    "exec.approval.list": () => [...approvals.values()].map(({ request }) => request),
    "chat.send": ({ sessionKey, message, idempotencyKey }) => {
      const run = { id: idempotencyKey, key: sessionKey, seq: 0, parts: 0, text: "", timer: null };
      runs.set(run.id, run);
      messagesOf(sessionKey).push({ ...said("user", message), __openclaw: { id: randomUUID(), seq: messagesOf(sessionKey).length + 1 } });
      setTimeout(() => {
        tell("agent", { runId: run.id, sessionKey, sessionId: idOf(sessionKey), agentId: "main", stream: "lifecycle", data: { phase: "start", startedAt: Date.now() }, seq: (run.seq += 1), ts: Date.now() });
        const command = /@exec\(([^)]*)\)/.exec(message)?.[1];
        if (!command) return answer(run, message);
        const request = { approvalKind: "exec", id: randomUUID(), request: { command, cwd: "/home/user", allowedDecisions: ["allow-once", "deny"], agentId: "main", sessionKey, runId: run.id, toolCallId: "call_1" }, createdAtMs: Date.now(), expiresAtMs: Date.now() + 1_800_000 };
        approvals.set(request.id, { request, run, message });
        tell("exec.approval.requested", request);
      }, 20);
      return { runId: run.id, status: "started" };
    },
    "chat.abort": ({ sessionKey, runId }) => {
      const found = [...runs.values()].filter((run) => run.key === sessionKey && (!runId || run.id === runId));
      for (const run of found) end(run, "aborted", run.text);
      return { ok: true, aborted: found.length > 0, runIds: found.map(({ id }) => id) };
    },
    "exec.approval.resolve": ({ id, decision }) => {
      const { request, run, message } = approvals.get(id);
      approvals.delete(id);
      tell("exec.approval.resolved", { id, decision, resolvedBy: "agentmon", ts: Date.now(), request: request.request });
      answer(run, `${decision} ${message}`);
      return { ok: true };
    },
  };
  server.on("connection", (socket) => {
    socket.send(JSON.stringify({ type: "event", event: "connect.challenge", payload: { nonce: randomUUID(), ts: Date.now() } }));
    socket.on("message", (text) => {
      const { id, method, params } = JSON.parse(text);
      const payload = methods[method]?.(params ?? {}) ?? { ok: true };
      socket.send(JSON.stringify({ type: "res", id, ok: true, payload }));
    });
  });
  return {
    url: `ws://127.0.0.1:${server.address().port}`,
    port: server.address().port,
    history,
    stop: () => new Promise((stopped) => {
      for (const run of runs.values()) clearInterval(run.timer);
      server.clients.forEach((client) => client.terminate());
      server.close(stopped);
    }),
  };
}
