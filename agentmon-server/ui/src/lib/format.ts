/** Figures as people read them. `null` is "not known", never zero. */

const UNKNOWN = "–";

/** US dollars: cents from a cent on, more digits below, grouped above a thousand. */
export function money(usd: number | null | undefined): string {
  if (usd === null || usd === undefined) return UNKNOWN;
  if (usd === 0) return "$0";
  const size = Math.abs(usd);
  if (size < 0.0001) return "<$0.0001";
  if (size < 0.01) return `$${usd.toFixed(4)}`;
  if (size < 1000) return `$${usd.toFixed(2)}`;
  return `$${usd.toLocaleString("en-US", { maximumFractionDigits: 0 })}`;
}

/** A count with a unit of thousands: 950, 12.3k, 4.56M. */
export function count(n: number | null | undefined): string {
  if (n === null || n === undefined) return UNKNOWN;
  const size = Math.abs(n);
  if (size < 1000) return String(Math.round(n));
  for (const [unit, name] of [[1e9, "B"], [1e6, "M"], [1e3, "k"]] as const) {
    // What rounds up to 1000 of a unit is shown in the next one.
    if (size >= unit * 0.9995) {
      const value = n / unit;
      return `${value.toFixed(Math.abs(value) < 9.995 ? 2 : Math.abs(value) < 99.95 ? 1 : 0)}${name}`;
    }
  }
  return String(Math.round(n));
}

/** A whole number with separators. */
export function whole(n: number | null | undefined): string {
  return n === null || n === undefined ? UNKNOWN : n.toLocaleString("en-US");
}

export function bytes(n: number): string {
  if (n < 1024) return `${n} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = n / 1024;
  let unit = 0;
  while (value >= 1023.95 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit] ?? ""}`;
}

/** A duration in its two largest units: 812ms, 4.2s, 3m 20s, 2h 5m, 3d 4h. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return UNKNOWN;
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}ms`;
  if (ms < 10_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)}s`;
  return span(ms);
}

/** A duration in whole seconds and up, for things that tick. */
export function span(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s}s`;
  const m = Math.floor(s / 60);
  if (m < 60) return m < 10 && s % 60 ? `${m}m ${s % 60}s` : `${m}m`;
  const h = Math.floor(m / 60);
  if (h < 24) return m % 60 ? `${h}h ${m % 60}m` : `${h}h`;
  const d = Math.floor(h / 24);
  return h % 24 && d < 7 ? `${d}d ${h % 24}h` : `${d}d`;
}

/** How long ago, short; "now" below five seconds so that lists do not flicker. */
export function ago(at: string | null | undefined, now: number): string {
  if (!at) return UNKNOWN;
  const passed = now - Date.parse(at);
  if (!Number.isFinite(passed)) return UNKNOWN;
  if (passed < 5000) return "now";
  const s = Math.floor(passed / 1000);
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m`;
  if (s < 86_400) return `${Math.floor(s / 3600)}h`;
  return `${Math.floor(s / 86_400)}d`;
}

/** How long until, or "now". */
export function until(at: string | null | undefined, now: number): string {
  if (!at) return UNKNOWN;
  const left = Date.parse(at) - now;
  return left <= 0 ? "now" : span(left);
}

/** A clock time of today, with the date on other days. */
export function clock(at: string, now: number): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return UNKNOWN;
  const time = date.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
  return date.toDateString() === new Date(now).toDateString()
    ? time
    : `${date.toLocaleDateString(undefined, { month: "short", day: "numeric" })} ${time}`;
}

/** Everything about a point in time, for tooltips. */
export function full(at: string | null | undefined): string {
  if (!at) return "unknown";
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? at : date.toLocaleString();
}

export function percent(part: number, whole: number): number {
  return whole > 0 ? Math.min(100, Math.max(0, (part / whole) * 100)) : 0;
}

/** Names of agents as their makers write them. */
const AGENTS: Record<string, string> = {
  claude_code: "Claude Code",
  codex: "Codex",
  openclaw: "OpenClaw",
  gemini: "Gemini CLI",
  opencode: "OpenCode",
  copilot: "Copilot CLI",
  cline: "Cline",
  droid: "Droid",
  kimi: "Kimi",
  qwen: "Qwen Code",
};

export function agentName(agent: string): string {
  return AGENTS[agent] ?? agent;
}

/** A session's title, or as much of its id as tells it apart. */
export function titleOf(session: { title: string | null; native_id: string }): string {
  return session.title?.trim() || session.native_id.split("/").pop()?.slice(0, 13) || session.native_id;
}

/** Where a session's page is. */
export function sessionPath(id: string): string {
  return `/s/${encodeURIComponent(id)}`;
}
