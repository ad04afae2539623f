/** Stacked bars over time. The same figures stand in a table beside it for whoever prefers that. */

import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useTheme } from "../lib/theme";
import { resolved, seriesColour } from "./colours";
import { stacked, type Series } from "./series";

const HEIGHT = 240;

export default function Chart({ series, format, label }: { series: Series; format: (value: number) => string; label: string }) {
  const host = useRef<HTMLDivElement>(null);
  const theme = useTheme((state) => state.theme);
  const [at, setAt] = useState<number | null>(null);
  const [scheme, setScheme] = useState(0);

  useEffect(() => {
    const media = window.matchMedia("(prefers-color-scheme: light)");
    const changed = () => setScheme((count) => count + 1);
    media.addEventListener("change", changed);
    return () => media.removeEventListener("change", changed);
  }, []);

  useEffect(() => {
    const element = host.current;
    const bars = uPlot.paths.bars;
    if (!element || !bars) return undefined;
    const axis = { stroke: resolved("var(--faint)"), grid: { stroke: resolved("var(--line)"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
    const path = bars({ size: [0.72, 48], align: 0 });
    const tops = stacked(series.values);
    const step = (series.times[1] ?? 0) - (series.times[0] ?? 0) || 86_400;
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        padding: [10, 8, 0, 0],
        legend: { show: false },
        // Periods are days of the report's zone, told as dates: they are drawn as they are.
        tzDate: (time) => uPlot.tzDate(new Date(time * 1000), "Etc/UTC"),
        cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
        scales: {
          x: { range: (_plot, min, max) => [min - step / 2, max + step / 2] },
          y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.06 : 1] },
        },
        axes: [
          { ...axis, grid: { show: false }, space: 64, size: 28, values: (_plot, splits) => splits.map(dayName) },
          { ...axis, size: 58, values: (_plot, splits) => splits.map(format) },
        ],
        series: [
          {},
          ...series.names.map((name, index) => ({ label: name, fill: resolved(seriesColour(index)), width: 0, paths: path, points: { show: false } })),
        ],
        hooks: { setCursor: [(self: uPlot) => setAt(self.cursor.idx ?? null)] },
      },
      [series.times, ...tops],
      element,
    );
    const resize = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      plot.destroy();
    };
  }, [series, format, theme, scheme]);

  return (
    <div className="px-2 pb-3">
      <div ref={host} role="img" aria-label={label} className="min-w-0" style={{ height: HEIGHT }} onPointerLeave={() => setAt(null)} />
      <Legend series={series} at={at} format={format} />
    </div>
  );
}

function dayName(time: number): string {
  return new Date(time * 1000).toLocaleDateString(undefined, { month: "short", day: "numeric", timeZone: "UTC" });
}

/** Names and sums; those of the period under the pointer while there is one. */
function Legend({ series, at, format }: { series: Series; at: number | null; format: (value: number) => string }) {
  const period = at === null ? null : series.periods[at];
  const sum = at === null ? series.totals.reduce((a, b) => a + b, 0) : series.values.reduce((total, values) => total + (values[at] ?? 0), 0);
  return (
    <ul className="flex flex-wrap gap-x-4 gap-y-1 px-2 text-sm">
      <li className="min-w-36 font-medium">{period ?? "All"}: {format(sum)}</li>
      {series.names.map((name, index) => (
        <li key={name} className="flex min-w-0 items-center gap-1.5 text-dim">
          <span aria-hidden className="size-2.5 shrink-0 rounded-sm" style={{ background: seriesColour(index) }} />
          <span className="truncate" dir="auto">{name}</span>
          <span className="text-text">{format(at === null ? (series.totals[index] ?? 0) : (series.values[index]?.[at] ?? 0))}</span>
        </li>
      ))}
    </ul>
  );
}
