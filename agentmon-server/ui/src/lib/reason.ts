/** States and reasons in words. Reasons come as `tool(Bash)`, `quota(2026-11-21T18:00:00Z)`, `exit(1)`. */

import type { Session, State } from "./types";

const STATES: Record<State, string> = {
  queued: "Queued",
  spawning: "Starting",
  working: "Working",
  needs_input: "Needs you",
  idle: "Idle",
  waiting_self: "Background",
  limited: "Limited",
  stalled: "Stalled",
  completed: "Completed",
  failed: "Failed",
  terminated: "Stopped",
  unobserved: "Not seen",
};

export function stateWord(state: State): string {
  return STATES[state];
}

export const ALL_STATES = Object.keys(STATES) as State[];

/** A reason's word and what stands in its brackets. */
export function parseReason(reason: string): { word: string; about: string | null } {
  const open = reason.indexOf("(");
  if (open < 0 || !reason.endsWith(")")) return { word: reason, about: null };
  return { word: reason.slice(0, open), about: reason.slice(open + 1, -1) };
}

function time(at: string): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime())
    ? at
    : date.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });
}

/** Why a session is in its state, as a phrase. Words that this page does not know are shown as they are. */
export function reasonPhrase(reason: string): string {
  const { word, about } = parseReason(reason);
  switch (word) {
    case "slot": return "waits for a free slot";
    case "limit_until": return "a usage limit holds the queue";
    case "budget": return "the budget is used up";
    case "worker_down": return "its worker is not there";
    case "paused": return "the queue is paused";
    case "started": return "process started";
    case "model": return "thinking";
    case "tool": return `runs ${about ?? "a tool"}`;
    case "compacting": return "compacts its context";
    case "retrying": return about ? `retries (${about})` : "retries a request";
    case "subagents": return about === "1" ? "1 subagent works" : `${about ?? "some"} subagents work`;
    case "permission": return about ? `may it use ${about}?` : "asks for permission";
    case "question": return "asks a question";
    case "plan": return "wants its plan approved";
    case "elicitation": return "a tool server asks";
    case "trust": return "asks to trust the folder";
    case "auth": return "asks to log in";
    case "dialog": return "shows a dialog";
    case "turn_done": return "turn done";
    case "interrupted": return "interrupted by you";
    case "fresh": return "nothing asked yet";
    case "background_task": return "a background task runs";
    case "scheduled": return about ? `wakes at ${time(about)}` : "a wake-up is due";
    case "rate_limit": return about ? `rate limit until ${time(about)}` : "rate limit";
    case "quota": return about ? `plan limit until ${time(about)}` : "plan limit";
    case "silent": return "no sign of life";
    case "token_limit": return "context window used up";
    case "exit": return `exit code ${about ?? "?"}`;
    case "session_end": return "session ended";
    case "process_gone": return "process is gone";
    case "idle_timeout": return "nothing happened for long";
    case "api_error": return about ? `API error: ${about.replaceAll("_", " ")}` : "API error";
    case "crashed": return about ? `crashed while ${about} ran` : "crashed";
    case "disconnected": return "connection lost";
    case "user": return about ? `ended: ${about.replaceAll("_", " ")}` : "ended by you";
    case "aborted": return "aborted";
    case "hooks_missing": return "hooks are not installed";
    case "hooks_untrusted": return "hooks are not trusted";
    case "host_unreachable": return "host cannot be reached";
    case "source_gone": return "its files are gone";
    case "no_evidence": return "no evidence yet";
    default: return reason.replaceAll("_", " ");
  }
}

/** What a session is doing now, in one line: the exact question or command where there is one. */
export function activity(session: Session): string {
  return session.detail ?? reasonPhrase(session.reason);
}

/** The command that takes a session up again in a terminal; `null` where its agent has none that is known. */
export function resumeCommand(session: Session): string | null {
  const id = session.native_id;
  if (!/^\w[\w.:-]*$/.test(id)) return null;
  const there = session.cwd ? `cd ${quote(session.cwd)} && ` : "";
  switch (session.agent) {
    case "claude_code": return `${there}claude --resume ${id}`;
    case "codex": return `${there}codex resume ${id}`;
    case "opencode": return `${there}opencode --session ${id}`;
    default: return null;
  }
}

/** A word for a shell: as it is where that is safe, else in single quotes. */
export function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
