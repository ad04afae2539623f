/** From a usage report's rows to what a chart draws. Pure. */

import { agentName } from "../lib/format";
import type { UsageRow } from "../lib/types";

export const DIMENSIONS = ["model", "project", "agent", "host"] as const;
export type Dimension = (typeof DIMENSIONS)[number];
export const METRICS = ["cost", "tokens"] as const;
export type Metric = (typeof METRICS)[number];

/** Series beyond so many are drawn as one. */
const MAX_SERIES = 7;
export const OTHERS = "others";

export interface Series {
  /** First moment of each period, in seconds: what a chart's axis counts in. */
  times: number[];
  periods: string[];
  /** The largest first. */
  names: string[];
  /** For each name, a value for each period. */
  values: number[][];
  totals: number[];
}

export function valueOf(row: UsageRow, metric: Metric): number {
  return metric === "cost" ? (row.cost_usd ?? 0) : row.total_tokens;
}

export function nameOf(row: UsageRow, dimension: Dimension): string {
  const name = row[dimension];
  if (dimension === "agent" && name) return agentName(name);
  return name ?? (dimension === "project" ? "no project" : "unknown");
}

/** The days from the first to the last, also those without usage. */
function days(first: string, last: string): string[] {
  const found: string[] = [];
  const at = new Date(`${first}T00:00:00Z`);
  while (found.length < 1000) {
    const day = at.toISOString().slice(0, 10);
    found.push(day);
    if (day >= last) break;
    at.setUTCDate(at.getUTCDate() + 1);
  }
  return found;
}

export function seriesOf(rows: readonly UsageRow[], dimension: Dimension, metric: Metric): Series {
  const known = [...new Set(rows.flatMap((row) => (row.period ? [row.period] : [])))].sort();
  const isDaily = known.every((period) => /^\d{4}-\d{2}-\d{2}$/.test(period));
  const [first, last] = [known[0], known.at(-1)];
  const periods = isDaily && first && last ? days(first, last) : known;
  const place = new Map(periods.map((period, index) => [period, index]));
  const sums = new Map<string, number>();
  for (const row of rows) {
    const name = nameOf(row, dimension);
    sums.set(name, (sums.get(name) ?? 0) + valueOf(row, metric));
  }
  const ranked = [...sums].sort(([a, x], [b, y]) => y - x || a.localeCompare(b)).map(([name]) => name);
  const own = ranked.length > MAX_SERIES + 1 ? ranked.slice(0, MAX_SERIES) : ranked;
  const names = own.length < ranked.length ? [...own, OTHERS] : own;
  const index = new Map(own.map((name, at) => [name, at]));
  const values = names.map(() => new Array<number>(periods.length).fill(0));
  for (const row of rows) {
    const at = place.get(row.period ?? "");
    const series = values[index.get(nameOf(row, dimension)) ?? names.length - 1];
    if (at !== undefined && series) series[at] = (series[at] ?? 0) + valueOf(row, metric);
  }
  return {
    periods,
    times: periods.map((period) => Date.parse(period.length === 7 ? `${period}-01` : period) / 1000),
    names,
    values,
    totals: names.map((_, at) => (values[at] ?? []).reduce((sum, value) => sum + value, 0)),
  };
}

/** Values on top of one another, for stacked bars: the last series is the lowest. */
export function stacked(values: readonly number[][]): number[][] {
  const length = values[0]?.length ?? 0;
  const sums = new Array<number>(length).fill(0);
  return values
    .toReversed()
    .map((series) => series.map((value, at) => (sums[at] = (sums[at] ?? 0) + value)))
    .reverse();
}
