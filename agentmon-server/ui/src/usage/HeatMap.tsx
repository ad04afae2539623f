/** When work is done: weekdays by hours. */

import { count, money } from "../lib/format";
import type { HourCell } from "../lib/types";
import type { Metric } from "./series";

export const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

export function HeatMap({ cells, metric }: { cells: readonly HourCell[]; metric: Metric }) {
  const value = (cell: HourCell) => (metric === "cost" ? (cell.cost_usd ?? 0) : cell.total_tokens);
  const byPlace = new Map(cells.map((cell) => [cell.weekday * 24 + cell.hour, cell]));
  const max = Math.max(0, ...cells.map(value));
  return (
    <div className="overflow-x-auto p-4" tabIndex={0} role="group" aria-label="Hours">
      <table className="w-full min-w-[560px] table-fixed border-separate border-spacing-[3px] text-xs text-faint" aria-label="Usage by weekday and hour">
        <thead>
          <tr>
            <td className="w-9" />
            {HOURS.map((hour) => <th key={hour} scope="col" className="font-normal">{hour % 3 ? <span className="sr-only">{hour}</span> : hour}</th>)}
          </tr>
        </thead>
        <tbody>
          {DAYS.map((day, weekday) => (
            <tr key={day}>
              <th scope="row" className="text-start font-normal">{day}</th>
              {HOURS.map((hour) => {
                const cell = byPlace.get(weekday * 24 + hour);
                const share = cell && max > 0 ? value(cell) / max : 0;
                const told = cell ? `${day} ${hour}:00: ${money(cell.cost_usd)}, ${count(cell.total_tokens)} tokens` : `${day} ${hour}:00: nothing`;
                return (
                  <td
                    key={hour} title={told} className="h-5 rounded-[3px]"
                    style={{ background: share ? `color-mix(in oklab, var(--accent) ${Math.round(14 + 86 * Math.sqrt(share))}%, var(--sunken))` : "var(--sunken)" }}
                  >
                    <span className="sr-only">{cell ? (metric === "cost" ? money(cell.cost_usd) : count(cell.total_tokens)) : "0"}</span>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
