/** The JSON of the native API, as docs/api.md and docs/cli.md describe it. Everything in it that is text is hostile. */

export type State =
  | "queued" | "spawning" | "working" | "needs_input" | "idle" | "waiting_self"
  | "limited" | "stalled" | "completed" | "failed" | "terminated" | "unobserved";

/** How urgent a session is; the board's groups, the most urgent first. */
export const GROUPS = ["needs_you", "failed", "stalled", "limited", "working", "done", "rest"] as const;
export type Group = (typeof GROUPS)[number];
export const ATTENTION: readonly Group[] = ["needs_you", "failed", "stalled", "limited"];

export interface Tokens {
  input_tokens: number;
  output_tokens: number;
  cache_read_tokens: number;
  cache_creation_tokens: number;
  reasoning_tokens: number;
  total_tokens: number;
}

/** Calls, their tokens and what they cost (of the calls with a known price; `null` when none has one). */
export interface Spent extends Tokens {
  requests: number;
  cost_usd: number | null;
  unpriced_requests: number;
  cache_saved_usd?: number | null;
}

export interface Session {
  id: string;
  agent: string;
  native_id: string;
  parent_id: string | null;
  relation: string | null;
  state: State;
  reason: string;
  detail: string | null;
  liveness: "alive" | "dead" | "unknown";
  since: string;
  title: string | null;
  project: string | null;
  project_path: string | null;
  /** The machine that it runs on, if that is known. */
  host: string | null;
  branch: string | null;
  cwd: string | null;
  model: string | null;
  version: string | null;
  entrypoint: string | null;
  role: string | null;
  started_at: string | null;
  last_activity_at: string | null;
  usage: Spent;
  cost_usd: number | null;
  context: { tokens: number; window: number | null } | null;
  progress: { done: number; total: number } | null;
  blocked_ms: number;
  children: number;
  pid: number | null;
  transcript: string | null;
  group?: Group;
}

export interface Quota {
  agent: string;
  limit: string;
  window: string;
  used_percent: number;
  window_minutes: number | null;
  resets_at: string | null;
  plan: string | null;
  at: string;
  expired: boolean;
}

export interface Budget {
  project: string | null;
  period: string;
  since: string;
  limit_usd: number;
  spent_usd: number;
  used_percent: number;
  over: boolean;
}

export interface BoardStatus {
  at: string;
  counts: Partial<Record<State, number>>;
  groups: Record<Group, number>;
  today: Spent;
  quotas: Quota[];
  budgets: Budget[];
  matching: number;
}

export interface BoardSnapshot {
  status: BoardStatus;
  sessions: Session[];
}

export interface BoardPatch {
  status?: BoardStatus;
  upsert: Session[];
  remove: string[];
}

export interface AgentEvent {
  id: number;
  at: string;
  session: string;
  agent: string;
  native_id: string;
  kind: string;
  status: "success" | "error" | "timeout";
  tool: string | null;
  duration_ms: number | null;
  model: string | null;
  usage: Tokens | null;
  cost_usd: number | null;
  text: string;
  truncated: boolean;
}

export type ToolType =
  | "shell" | "edit" | "write" | "read" | "search" | "todo" | "web" | "task" | "ask" | "other";

export interface Diff {
  path: string | null;
  hunks?: { old: string; new: string }[];
  patch?: string;
}

export interface Todo {
  text: string;
  status: "pending" | "in_progress" | "completed";
}

export interface ToolCall {
  name: string;
  type: ToolType;
  title: string | null;
  input: Record<string, unknown> | null;
  result: { id: number; at: string; status: string; text: string; truncated: boolean } | null;
  images: number;
  diff: Diff | null;
  todos: Todo[] | null;
}

export interface Block {
  id: number;
  at: string;
  kind: string;
  status: "success" | "error" | "timeout";
  text: string;
  truncated: boolean;
  model: string | null;
  usage: Tokens | null;
  cost_usd: number | null;
  duration_ms: number | null;
  tool: ToolCall | null;
}

export interface BlockPage {
  blocks: Block[];
  total: number;
  before: string | null;
  after: string | null;
}

/** Lines added and removed; where `complete` is false there may be more. */
export interface LineCounts {
  added: number;
  removed: number;
  complete: boolean;
}

export type FileFate = "created" | "written" | "edited" | "renamed" | "deleted" | "temporary";

export interface FileArtifact {
  path: string;
  change: FileFate;
  renamed_from: string | null;
  changes: number;
  lines: LineCounts;
  first_at: string;
  last_at: string;
  session: string;
  event: number;
  by: { session: string; changes: number }[];
}

export interface Output {
  kind: "commit" | "pull_request" | "issue" | "release" | "images";
  at: string;
  session: string;
  event: number;
  title: string | null;
  id: string | null;
  url: string | null;
  tool: string | null;
  images: number | null;
}

export interface Artifacts {
  session: string;
  files: FileArtifact[];
  files_total: number;
  lines: LineCounts;
  outputs: Output[];
  outputs_total: number;
  not_counted: { failed: number; unanswered: number; unnamed: number };
  complete: boolean;
}

export const LEVELS = ["error", "warn", "info", "debug"] as const;
export type Level = (typeof LEVELS)[number];

export interface LogLine {
  id: number;
  at: string;
  level: Level;
  kind: string;
  status: "success" | "error" | "timeout";
  tool: string | null;
  duration_ms: number | null;
  text: string;
  truncated: boolean;
}

export interface LogPage {
  lines: LogLine[];
  next: string | null;
}

export interface ModelUsage extends Spent {
  model: string;
}

export interface ToolStats {
  tool: string;
  calls: number;
  errors: number;
  duration_ms: number;
}

export interface Unattributed extends Tokens {
  session_id: string;
  agent: string;
  model: string;
  cost_usd: number;
}

export interface SessionDetail {
  session: Session;
  children: Session[];
  models: ModelUsage[];
  tools: ToolStats[];
  reported: ModelUsage[];
  unattributed: Unattributed[];
}

export interface Sign {
  at: string;
  source: string;
  signal: string;
}

export interface Explanation {
  session: Session;
  verdict: {
    state: State;
    reason: string;
    detail: string | null;
    since: string;
    liveness: Session["liveness"];
    confidence: "low" | "medium" | "high";
    decided_by: Sign[];
    next_deadline: string | null;
  };
  evidence: Sign[];
  transitions: {
    at: string;
    since: string;
    from: State;
    to: State;
    reason: string;
    detail: string | null;
    decided_by: Sign[];
  }[];
}

export interface UsageRow extends Spent {
  period?: string;
  session_id?: string;
  title?: string;
  agent?: string;
  model?: string;
  project?: string | null;
  project_path?: string | null;
  host?: string | null;
  first_at: string;
  last_at: string;
}

export interface UsageBlock extends Spent {
  agent: string;
  start: string;
  end: string;
  first_at: string;
  last_at: string;
  is_active: boolean;
  burn_rate?: { tokens_per_minute: number; cost_usd_per_hour: number };
  projection?: { remaining_minutes: number; total_tokens: number; cost_usd: number };
}

export interface UsageReport {
  report: string;
  timezone: string;
  since: string | null;
  until: string | null;
  rows: UsageRow[];
  totals: Spent;
  blocks?: UsageBlock[];
  unpriced: { model: string; requests: number; total_tokens: number }[];
  unattributed: Unattributed[];
  quotas?: Quota[];
  budgets?: Budget[];
}

export interface HourCell extends Spent {
  weekday: number;
  hour: number;
}

export interface ToolReport {
  tools: {
    tool: string;
    calls: number;
    errors: number;
    error_rate: number;
    timed_calls: number;
    duration_ms: number;
    mean_ms: number | null;
    /** As rounded to two significant digits. */
    p50_ms: number | null;
    p95_ms: number | null;
    max_ms: number | null;
    by_agent: Record<string, number>;
  }[];
}

export interface BlockedReport {
  timezone: string;
  total: { needs_input_ms: number; idle_unseen_ms: number };
  days: { day: string; needs_input_ms: number; idle_unseen_ms: number }[];
  sessions: {
    id: string;
    title: string | null;
    project: string | null;
    needs_input_ms: number;
    idle_unseen_ms: number;
  }[];
}

export interface SearchHit {
  id: number;
  at: string;
  session: string;
  agent: string;
  native_id: string;
  title: string | null;
  project: string | null;
  kind: string;
  status: string;
  tool: string | null;
  snippet: string;
  /** Start and end of each match in the snippet, counted in characters (code points). */
  matches: [number, number][];
}

export interface SearchResults {
  results: SearchHit[];
  more: boolean;
  index: { complete: boolean; files: number; files_indexed: number; bytes: number; bytes_indexed: number };
}

export interface Source {
  format: string;
  agent: string;
  root: string;
  origin: string;
  state: string;
  error: string | null;
  files: number;
  bytes: number;
  sessions: number;
  newest_at: string | null;
  problems: { kind: string; file: string; offset: number; detail: string; count: number }[];
}

export interface Alert {
  id: number;
  rule: string;
  kind: string;
  session: string | null;
  project: string | null;
  title: string | null;
  message: string;
  detail: string | null;
  since: string;
  raised_at: string;
  resolved_at: string | null;
  acknowledged_at: string | null;
  deliveries: { channel: string; state: string; attempts: number; error: string | null; at: string }[];
}

export interface AlertRule {
  name: string;
  kind: string;
  threshold: string;
  channels: string[];
}

export interface Filters {
  agents: string[];
  models: string[];
  projects: string[];
  hosts: string[];
  tools: string[];
  branches: string[];
}

export interface About {
  version: string;
  started_at: string;
  now: string;
  epoch: string;
  time_zone: string;
  writes: boolean;
}
