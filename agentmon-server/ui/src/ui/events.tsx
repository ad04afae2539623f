/** One thing that happened, in one line: in the activity feed and in a session's events. */

import {
  Bot, Brain, CircleX, FileDiff, GitCommitHorizontal, Info, ListChecks, LogIn, LogOut, MessageSquareText, PackageCheck, ScrollText, Scissors, Sparkles,
  User, Wrench, type LucideIcon,
} from "lucide-react";

export const KINDS = [
  "user_prompt", "response", "thinking", "tool_use", "tool_result", "error", "file_change", "git_commit", "plan_step", "compaction",
  "session_start", "session_end", "llm_request", "llm_response", "instruction_load", "notice",
] as const;

const ICONS: Record<string, LucideIcon> = {
  user_prompt: User,
  response: MessageSquareText,
  thinking: Brain,
  tool_use: Wrench,
  tool_result: PackageCheck,
  error: CircleX,
  file_change: FileDiff,
  git_commit: GitCommitHorizontal,
  plan_step: ListChecks,
  compaction: Scissors,
  session_start: LogIn,
  session_end: LogOut,
  llm_request: Sparkles,
  llm_response: Sparkles,
  instruction_load: ScrollText,
  subagent: Bot,
};

/** Colours of kinds, where lanes and icons show them. */
export function kindColour(kind: string, status: string): string {
  if (status !== "success" || kind === "error") return "var(--failed)";
  switch (kind) {
    case "user_prompt": return "var(--accent)";
    case "response": return "var(--working)";
    case "tool_use": return "var(--limited)";
    case "file_change":
    case "git_commit": return "var(--add)";
    case "compaction": return "var(--needs_input)";
    default: return "var(--faint)";
  }
}

export function kindName(kind: string): string {
  return kind.replaceAll("_", " ");
}

export function KindIcon({ kind, status }: { kind: string; status: string }) {
  const Icon = ICONS[kind] ?? Info;
  return <Icon size={14} aria-hidden className="shrink-0" style={{ color: kindColour(kind, status) }} />;
}

/** A tool's input is JSON; its most telling word stands for it. */
export function eventText(event: { kind: string; text: string }): string {
  if (event.kind !== "tool_use" || !event.text.startsWith("{")) return event.text;
  try {
    const input = JSON.parse(event.text) as Record<string, unknown>;
    for (const name of ["command", "cmd", "file_path", "path", "filePath", "pattern", "query", "url", "prompt", "description", "question"]) {
      const value = input[name];
      if (typeof value === "string" && value) return value;
    }
  } catch {
    // Cut JSON is shown as it is.
  }
  return event.text;
}
