/** A small table of figures that can be sorted and taken along as CSV. */

import { useMemo, useState, type ReactNode } from "react";
import { whole } from "../lib/format";

export interface Column<T> {
  name: string;
  /** What is sorted, and what a CSV holds. */
  value: (row: T) => string | number | null;
  /** What is shown, if that is something else. */
  cell?: (row: T) => ReactNode;
  numeric?: boolean;
}

/** `rest` says where the rows beyond `limit` are. */
export function DataTable<T>({ label, rows, columns, rowKey, limit = 200, rest = "all of them are in the CSV" }: {
  label: string; rows: readonly T[]; columns: readonly Column<T>[]; rowKey: (row: T) => string; limit?: number; rest?: string;
}) {
  const [sort, setSort] = useState<{ name: string; up: boolean } | null>(null);
  const sorted = useMemo(() => {
    const column = columns.find(({ name }) => name === sort?.name);
    if (!column || !sort) return rows;
    return rows.toSorted((a, b) => compare(column.value(a), column.value(b)) * (sort.up ? 1 : -1));
  }, [rows, columns, sort]);
  const shown = sorted.slice(0, limit);
  return (
    <div className="overflow-x-auto" tabIndex={0} role="group" aria-label={label}>
      <table className="w-full border-collapse text-sm" aria-label={label}>
        <thead>
          <tr className="text-xs text-faint">
            {columns.map(({ name, numeric }) => (
              <th
                key={name} scope="col" className={`px-3 py-1.5 font-medium whitespace-nowrap first:ps-4 last:pe-4 ${numeric ? "text-end" : "text-start"}`}
                aria-sort={sort?.name === name ? (sort.up ? "ascending" : "descending") : undefined}
              >
                <button type="button" className="rounded hover:text-text" onClick={() => setSort({ name, up: sort?.name === name ? !sort.up : !numeric })}>
                  {name}{sort?.name === name ? (sort.up ? " ↑" : " ↓") : ""}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <tr key={rowKey(row)} className="border-t border-line/70 hover:bg-hover">
              {columns.map(({ name, value, cell, numeric }, index) => {
                const plain = value(row);
                const content = cell ? cell(row) : typeof plain === "number" ? whole(plain) : (plain ?? "–");
                const className = `px-3 py-1.5 first:ps-4 last:pe-4 ${numeric ? "text-end whitespace-nowrap" : "max-w-96 truncate text-start"}`;
                return index === 0 ? (
                  <th key={name} scope="row" className={`${className} font-normal`} dir="auto">{content}</th>
                ) : (
                  <td key={name} className={className} dir={numeric ? undefined : "auto"}>{content}</td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
      {shown.length < rows.length ? <p className="px-4 py-2 text-sm text-faint">and {rows.length - shown.length} more: {rest}</p> : null}
    </div>
  );
}

function compare(a: string | number | null, b: string | number | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
}
