/** A session's log for operators: raw lines with levels, the newest first, followed as they come. All text is hostile: it is text. */

import { useVirtualizer } from "@tanstack/react-virtual";
import { Bug, ChevronRight, CircleX, Download, Info, TriangleAlert, type LucideIcon } from "lucide-react";
import { memo, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Link } from "wouter";
import { useStore } from "zustand";
import { download } from "../lib/csv";
import { duration, full, sessionPath, titleOf, whole } from "../lib/format";
import { useKeys } from "../lib/keys";
import { listOf, toggled, useParams } from "../lib/params";
import { useRefresh } from "../lib/refresh";
import { LEVELS, type Level, type LogLine, type Session } from "../lib/types";
import { CopyButton, Empty, Failure, Loading, Select } from "../ui/parts";
import { asText, createLog, everything, FORMATS, written, type Format } from "./logs";
import type { SessionHandle } from "./store";

const LOOK: Record<Level, { icon: LucideIcon; colour: string }> = {
  error: { icon: CircleX, colour: "var(--failed)" },
  warn: { icon: TriangleAlert, colour: "var(--needs_input)" },
  info: { icon: Info, colour: "var(--accent)" },
  debug: { icon: Bug, colour: "var(--faint)" },
};

const ROW = 26;
const CARD = 44;
/** How far down somebody reads on, in pixels, and does not want the list to move. */
const AWAY = 120;

export default function Logs({ handle, session }: { handle: SessionHandle; session: Session }) {
  const children = useStore(handle.store, (state) => state.children);
  const [params, change] = useParams();
  const levels = listOf(params, "level").filter((word): word is Level => LEVELS.some((level) => level === word));
  const contains = params.get("q") ?? "";
  const of = children.find(({ id }) => id === params.get("of")) ?? session;
  const filters = { level: levels.join(","), contains };
  const field = useRef<HTMLInputElement>(null);
  useKeys({ f: () => field.current?.focus() });
  return (
    <>
      <div className="flex shrink-0 flex-wrap items-center gap-2 border-b border-line px-4 py-1.5 max-md:px-3">
        <div role="group" aria-label="Levels" className="inline-flex rounded-md border border-strong bg-raised p-0.5">
          {LEVELS.map((level) => {
            const { icon: Icon, colour } = LOOK[level];
            return (
              <button
                key={level} type="button" aria-pressed={levels.includes(level)} onClick={() => change({ level: toggled(levels, level) })}
                className="flex min-h-6 items-center gap-1 rounded px-2 text-sm text-dim hover:text-text aria-pressed:bg-hover aria-pressed:font-medium aria-pressed:text-text pointer-coarse:min-h-9"
              >
                <Icon size={13} aria-hidden style={{ color: colour }} />{level}
              </button>
            );
          })}
        </div>
        <TextFilter key={contains} value={contains} field={field} onChange={(q) => change({ q })} />
        {children.length ? (
          <Select
            label="Of" all="The session itself" value={of === session ? "" : of.id} onChange={(id) => change({ of: id })}
            options={children.map((child) => ({ value: child.id, label: titleOf(child) }))}
          />
        ) : null}
        <Downloads session={of} filters={filters} />
      </div>
      <List key={`${of.id} ${filters.level} ${contains}`} session={of} filters={filters} isFiltered={levels.length > 0 || contains !== ""} />
    </>
  );
}

function TextFilter({ value, field, onChange }: { value: string; field: React.RefObject<HTMLInputElement | null>; onChange: (text: string | null) => void }) {
  const [text, setText] = useState(value);
  return (
    <form role="search" onSubmit={(event) => { event.preventDefault(); onChange(text.trim() || null); }} className="min-w-40 flex-1 md:max-w-80">
      <input
        ref={field} type="search" className="field w-full" aria-label="Text that lines contain" placeholder="Contains… (Enter)" value={text} maxLength={200}
        onChange={(event) => {
          setText(event.target.value);
          if (!event.target.value) onChange(null);
        }}
        onBlur={() => { if (text.trim() !== value) onChange(text.trim() || null); }}
      />
    </form>
  );
}

function Downloads({ session, filters }: { session: Session; filters: Record<string, string> }) {
  const [state, setState] = useState<"ready" | "busy" | { failed: string }>("ready");
  const save = async (format: Format) => {
    setState("busy");
    try {
      const lines = await everything(session.id, filters);
      const name = session.native_id.replaceAll(/[^A-Za-z0-9._-]+/g, "-").slice(0, 60);
      download(`${name}.${format === "text" ? "log" : format}`, written(lines, format), FORMATS[format]);
      setState("ready");
    } catch (error) {
      setState({ failed: error instanceof Error ? error.message : String(error) });
    }
  };
  return (
    <span className="ms-auto flex items-center gap-1 max-md:ms-0">
      {typeof state === "object" ? <span role="alert" className="text-sm text-failed">{state.failed}</span> : null}
      {(["ndjson", "text"] as const).map((format) => (
        <button key={format} type="button" className="button-quiet" disabled={state === "busy"} onClick={() => void save(format)} title="All lines that match, the newest 50,000 at most">
          <Download size={14} aria-hidden /> {format === "text" ? "Text" : "NDJSON"}<span className="sr-only"> of the log</span>
        </button>
      ))}
    </span>
  );
}

function List({ session, filters, isFiltered }: { session: Session; filters: Record<string, string>; isFiltered: boolean }) {
  const [{ store, actions }] = useState(() => createLog(session.id, filters));
  const state = useStore(store);
  const { lines } = state;
  const scroller = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  useEffect(() => void actions.newest(), [actions]);
  useRefresh(session.last_activity_at, () => void actions.newest());
  const keyOf = useCallback((index: number) => lines[index]?.id ?? index, [lines]);
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (window.innerWidth < 768 ? CARD : ROW),
    getItemKey: keyOf,
    overscan: 12,
    paddingEnd: 16,
  });
  const shown = virtual.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (lines.length && last > lines.length - 30) actions.older();
  }, [actions, lines.length, last]);
  const toggle = useCallback((id: number) => {
    setOpen((before) => {
      const next = new Set(before);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  }, []);
  const toTop = () => {
    actions.hold(false);
    virtual.scrollToOffset(0);
  };
  useKeys({ G: toTop });
  return (
    <>
      <div className="flex min-h-8 shrink-0 items-center gap-3 border-b border-line px-4 text-sm text-dim max-md:px-3">
        <span>{state.isLoaded ? `${whole(lines.length)}${state.next === null ? "" : "+"} ${lines.length === 1 ? "line" : "lines"}, the newest first` : "\u00a0"}</span>
        {state.isHeld ? (
          <button type="button" className="button" onClick={toTop}>{state.waiting.length ? `${whole(state.waiting.length)} new` : "Back to the newest"}</button>
        ) : null}
      </div>
      {state.error ? <Failure error={state.error} retry={() => void actions.newest()} /> : null}
      {!state.isLoaded && !state.error ? <Loading lines={10} /> : null}
      {state.isLoaded && !lines.length ? (
        isFiltered ? <Empty title="No line matches" /> : <Empty title="The log is empty"><p>What the agent does appears here at once.</p></Empty>
      ) : null}
      <div
        ref={scroller} data-scroller tabIndex={0} role="region" aria-label="Log" className="min-h-0 flex-1 overflow-y-auto [overflow-anchor:none]"
        onScroll={(event) => {
          const isAway = event.currentTarget.scrollTop > AWAY;
          if (isAway !== store.getState().isHeld) actions.hold(isAway);
        }}
      >
        <ol className="relative w-full" style={{ height: virtual.getTotalSize() }}>
          {shown.map((item) => {
            const line = lines[item.index];
            return line ? (
              <li
                key={item.key} ref={virtual.measureElement} data-index={item.index} data-level={line.level}
                className="absolute inset-x-0 top-0 border-b border-line/50" style={{ transform: `translateY(${item.start}px)` }}
              >
                <Row line={line} session={session.id} isOpen={open.has(line.id)} onToggle={toggle} />
              </li>
            ) : null;
          })}
        </ol>
      </div>
    </>
  );
}

/** Local time to the millisecond; the day where it is not today. */
function stamp(at: string): string {
  const date = new Date(at);
  const time = `${date.toLocaleTimeString(undefined, { hour12: false })}.${String(date.getMilliseconds()).padStart(3, "0")}`;
  return date.toDateString() === new Date().toDateString() ? time : `${date.toLocaleDateString(undefined, { month: "short", day: "numeric" })} ${time}`;
}

const Row = memo(function Row({ line, session, isOpen, onToggle }: { line: LogLine; session: string; isOpen: boolean; onToggle: (id: number) => void }) {
  const { icon: Icon, colour } = LOOK[line.level];
  const first = useMemo(() => /\S.*/.exec(line.text)?.[0] ?? "", [line.text]);
  return (
    <div className="font-mono text-xs">
      <button
        type="button" aria-expanded={isOpen} onClick={() => onToggle(line.id)}
        className="flex min-h-[25px] w-full min-w-0 items-center gap-x-2.5 px-4 text-start hover:bg-hover max-md:min-h-[43px] max-md:flex-wrap max-md:px-3 max-md:py-1"
      >
        <ChevronRight size={12} aria-hidden className={`shrink-0 text-faint max-md:hidden ${isOpen ? "rotate-90" : ""}`} />
        <time dateTime={line.at} title={full(line.at)} className="w-40 shrink-0 truncate text-faint max-md:w-auto">{stamp(line.at)}</time>
        <span className="flex w-16 shrink-0 items-center gap-1 max-md:w-auto" style={{ color: colour }}><Icon size={12} aria-hidden />{line.level}</span>
        <span className="w-28 shrink-0 truncate text-dim max-md:w-auto">{line.kind}</span>
        <span className="w-28 shrink-0 truncate max-md:w-auto max-md:max-w-32">{line.tool ?? ""}</span>
        <span className="w-14 shrink-0 text-end text-faint max-md:ms-auto">{line.duration_ms === null ? "" : duration(line.duration_ms)}</span>
        <span className="min-w-0 flex-1 truncate text-dim max-md:basis-full" dir="auto">{first}</span>
      </button>
      {isOpen ? (
        <div className="mx-4 mb-2 ms-10 rounded border border-line bg-sunken max-md:mx-3">
          <div className="flex flex-wrap items-center gap-2 border-b border-line px-2 py-0.5 font-sans">
            <CopyButton text={asText(line)} label="Copy the line">Line</CopyButton>
            {line.text ? <CopyButton text={line.text} label="Copy the text">Text</CopyButton> : null}
            <Link href={`${sessionPath(session)}?at=${line.id}`} className="link text-sm">In the transcript</Link>
            {line.status === "success" ? null : <span className="text-sm text-failed">{line.status}</span>}
            {line.truncated ? <span className="text-xs text-needs">Cut here: the rest is in the agent&apos;s own file.</span> : null}
          </div>
          <pre className="max-h-96 overflow-auto px-2 py-1.5 break-words whitespace-pre-wrap" dir="auto" tabIndex={0} role="group" aria-label="Text of the line">{line.text || "(no text)"}</pre>
        </div>
      ) : null}
    </div>
  );
});
