import { describe, expect, it } from "vitest";
import type { Group, Session } from "../lib/types";
import { boardListener, moved, useBoard } from "./store";
import { buildView, type BoardFilters } from "./view";

export function session(id: string, group: Group, since: number, more: Partial<Session> = {}): Session {
  return {
    id, group, agent: "claude_code", native_id: id, parent_id: null, relation: null, state: "idle", reason: "turn_done(seen)", detail: null,
    liveness: "alive", since: new Date(since * 1000).toISOString(), title: id, project: "app", project_path: null, host: null, branch: null, cwd: null, model: "m",
    version: null, entrypoint: null, role: null, started_at: null, last_activity_at: null,
    usage: { requests: 0, input_tokens: 0, output_tokens: 0, cache_read_tokens: 0, cache_creation_tokens: 0, reasoning_tokens: 0, total_tokens: 0, cost_usd: 0, unpriced_requests: 0 },
    cost_usd: 0, context: null, progress: null, blocked_ms: 0, children: 0, pid: null, transcript: null, ...more,
  };
}

const ALL: BoardFilters = { show: [], agents: [], projects: [], models: [], hosts: [], text: "", by: "state", sort: null };

const SESSIONS = [
  session("rest-old", "rest", 10),
  session("waits-short", "needs_you", 90),
  session("works", "working", 50, { project: "shop", cost_usd: 2 }),
  session("failed-new", "failed", 80),
  session("waits-long", "needs_you", 20, { detail: "rm -rf build" }),
  session("rest-new", "rest", 60, { project: null, cost_usd: 5 }),
  session("failed-old", "failed", 30),
  session("limited", "limited", 1),
];

function shape(filters: Partial<BoardFilters>) {
  const { attention, items } = buildView(SESSIONS, { ...ALL, ...filters });
  return [attention, items.map((item) => (item.type === "group" ? `# ${item.label} ${item.count}` : item.id))];
}

describe("buildView", () => {
  it("puts who waits longest first, failures by news, and groups the rest", () => {
    expect(shape({})).toEqual([
      ["waits-long", "waits-short", "failed-new", "failed-old", "limited"],
      ["# Working 1", "works", "# Rest 2", "rest-new", "rest-old"],
    ]);
  });

  it("groups by project with names in order, and sorts in groups", () => {
    expect(shape({ by: "project", sort: "cost" })[1]).toEqual(["# app 1", "rest-old", "# No project 1", "rest-new", "# shop 1", "works"]);
    expect(shape({ by: "none", sort: "cost" })[1]).toEqual(["rest-new", "works", "rest-old"]);
  });

  it("groups by machine, and knows which sessions run nobody knows where", () => {
    const hosts: Record<string, string> = { works: "desk", "rest-old": "build-7" };
    const sessions = SESSIONS.map((one) => ({ ...one, host: hosts[one.id] ?? null }));
    const labels = (filters: Partial<BoardFilters>) =>
      buildView(sessions, { ...ALL, ...filters }).items.map((item) => (item.type === "group" ? `# ${item.label} ${item.count}` : item.id));
    expect(labels({ by: "host" })).toEqual(["# build-7 1", "rest-old", "# desk 1", "works", "# Unknown host 1", "rest-new"]);
    expect(labels({ hosts: ["desk"] })).toEqual(["# Working 1", "works"]);
    expect(labels({ text: "BUILD-7" })).toEqual(["# Rest 1", "rest-old"]);
  });

  it("filters by group, field and words in any place", () => {
    expect(shape({ show: ["needs_you", "rest"] })).toEqual([["waits-long", "waits-short"], ["# Rest 2", "rest-new", "rest-old"]]);
    expect(shape({ text: "RM build" })).toEqual([["waits-long"], []]);
    expect(shape({ projects: ["shop"] })).toEqual([[], ["# Working 1", "works"]]);
    expect(shape({ text: "claude code works" })[1]).toEqual(["# Working 1", "works"]);
  });
});

describe("the board's store", () => {
  const status = null as never;

  it("knows the machines that were heard of", () => {
    boardListener.snapshot({ sessions: [session("a", "rest", 1), session("b", "rest", 1, { host: "desk" })], status });
    const before = useBoard.getState().hosts;
    expect([...before]).toEqual(["desk"]);
    boardListener.patch?.({ upsert: [session("b", "rest", 2, { host: "desk" })], remove: [] });
    expect(useBoard.getState().hosts).toBe(before);
    boardListener.patch?.({ upsert: [session("a", "rest", 2, { host: "build-7" })], remove: [] });
    expect([...useBoard.getState().hosts]).toEqual(["desk", "build-7"]);
  });

  it("counts only changes that can move a row", () => {
    boardListener.snapshot({ sessions: SESSIONS, status });
    const before = useBoard.getState().shape;
    boardListener.patch?.({ upsert: [session("works", "working", 50, { project: "shop", cost_usd: 3 })], remove: [] });
    expect(useBoard.getState().shape).toBe(before);
    expect(useBoard.getState().sessions.get("works")?.cost_usd).toBe(3);
    moved.clear();
    boardListener.patch?.({ upsert: [session("works", "rest", 99)], remove: ["limited"] });
    expect(useBoard.getState().shape).toBe(before + 1);
    expect([...moved]).toEqual(["works", "limited"]);
    expect(useBoard.getState().sessions.has("limited")).toBe(false);
  });
});
