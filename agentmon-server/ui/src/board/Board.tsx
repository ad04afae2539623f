/** The first screen: who needs me, what is running, what it costs. */

import { useQuery } from "@tanstack/react-query";
import { ArrowDownUp } from "lucide-react";
import { useCallback, useMemo, useRef, useState } from "react";
import { useLocation } from "wouter";
import { api } from "../lib/api";
import { sessionPath } from "../lib/format";
import { useKeys } from "../lib/keys";
import { useIsNarrow } from "../lib/media";
import { listOf, oneOf, toggled, useParams } from "../lib/params";
import { resumeCommand } from "../lib/reason";
import { GROUPS, type Group, type Source } from "../lib/types";
import { Empty, Failure, Loading } from "../ui/parts";
import { RANGES } from "../app/useBoardTopic";
import { Attention } from "./Attention";
import { FilterBar } from "./FilterBar";
import { Peek } from "./Peek";
import { StatusStrip } from "./StatusStrip";
import { useBoard } from "./store";
import { Table, type TableHandle } from "./Table";
import { useView } from "./useView";
import { BY, SORTS, type BoardFilters } from "./view";

export default function Board() {
  const [params, change] = useParams();
  const [, navigate] = useLocation();
  const isNarrow = useIsNarrow();
  const filters = useMemo<BoardFilters>(
    () => ({
      show: listOf(params, "show").filter((word): word is Group => GROUPS.some((group) => group === word)),
      agents: listOf(params, "agent"),
      projects: params.get("project") ? [params.get("project") ?? ""] : [],
      models: listOf(params, "model"),
      hosts: listOf(params, "host"),
      text: params.get("q") ?? "",
      by: oneOf(params, "by", BY) ?? "state",
      sort: oneOf(params, "sort", SORTS),
    }),
    [params],
  );
  const [hasPointer, setPointer] = useState(false);
  const [hasFocus, setFocus] = useState(false);
  const { view, pending, takeIn } = useView(filters, hasPointer || hasFocus);
  const isLoaded = useBoard((state) => state.isLoaded);
  const error = useBoard((state) => state.error);
  const [active, setActive] = useState<string | null>(null);
  const [peek, setPeek] = useState<string | null>(null);
  // State, not a reference: the table within it is there before a reference would be set, and must hear of it.
  const [scroller, setScroller] = useState<HTMLDivElement | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const table = useRef<TableHandle>(null);

  const order = useMemo(
    () => [...view.attention, ...view.items.flatMap((item) => (item.type === "row" ? [item.id] : []))],
    [view],
  );
  const focus = useCallback((id: string) => {
    setActive(id);
    const find = () => scroller?.querySelector<HTMLElement>(`[data-row="${CSS.escape(id)}"]`);
    const element = find();
    if (element) {
      element.focus();
      element.scrollIntoView({ block: "nearest" });
      return;
    }
    table.current?.reveal(id);
    // The row exists after the next frame.
    requestAnimationFrame(() => requestAnimationFrame(() => find()?.focus()));
  }, [scroller]);
  const move = (step: number) => {
    const at = active === null ? -1 : order.indexOf(active);
    const next = order[Math.max(0, Math.min(order.length - 1, at < 0 ? (step > 0 ? 0 : order.length - 1) : at + step))];
    if (!next) return;
    focus(next);
    if (peek) setPeek(next);
  };
  const open = useCallback((id: string) => navigate(sessionPath(id)), [navigate]);

  useKeys({
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Enter: () => (active ? open(active) : false),
    Space: () => (active ? setPeek(peek === active ? null : active) : false),
    Escape: () => {
      if (peek) setPeek(null);
      else if (active) {
        setActive(null);
        if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
      } else return false;
      return undefined;
    },
    f: () => field.current?.focus(),
    u: () => takeIn(),
    y: () => {
      const session = active ? useBoard.getState().sessions.get(active) : undefined;
      const command = session ? resumeCommand(session) : null;
      if (!command) return false;
      void navigator.clipboard.writeText(command);
      return undefined;
    },
  });

  return (
    <>
      <h1 className="sr-only">Board</h1>
      <StatusStrip show={filters.show} onToggle={(group) => change({ show: toggled(filters.show, group) })} />
      <FilterBar filters={filters} range={oneOf(params, "since", RANGES) ?? "24h"} change={change} field={field} />
      {error ? <Failure error={new Error(error)} /> : null}
      <div className="relative flex min-h-0 flex-1">
        <div
          ref={setScroller} className="@container relative min-w-0 flex-1 overflow-y-auto outline-none [overflow-anchor:none]" data-scroller
          onPointerEnter={(event) => setPointer(event.pointerType === "mouse")} onPointerLeave={() => setPointer(false)}
          onFocus={() => setFocus(true)}
          onBlur={(event) => setFocus(event.relatedTarget instanceof Node && event.currentTarget.contains(event.relatedTarget))}
        >
          {pending ? (
            <div className="pointer-events-none sticky top-9 z-20 flex h-0 justify-center">
              <button type="button" onClick={takeIn} className="button pointer-events-auto h-7 border-accent text-accent shadow-[var(--shadow)]">
                <ArrowDownUp size={13} aria-hidden /> {pending} changed
              </button>
            </div>
          ) : null}
          {!isLoaded ? <Loading lines={10} /> : null}
          {isLoaded && !order.length ? <NoSessions isFiltered={[...params.keys()].some((name) => name !== "by" && name !== "sort")} onClear={() => navigate("/")} /> : null}
          <Attention ids={view.attention} active={active} onActive={setActive} onPeek={setPeek} />
          {view.items.length ? (
            <Table
              key={isNarrow ? "list" : "table"} items={view.items} rows={view.rows} sort={filters.sort} isNarrow={isNarrow} active={active ?? view.attention[0] ?? null}
              onActive={setActive} onOpen={open} onPeek={setPeek} scroller={scroller} handle={table}
              onSort={(sort) => change({ sort: filters.sort === sort ? null : sort })}
            />
          ) : null}
        </div>
        {peek ? <Peek id={peek} onClose={() => setPeek(null)} /> : null}
      </div>
    </>
  );
}

/** Nothing to show: why, and what to do. */
function NoSessions({ isFiltered, onClear }: { isFiltered: boolean; onClear: () => void }) {
  const sources = useQuery({
    queryKey: ["sources"],
    queryFn: () => api<{ sources: Source[] }>("/api/v1/sources"),
    enabled: !isFiltered,
  });
  const total = sources.data?.sources.reduce((sum, source) => sum + source.sessions, 0) ?? 0;
  if (isFiltered) {
    return (
      <Empty title="No session matches">
        <p><button type="button" className="button" onClick={onClear}>Clear the filters</button></p>
      </Empty>
    );
  }
  if (total) {
    return <Empty title="Nothing in the last 24 hours"><p>{total} older sessions are known: look back further with 7d, 30d or All.</p></Empty>;
  }
  return (
    <Empty title="No sessions found">
      <p>Start an agent and it appears here at once. To see made-up agents at work, run <code className="font-mono">agentmon --demo serve</code>.</p>
      <p>With hooks, agents tell at once when they need you: <code className="font-mono">agentmon hooks install</code>.</p>
      {sources.data ? <Looked sources={sources.data.sources} /> : null}
    </Empty>
  );
}

/** Folders that are told at first. */
const FOLDERS = 6;

/** Where sessions were looked for: folders that are there first. */
function Looked({ sources }: { sources: readonly Source[] }) {
  const byRoot = new Map(sources.map((source) => [source.root, source]));
  const all = [...byRoot.values()].sort((a, b) => Number(a.state === "missing") - Number(b.state === "missing"));
  const list = (some: readonly Source[]) => (
    <ul className="w-fit max-w-full text-start font-mono text-sm">
      {some.map((source) => (
        <li key={source.root} className="break-words">{source.root} <span className="text-faint">({source.state === "missing" ? "missing" : `${source.files} files`})</span></li>
      ))}
    </ul>
  );
  return (
    <div className="mt-4 flex flex-col items-center gap-1">
      <p>Looked in</p>
      {list(all.slice(0, FOLDERS))}
      {all.length > FOLDERS ? (
        <details className="flex flex-col items-center text-center">
          <summary className="link cursor-pointer">and {all.length - FOLDERS} more folders</summary>
          {list(all.slice(FOLDERS))}
        </details>
      ) : null}
    </div>
  );
}
