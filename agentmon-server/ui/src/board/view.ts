/** Which rows a board shows, in which order. Pure. */

import { agentName, titleOf } from "../lib/format";
import { ATTENTION, GROUPS, type Group, type Session } from "../lib/types";

export const BY = ["state", "project", "agent", "host", "none"] as const;
export type By = (typeof BY)[number];
export const SORTS = ["changed", "cost", "tokens", "context", "title"] as const;
export type Sort = (typeof SORTS)[number];

export interface BoardFilters {
  /** Groups to show; empty is all. */
  show: readonly Group[];
  agents: readonly string[];
  projects: readonly string[];
  models: readonly string[];
  hosts: readonly string[];
  text: string;
  by: By;
  sort: Sort | null;
}

export type Item = { type: "group"; key: string; label: string; count: number } | { type: "row"; id: string };

export interface View {
  /** Sessions that need somebody, the most urgent first. */
  attention: string[];
  /** The rest. */
  items: Item[];
  /** Rows among `items`. */
  rows: number;
}

const RANK = Object.fromEntries(GROUPS.map((group, index) => [group, index])) as Record<Group, number>;

export const GROUP_LABELS: Record<Group, string> = {
  needs_you: "Needs you",
  failed: "Failed",
  stalled: "Stalled",
  limited: "Limited",
  working: "Working",
  done: "Done, not looked at",
  rest: "Rest",
};

/** Whether a session is told to the user: some words of its own, in any order and place. */
export function matches(session: Session, filters: BoardFilters): boolean {
  if (filters.agents.length && !filters.agents.includes(session.agent)) return false;
  if (filters.projects.length && !filters.projects.includes(session.project ?? "")) return false;
  if (filters.models.length && !filters.models.includes(session.model ?? "")) return false;
  if (filters.hosts.length && !filters.hosts.includes(session.host ?? "")) return false;
  if (!filters.text) return true;
  const told = [
    session.title, session.project, session.branch, agentName(session.agent), session.model, session.native_id,
    session.host, session.detail, session.state,
  ].join("\n").toLowerCase();
  return filters.text.toLowerCase().split(/\s+/).every((word) => told.includes(word));
}

/** Order in a group: who waits longest comes first where waiting matters, else what changed last. */
export function byUrgency(a: Session, b: Session): number {
  const group = a.group ?? "rest";
  const rank = RANK[group] - RANK[b.group ?? "rest"];
  if (rank) return rank;
  const waits = group === "needs_you" || group === "stalled" || group === "limited";
  return (waits ? compare(a.since, b.since) : compare(b.since, a.since)) || compare(a.id, b.id);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function full(session: Session): number {
  const { context } = session;
  return context?.window ? context.tokens / context.window : -1;
}

function sorter(sort: Sort | null): (a: Session, b: Session) => number {
  switch (sort) {
    case "cost": return (a, b) => (b.cost_usd ?? -1) - (a.cost_usd ?? -1) || compare(a.id, b.id);
    case "tokens": return (a, b) => b.usage.total_tokens - a.usage.total_tokens || compare(a.id, b.id);
    case "context": return (a, b) => full(b) - full(a) || compare(a.id, b.id);
    case "title": return (a, b) => titleOf(a).localeCompare(titleOf(b)) || compare(a.id, b.id);
    case "changed": return (a, b) => compare(b.since, a.since) || compare(a.id, b.id);
    case null: return byUrgency;
  }
}

function groupOf(session: Session, by: By): { key: string; label: string } {
  switch (by) {
    case "state": {
      const group = session.group ?? "rest";
      return { key: group, label: GROUP_LABELS[group] };
    }
    case "project": return { key: session.project ?? "", label: session.project ?? "No project" };
    case "agent": return { key: session.agent, label: agentName(session.agent) };
    case "host": return { key: session.host ?? "", label: session.host ?? "Unknown host" };
    case "none": return { key: "", label: "" };
  }
}

export function buildView(sessions: Iterable<Session>, filters: BoardFilters): View {
  const attention: Session[] = [];
  const rest: Session[] = [];
  for (const session of sessions) {
    const group = session.group ?? "rest";
    if (filters.show.length && !filters.show.includes(group)) continue;
    if (!matches(session, filters)) continue;
    (ATTENTION.includes(group) ? attention : rest).push(session);
  }
  attention.sort(byUrgency);
  rest.sort(sorter(filters.sort));
  const groups = new Map<string, { label: string; rank: number; sessions: Session[] }>();
  for (const session of rest) {
    const { key, label } = groupOf(session, filters.by);
    const group = groups.get(key);
    if (group) group.sessions.push(session);
    else {
      const rank = filters.by === "state" ? RANK[session.group ?? "rest"] : 0;
      groups.set(key, { label, rank, sessions: [session] });
    }
  }
  const ordered = [...groups].sort(
    ([, a], [, b]) => a.rank - b.rank || (filters.by === "state" ? 0 : a.label.localeCompare(b.label)),
  );
  const items: Item[] = [];
  for (const [key, { label, sessions: members }] of ordered) {
    if (filters.by !== "none") items.push({ type: "group", key, label, count: members.length });
    for (const session of members) items.push({ type: "row", id: session.id });
  }
  return { attention: attention.map((session) => session.id), items, rows: rest.length };
}
