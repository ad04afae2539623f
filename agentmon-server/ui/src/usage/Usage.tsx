/** Tokens and cost over time, limits, tools, waiting. The range and what is shown stand in the address. */

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { lazy, Suspense, useMemo, useState, type ReactNode } from "react";
import { Link } from "wouter";
import { api, withParams } from "../lib/api";
import { csv, download } from "../lib/csv";
import { agentName, count, duration, money, percent, sessionPath, whole } from "../lib/format";
import { oneOf, useParams } from "../lib/params";
import type { BlockedReport, Filters, HourCell, ToolReport, UsageReport, UsageRow } from "../lib/types";
import { DataTable, type Column } from "../ui/DataTable";
import { Bar, Choice, Empty, Failure, Loading, Section } from "../ui/parts";
import { DAYS, HeatMap } from "./HeatMap";
import { Limits } from "./Limits";
import { DIMENSIONS, METRICS, nameOf, seriesOf, type Dimension, type Metric } from "./series";

const Chart = lazy(() => import("./Chart"));

const RANGES = ["7d", "30d", "90d", "all"] as const;
type Range = (typeof RANGES)[number];
const DIMENSION_LABELS: Record<Dimension, string> = { model: "Model", project: "Project", agent: "Agent", host: "Host" };
const SHAPES = ["chart", "table"] as const;
const SHAPE_OPTIONS = [{ value: "chart", label: "Chart" }, { value: "table", label: "Table" }] as const;

function sinceOf(range: Range): string | null {
  return range === "all" ? null : range;
}

/** Data of before stays while other data is loaded, so that the page does not jump. */
function useReport<T>(path: string) {
  return useQuery({ queryKey: ["usage", path], queryFn: () => api<T>(path), placeholderData: keepPreviousData, refetchInterval: 60_000 });
}

export default function Usage() {
  const [params, change] = useParams();
  const range = oneOf(params, "range", RANGES) ?? "30d";
  const dimension = oneOf(params, "by", DIMENSIONS) ?? "model";
  const metric = oneOf(params, "metric", METRICS) ?? "cost";
  const shape = oneOf(params, "as", SHAPES) ?? "chart";
  const since = sinceOf(range);
  const report = useReport<UsageReport>(withParams("/api/v1/usage", { report: range === "all" ? "monthly" : "daily", by: dimension, since, cache: true }));
  return (
    <div className="min-h-0 flex-1 overflow-y-auto" data-scroller tabIndex={0} role="region" aria-label="Usage">
      <div className="mx-auto flex max-w-[1400px] flex-col gap-3 p-4 max-md:p-2">
        <div className="flex flex-wrap items-center gap-3">
          <h1 className="text-lg font-semibold">Usage</h1>
          <Choice label="Range" value={range} onChange={(value) => change({ range: value === "30d" ? null : value })} options={RANGES.map((value) => ({ value, label: value === "all" ? "All" : value }))} />
          <Choice label="Measure" value={metric} onChange={(value) => change({ metric: value === "cost" ? null : value })} options={[{ value: "cost", label: "Cost" }, { value: "tokens", label: "Tokens" }]} />
        </div>
        {report.error ? <Failure error={report.error} retry={() => void report.refetch()} /> : null}
        {report.data ? <Coverage report={report.data} /> : null}
        {report.data ? <Totals report={report.data} /> : null}
        <OverTime report={report.data} isPending={report.isPending} dimension={dimension} metric={metric} shape={shape} change={change} />
        <div className="grid gap-3 xl:grid-cols-2">
          <Limits />
          <Hours since={since} metric={metric} />
          <Cache report={report.data} dimension={dimension} />
          <Blocked since={since} />
          <Tools since={since} />
          <Sessions since={since} />
        </div>
      </div>
    </div>
  );
}

/** What the figures do not contain. */
function Coverage({ report }: { report: UsageReport }) {
  if (!report.unpriced.length && !report.unattributed.length) return null;
  const beyond = report.unattributed.reduce((sum, row) => sum + row.cost_usd, 0);
  return (
    <div role="note" data-state="needs_input" className="rounded-lg border border-[var(--state)]/40 bg-raised px-4 py-2 text-sm">
      {report.unpriced.length ? (
        <p>
          <strong className="text-[var(--state)]">No known price:</strong>{" "}
          {report.unpriced.map((row) => `${row.model} (${whole(row.requests)} calls, ${count(row.total_tokens)} tokens)`).join(", ")}. These tokens are counted, their cost is not.
          Prices of your own stand in agentmon&apos;s configuration.
        </p>
      ) : null}
      {report.unattributed.length ? (
        <p>
          <strong className="text-[var(--state)]">Not in the sums:</strong> agents counted {money(beyond)} beyond the calls on record, in {report.unattributed.length} sessions.
        </p>
      ) : null}
    </div>
  );
}

function Totals({ report }: { report: UsageReport }) {
  const { totals } = report;
  const input = totals.input_tokens + totals.cache_read_tokens + totals.cache_creation_tokens;
  return (
    <dl className="panel flex flex-wrap gap-x-10 gap-y-2 px-4 py-3">
      <Figure name="Cost" value={money(totals.cost_usd)} />
      <Figure name="Model calls" value={whole(totals.requests)} />
      <Figure name="Input" value={count(totals.input_tokens)} />
      <Figure name="Cache write" value={count(totals.cache_creation_tokens)} />
      <Figure name="Cache read" value={count(totals.cache_read_tokens)} note={`${Math.round(percent(totals.cache_read_tokens, input))} % of input`} />
      <Figure name="Output" value={count(totals.output_tokens)} note={totals.reasoning_tokens ? `${count(totals.reasoning_tokens)} reasoning` : undefined} />
    </dl>
  );
}

function Figure({ name, value, note }: { name: string; value: string; note?: string | undefined }) {
  return (
    <div>
      <dt className="text-xs text-faint">{name}</dt>
      <dd><span className="text-lg font-semibold">{value}</span>{note ? <span className="ms-1.5 text-sm text-faint">{note}</span> : null}</dd>
    </div>
  );
}

export function CsvButton({ name, header, rows }: { name: string; header: readonly string[]; rows: readonly (readonly (string | number | null)[])[] }) {
  return (
    <button type="button" className="button" disabled={!rows.length} onClick={() => download(`agentmon-${name}.csv`, csv(header, rows))} aria-label={`CSV of ${name}`}>
      <Download size={13} aria-hidden /> CSV
    </button>
  );
}

/** A table's columns as a CSV's. */
function csvOf<T>(columns: readonly Column<T>[], rows: readonly T[]): { header: string[]; rows: (string | number | null)[][] } {
  return { header: columns.map(({ name }) => name), rows: rows.map((row) => columns.map(({ value }) => value(row))) };
}

const tokens: readonly Column<UsageRow>[] = [
  { name: "Calls", value: (row) => row.requests, numeric: true },
  { name: "Input", value: (row) => row.input_tokens, numeric: true },
  { name: "Cache write", value: (row) => row.cache_creation_tokens, numeric: true },
  { name: "Cache read", value: (row) => row.cache_read_tokens, numeric: true },
  { name: "Output", value: (row) => row.output_tokens, numeric: true },
  {
    name: "Cost", value: (row) => row.cost_usd, numeric: true,
    cell: (row) => (row.unpriced_requests ? <span className="text-needs">{row.cost_usd === null ? "unpriced" : `${money(row.cost_usd)}+`}</span> : money(row.cost_usd)),
  },
];

function OverTime({ report, isPending, dimension, metric, shape, change }: {
  report: UsageReport | undefined; isPending: boolean; dimension: Dimension; metric: Metric; shape: "chart" | "table";
  change: (changes: Record<string, string | null>) => void;
}) {
  const rows = useMemo(() => report?.rows ?? [], [report]);
  const words = useQuery({ queryKey: ["filters"], queryFn: () => api<Filters>("/api/v1/filters"), staleTime: 60_000 });
  // Where all sessions run on one machine, there is nothing to tell apart.
  const dimensions = DIMENSIONS.filter((value) => value !== "host" || dimension === "host" || (words.data?.hosts.length ?? 0) > 1);
  const series = useMemo(() => seriesOf(rows, dimension, metric), [rows, dimension, metric]);
  const columns = useMemo<Column<UsageRow>[]>(
    () => [
      { name: "Period", value: (row) => row.period ?? "" },
      { name: DIMENSION_LABELS[dimension], value: (row) => nameOf(row, dimension) },
      ...tokens,
    ],
    [dimension],
  );
  return (
    <Section
      title={metric === "cost" ? "Cost over time" : "Tokens over time"}
      note={report ? `days of ${report.timezone}` : undefined}
      aside={
        <>
          <Choice label="By" value={dimension} onChange={(value) => change({ by: value === "model" ? null : value })} options={dimensions.map((value) => ({ value, label: DIMENSION_LABELS[value] }))} />
          <Choice label="As" value={shape} onChange={(value) => change({ as: value === "chart" ? null : value })} options={SHAPE_OPTIONS} />
          <CsvButton name="usage" {...csvOf(columns, rows)} />
        </>
      }
    >
      {isPending ? <Loading lines={5} /> : null}
      {!isPending && !rows.length ? <Empty title="No usage in this range" /> : null}
      {rows.length && shape === "chart" ? (
        <Suspense fallback={<div className="h-[290px]" />}>
          <Chart series={series} format={metric === "cost" ? money : count} label={`${metric} over time by ${dimension}; the table has the same figures`} />
        </Suspense>
      ) : null}
      {rows.length && shape === "table" ? (
        <DataTable label="Usage over time" rows={rows.toReversed()} columns={columns} rowKey={(row) => `${row.period ?? ""} ${nameOf(row, dimension)}`} />
      ) : null}
    </Section>
  );
}

/** Whether a section shows its chart or the same figures as a table, and the buttons that choose. */
function useShape(): [(typeof SHAPES)[number], ReactNode] {
  const [shape, setShape] = useState<(typeof SHAPES)[number]>("chart");
  return [shape, <Choice key="shape" label="As" value={shape} onChange={setShape} options={SHAPE_OPTIONS} />];
}

const hourColumns: Column<HourCell>[] = [
  { name: "Weekday", value: (cell) => cell.weekday, cell: (cell) => DAYS[cell.weekday] ?? "" },
  { name: "Hour", value: (cell) => cell.hour, cell: (cell) => `${cell.hour}:00`, numeric: true },
  { name: "Calls", value: (cell) => cell.requests, numeric: true },
  { name: "Tokens", value: (cell) => cell.total_tokens, numeric: true },
  { name: "Cost", value: (cell) => cell.cost_usd, cell: (cell) => money(cell.cost_usd), numeric: true },
];

function Hours({ since, metric }: { since: string | null; metric: Metric }) {
  const hours = useReport<{ timezone: string; cells: HourCell[] }>(withParams("/api/v1/usage/hours", { since }));
  const [shape, choice] = useShape();
  return (
    <Section title="Hours" note={hours.data?.timezone} aside={<>{choice}<CsvButton name="hours" {...csvOf(hourColumns, hours.data?.cells ?? [])} /></>}>
      <Answer query={hours}>
        {(data) => shape === "chart" ? <HeatMap cells={data.cells} metric={metric} /> : (
          <DataTable label="Usage by hour" rows={data.cells} columns={hourColumns} rowKey={(cell) => `${cell.weekday} ${cell.hour}`} limit={12} />
        )}
      </Answer>
    </Section>
  );
}

/** What caches saved and what writing them cost, of each row of the chosen dimension. */
function Cache({ report, dimension }: { report: UsageReport | undefined; dimension: Dimension }) {
  const rows = useMemo(() => {
    const sums = new Map<string, { name: string; read: number; written: number; fresh: number; saved: number | null }>();
    for (const row of report?.rows ?? []) {
      const name = nameOf(row, dimension);
      const sum = sums.get(name) ?? { name, read: 0, written: 0, fresh: 0, saved: null };
      sum.read += row.cache_read_tokens;
      sum.written += row.cache_creation_tokens;
      sum.fresh += row.input_tokens;
      if (row.cache_saved_usd !== null && row.cache_saved_usd !== undefined) sum.saved = (sum.saved ?? 0) + row.cache_saved_usd;
      sums.set(name, sum);
    }
    return [...sums.values()].sort((a, b) => (b.saved ?? 0) - (a.saved ?? 0));
  }, [report, dimension]);
  const hit = (row: (typeof rows)[number]) => percent(row.read, row.read + row.written + row.fresh);
  const columns: Column<(typeof rows)[number]>[] = [
    { name: DIMENSION_LABELS[dimension], value: (row) => row.name },
    { name: "Read", value: (row) => row.read, cell: (row) => count(row.read), numeric: true },
    { name: "Written", value: (row) => row.written, cell: (row) => count(row.written), numeric: true },
    { name: "Hit rate", value: (row) => Math.round(hit(row)), numeric: true, cell: (row) => <span className="inline-flex items-center gap-2"><Bar tone="plain" value={hit(row)} label={`Hit rate of ${row.name}`} />{Math.round(hit(row))} %</span> },
    { name: "Saved", value: (row) => row.saved, cell: (row) => <span className={row.saved !== null && row.saved < 0 ? "text-needs" : ""}>{money(row.saved)}</span>, numeric: true },
  ];
  return (
    <Section title="Cache" note="against sending the same tokens anew" aside={<CsvButton name="cache" {...csvOf(columns, rows)} />}>
      {rows.length ? <DataTable label="Cache" rows={rows} columns={columns} rowKey={(row) => row.name} /> : report ? <Empty title="No usage in this range" /> : <Loading lines={4} />}
    </Section>
  );
}

type BlockedDay = BlockedReport["days"][number];

const minutes = (ms: number) => Math.round(ms / 60_000);
const blockedColumns: Column<BlockedDay>[] = [
  { name: "Day", value: (day) => day.day },
  { name: "Blocked, minutes", value: (day) => minutes(day.needs_input_ms), numeric: true },
  { name: "Done and not looked at, minutes", value: (day) => minutes(day.idle_unseen_ms), numeric: true },
];

function Blocked({ since }: { since: string | null }) {
  const blocked = useReport<BlockedReport>(withParams("/api/v1/usage/blocked", { since, limit: 8 }));
  const [shape, choice] = useShape();
  return (
    <Section title="Waited for you" aside={<>{choice}<CsvButton name="blocked" {...csvOf(blockedColumns, blocked.data?.days ?? [])} /></>}>
      <Answer query={blocked}>
        {(data) => !data.total.needs_input_ms && !data.total.idle_unseen_ms ? <Empty title="No session waited for you" /> : (
          <>
            <p className="px-4 pt-3 text-sm text-dim">
              <strong className="text-lg font-semibold text-text">{duration(data.total.needs_input_ms)}</strong> could not go on without you ·{" "}
              <strong className="font-semibold text-text">{duration(data.total.idle_unseen_ms)}</strong> done and not looked at
            </p>
            {shape === "chart" ? <Days days={data.days.slice(-45)} /> : (
              <DataTable label="Waiting by day" rows={data.days.toReversed()} columns={blockedColumns} rowKey={(day) => day.day} limit={12} />
            )}
            <ul className="flex flex-col gap-1 px-4 pb-4 text-sm">
              {data.sessions.filter((session) => session.needs_input_ms > 0).slice(0, 6).map((session) => (
                <li key={session.id} className="flex min-w-0 gap-3">
                  <Link href={sessionPath(session.id)} className="min-w-0 flex-1 truncate hover:underline" dir="auto">{session.title ?? session.id}</Link>
                  <span className="truncate text-faint" dir="auto">{session.project}</span>
                  <span className="shrink-0">{duration(session.needs_input_ms)}</span>
                </li>
              ))}
            </ul>
          </>
        )}
      </Answer>
    </Section>
  );
}

function Days({ days }: { days: readonly BlockedDay[] }) {
  const max = Math.max(1, ...days.map((day) => day.needs_input_ms + day.idle_unseen_ms));
  return (
    <ul className="mx-4 my-3 flex h-16 items-end gap-1" aria-label="Waiting by day">
      {days.map((day) => {
        const told = `${day.day}: ${duration(day.needs_input_ms)} blocked, ${duration(day.idle_unseen_ms)} not looked at`;
        return (
          <li key={day.day} title={told} className="flex h-full min-w-0 max-w-8 flex-1 flex-col justify-end">
            <span className="block rounded-t-sm bg-line" style={{ height: `${(day.idle_unseen_ms / max) * 100}%` }} />
            <span className="block bg-needs" style={{ height: `${(day.needs_input_ms / max) * 100}%` }} />
            <span className="sr-only">{told}</span>
          </li>
        );
      })}
    </ul>
  );
}

type ToolRow = ToolReport["tools"][number];

/** A column of times; CSV has milliseconds. */
function timeColumn(name: string, ms: (row: ToolRow) => number | null): Column<ToolRow> {
  const cell = (row: ToolRow) => {
    const took = ms(row);
    return took === null ? "–" : duration(took);
  };
  return { name, value: ms, numeric: true, cell };
}

const toolColumns: Column<ToolRow>[] = [
  { name: "Tool", value: (row) => row.tool },
  { name: "Calls", value: (row) => row.calls, numeric: true },
  { name: "Errors", value: (row) => row.errors, numeric: true },
  { name: "Error rate", value: (row) => row.error_rate, numeric: true, cell: (row) => <span className={row.error_rate >= 0.1 ? "text-failed" : ""}>{(row.error_rate * 100).toFixed(1)} %</span> },
  timeColumn("Mean", (row) => row.mean_ms),
  timeColumn("Median", (row) => row.p50_ms),
  timeColumn("95 % within", (row) => row.p95_ms),
  timeColumn("Longest", (row) => row.max_ms),
];

function Tools({ since }: { since: string | null }) {
  const tools = useReport<ToolReport>(withParams("/api/v1/tools", { since }));
  return (
    <Section title="Tools" note="median, 95 % and longest: to 5 %" aside={<CsvButton name="tools" {...csvOf(toolColumns, tools.data?.tools ?? [])} />}>
      <Answer query={tools}>{(data) => (data.tools.length ? <DataTable label="Tools" rows={data.tools} columns={toolColumns} rowKey={(row) => row.tool} limit={12} /> : <Empty title="No tool was used" />)}</Answer>
    </Section>
  );
}

const sessionColumns: Column<UsageRow>[] = [
  {
    name: "Session", value: (row) => row.title ?? row.session_id ?? "",
    cell: (row) => <Link href={sessionPath(`${row.agent ?? ""}:${row.session_id ?? ""}`)} className="hover:underline" dir="auto">{row.title ?? row.session_id}</Link>,
  },
  { name: "Agent", value: (row) => agentName(row.agent ?? "") },
  { name: "Calls", value: (row) => row.requests, numeric: true },
  { name: "Tokens", value: (row) => row.total_tokens, numeric: true, cell: (row) => count(row.total_tokens) },
  { name: "Cost", value: (row) => row.cost_usd, numeric: true, cell: (row) => money(row.cost_usd) },
];

function Sessions({ since }: { since: string | null }) {
  const report = useReport<UsageReport>(withParams("/api/v1/usage", { report: "session", by: ["session", "agent"], since }));
  const rows = useMemo(() => (report.data?.rows ?? []).toSorted((a, b) => (b.cost_usd ?? -1) - (a.cost_usd ?? -1)), [report.data]);
  return (
    <Section title="Most expensive sessions" aside={<CsvButton name="sessions" {...csvOf(sessionColumns, rows)} />}>
      <Answer query={report}>{() => (rows.length ? <DataTable label="Sessions" rows={rows} columns={sessionColumns} rowKey={(row) => `${row.agent ?? ""}:${row.session_id ?? ""}`} limit={12} /> : <Empty title="No usage in this range" />)}</Answer>
    </Section>
  );
}

/** An answer, or what stands in its place. */
export function Answer<T>({ query, children }: { query: { data: T | undefined; error: unknown; isPending: boolean; refetch: () => unknown }; children: (data: T) => ReactNode }) {
  if (query.error) return <Failure error={query.error} retry={() => void query.refetch()} />;
  if (query.data === undefined) return <Loading lines={4} />;
  return children(query.data);
}
