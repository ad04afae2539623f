/** The rest of the sessions, as a table of which only the visible rows exist; on narrow screens as a list. */

import { useVirtualizer, type Virtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useRef, type ReactNode, type RefObject } from "react";
import { Card, CARD, HIDE, ROW, TableRow } from "./Rows";
import { useHasHosts } from "./store";
import type { Item, Sort } from "./view";

const GROUP_ROW = 32;

export interface TableHandle {
  /** Brings a row into sight, so that it exists. */
  reveal: (id: string) => void;
}

interface Props {
  items: readonly Item[];
  rows: number;
  sort: Sort | null;
  onSort: (sort: Sort) => void;
  active: string | null;
  onActive: (id: string) => void;
  onOpen: (id: string) => void;
  onPeek: (id: string) => void;
  scroller: HTMLElement | null;
  handle: RefObject<TableHandle | null>;
  isNarrow: boolean;
}

/** Columns go one by one where there is no room: with the peek open, on smaller screens. Some are only there with or without that of hosts. */
const COLUMNS: readonly { label: string; sort?: Sort; className: string; hide?: string; withHosts?: boolean }[] = [
  { label: "State", className: "w-[136px] ps-4 text-start" },
  { label: "Session", sort: "title", className: "w-[24%] text-start" },
  { label: "Activity", className: "text-start" },
  { label: "Project", className: "w-[13%] text-start", hide: HIDE.project },
  { label: "Host", className: "w-[9%] text-start", hide: HIDE.host, withHosts: true },
  { label: "Agent", className: "w-[104px] text-start @min-[1360px]:w-[236px]", hide: HIDE.agent, withHosts: false },
  { label: "Agent", className: "w-[104px] text-start @min-[1600px]:w-[236px]", hide: HIDE.agent, withHosts: true },
  { label: "Context", sort: "context", className: "w-[104px] text-start" },
  { label: "Tokens", sort: "tokens", className: "w-[76px] text-end", hide: HIDE.tokens },
  { label: "Cost", sort: "cost", className: "w-[84px] text-end" },
  { label: "Active", sort: "changed", className: "w-[72px] pe-4 text-end" },
];

/** The first columns, which are never left out: a cell across more would bring hidden ones back. */
const ALWAYS = 3;

export function Table(props: Props) {
  const { items, scroller, handle, isNarrow } = props;
  const top = useRef<HTMLDivElement>(null);
  const row = isNarrow ? CARD : ROW;
  // New functions would make the library measure all rows anew in every frame.
  const sizeOf = useCallback((index: number) => (items[index]?.type === "group" ? GROUP_ROW : row), [items, row]);
  const keyOf = useCallback(
    (index: number) => {
      const item = items[index];
      return item?.type === "row" ? item.id : `group ${item?.key ?? index}`;
    },
    [items],
  );
  // The library's own memoisation is safe here: nothing of it is passed to memoised components.
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtual = useVirtualizer<HTMLElement, Element>({
    count: items.length,
    getScrollElement: () => scroller,
    estimateSize: sizeOf,
    getItemKey: keyOf,
    overscan: 8,
    scrollMargin: top.current?.offsetTop ?? 0,
  });
  useEffect(() => {
    handle.current = {
      reveal: (id) => {
        const index = items.findIndex((item) => item.type === "row" && item.id === id);
        if (index >= 0) virtual.scrollToIndex(index);
      },
    };
  }, [handle, items, virtual]);
  return (
    <div ref={top}>
      {isNarrow ? <List {...props} virtual={virtual} /> : <Grid {...props} virtual={virtual} />}
    </div>
  );
}

type Drawn = Props & { virtual: Virtualizer<HTMLElement, Element> };

/** What lies before and after the rows that exist. */
function margins(virtual: Drawn["virtual"]): { before: number; after: number } {
  const shown = virtual.getVirtualItems();
  const margin = virtual.options.scrollMargin;
  return {
    before: Math.max(0, (shown[0]?.start ?? margin) - margin),
    after: Math.max(0, virtual.getTotalSize() - ((shown.at(-1)?.end ?? margin) - margin)),
  };
}

function Grid({ items, rows, sort, onSort, active, onActive, onOpen, onPeek, virtual }: Drawn) {
  const { before, after } = margins(virtual);
  const hasHosts = useHasHosts();
  const columns = COLUMNS.filter(({ withHosts }) => withHosts === undefined || withHosts === hasHosts);
  return (
    <table aria-label="Sessions" aria-rowcount={rows + 1} className="w-full table-fixed border-separate border-spacing-0">
      <thead className="sticky top-0 z-10 bg-bg">
        <tr className="h-8 text-xs text-faint">
          {columns.map(({ label, sort: by, className, hide = "" }) => (
            <th
              key={label} scope="col" className={`border-b border-line px-2 font-medium ${className} ${hide}`}
              aria-sort={by && by === sort ? (by === "title" ? "ascending" : "descending") : undefined}
            >
              {by ? (
                <button type="button" onClick={() => onSort(by)} className={`rounded hover:text-text ${by === sort ? "text-text" : ""}`}>
                  {label}{by === sort ? " ↓" : ""}
                </button>
              ) : label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        <Gap height={before} />
        {virtual.getVirtualItems().map(({ index, key }) => {
          const item = items[index];
          if (!item) return null;
          return item.type === "group" ? (
            <tr key={key} className="h-8 bg-sunken">
              <th colSpan={ALWAYS} scope="rowgroup" className="px-4 text-start text-xs font-semibold text-dim">
                <GroupLabel>{item.label}</GroupLabel> <span className="ms-1 font-normal text-faint">{item.count}</span>
              </th>
              {columns.slice(ALWAYS).map(({ label, hide }) => <td key={label} className={hide} />)}
            </tr>
          ) : (
            <TableRow key={key} id={item.id} index={index + 2} isActive={item.id === active} onActive={onActive} onOpen={onOpen} onPeek={onPeek} />
          );
        })}
        <Gap height={after} />
      </tbody>
    </table>
  );
}

function GroupLabel({ children }: { children: ReactNode }) {
  return <span dir="auto">{children}</span>;
}

function Gap({ height }: { height: number }) {
  return height ? <tr aria-hidden><td colSpan={ALWAYS} style={{ height }} /></tr> : null;
}

function List({ items, active, onActive, onOpen, onPeek, virtual }: Drawn) {
  const { before, after } = margins(virtual);
  return (
    <ul aria-label="Sessions" style={{ paddingBlock: `${before}px ${after}px` }}>
      {virtual.getVirtualItems().map(({ index, key }) => {
        const item = items[index];
        if (!item) return null;
        return item.type === "group" ? (
          <li key={key} className="flex h-8 items-center gap-1.5 border-b border-line bg-sunken px-4 text-xs font-semibold text-dim">
            <GroupLabel>{item.label}</GroupLabel> <span className="font-normal text-faint">{item.count}</span>
          </li>
        ) : (
          <Card key={key} id={item.id} index={index + 1} isActive={item.id === active} onActive={onActive} onOpen={onOpen} onPeek={onPeek} />
        );
      })}
    </ul>
  );
}
