/** What happened, of all sessions, as it happens; and the alerts that were raised. */

import { useVirtualizer } from "@tanstack/react-virtual";
import { useQuery } from "@tanstack/react-query";
import { Pause, Play } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Link } from "wouter";
import { useStore } from "zustand";
import { useBoard } from "../board/store";
import { api, withParams } from "../lib/api";
import { agentName, duration, money, sessionPath, titleOf } from "../lib/format";
import { useKeys } from "../lib/keys";
import { useIsNarrow } from "../lib/media";
import { oneOf, useParams } from "../lib/params";
import type { AgentEvent, Filters } from "../lib/types";
import { useTopic } from "../live/live";
import { eventText, KindIcon, kindName, KINDS } from "../ui/events";
import { At, Choice, Empty, Failure, Loading, Select } from "../ui/parts";
import { Alerts } from "./Alerts";
import { createFeed } from "./store";

const VIEWS = ["events", "alerts"] as const;
const STATUSES = ["success", "error", "timeout"] as const;

export default function Activity() {
  const [params, change] = useParams();
  const view = oneOf(params, "view", VIEWS) ?? "events";
  const filters = useMemo(
    () => ({ kind: params.get("kind"), agent: params.get("agent"), project: params.get("project"), tool: params.get("tool"), status: params.get("status") }),
    [params],
  );
  const key = withParams("events", filters);
  return (
    <>
      <div className="flex shrink-0 flex-wrap items-center gap-2 border-b border-line px-4 py-1.5 max-md:flex-nowrap max-md:overflow-x-auto max-md:px-3 [&>*]:shrink-0">
        <h1 className="sr-only">Activity</h1>
        <Choice label="What to show" value={view} onChange={(value) => change({ view: value === "events" ? null : value })} options={[{ value: "events", label: "Events" }, { value: "alerts", label: "Alerts" }]} />
        {view === "events" ? <Filter params={params} change={change} /> : null}
      </div>
      {view === "events" ? <Feed key={key} topic={key} filters={filters} /> : <Alerts />}
    </>
  );
}

function Filter({ params, change }: { params: URLSearchParams; change: (changes: Record<string, string | null>) => void }) {
  const words = useQuery({ queryKey: ["filters"], queryFn: () => api<Filters>("/api/v1/filters"), staleTime: 60_000 });
  const options = (list: readonly string[] | undefined, name = (word: string) => word) =>
    (list ?? []).map((value) => ({ value, label: name(value) }));
  return (
    <>
      <Select label="Kind" all="All kinds" value={params.get("kind") ?? ""} options={options(KINDS, kindName)} onChange={(kind) => change({ kind })} />
      <Select label="Agent" all="All agents" value={params.get("agent") ?? ""} options={options(words.data?.agents, agentName)} onChange={(agent) => change({ agent })} />
      <Select label="Project" all="All projects" value={params.get("project") ?? ""} options={options(words.data?.projects)} onChange={(project) => change({ project })} />
      <Select label="Tool" all="All tools" value={params.get("tool") ?? ""} options={options(words.data?.tools)} onChange={(tool) => change({ tool })} />
      <Select label="Outcome" all="All outcomes" value={params.get("status") ?? ""} options={options(STATUSES)} onChange={(status) => change({ status })} />
    </>
  );
}

const ROW = 32;
const CARD = 52;

function Feed({ topic, filters }: { topic: string; filters: Record<string, string | null> }) {
  const [{ store, listener, actions }] = useState(() => createFeed(filters));
  useTopic(topic, listener);
  const state = useStore(store);
  const isNarrow = useIsNarrow();
  const scroller = useRef<HTMLDivElement>(null);
  const { events } = state;
  const keyOf = useCallback((index: number) => events[index]?.id ?? index, [events]);
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtual = useVirtualizer({
    count: events.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (isNarrow ? CARD : ROW),
    getItemKey: keyOf,
    overscan: 12,
  });
  const shown = virtual.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (events.length && last > events.length - 20) void actions.older();
  }, [actions, events.length, last]);
  useKeys({ p: () => actions.hold(!store.getState().isHeld) });
  return (
    <>
      <div className="flex shrink-0 items-center gap-3 border-b border-line px-4 py-1 text-sm text-dim">
        <button type="button" className="button" aria-pressed={state.isHeld} onClick={() => actions.hold(!state.isHeld)}>
          {state.isHeld ? <Play size={13} aria-hidden /> : <Pause size={13} aria-hidden />}
          {state.isHeld ? "Go on" : "Pause"}
        </button>
        {state.isHeld ? <span className="text-needs">{state.waiting.length} new while paused</span> : <span>The newest first, as it happens</span>}
        {state.skipped ? <span className="text-faint">{state.skipped} came too fast to be shown</span> : null}
      </div>
      {state.error ? <Failure error={new Error(state.error)} retry={() => window.location.reload()} /> : null}
      {!state.isLoaded ? <Loading lines={10} /> : null}
      {state.isLoaded && !events.length ? <Empty title="Nothing like this happened"><p>What agents do appears here at once.</p></Empty> : null}
      <div
        ref={scroller} data-scroller className="min-h-0 flex-1 overflow-y-auto [overflow-anchor:none]" tabIndex={0} role="region" aria-label="Events"
        // Who reads further down does not want the list to move.
        onScroll={(event) => { if (event.currentTarget.scrollTop > 200 && !store.getState().isHeld) actions.hold(true); }}
      >
        <ol className="relative" style={{ height: virtual.getTotalSize() }}>
          {shown.map((item) => {
            const event = events[item.index];
            return event ? (
              <li key={item.key} className="absolute inset-x-0 top-0 border-b border-line/60" style={{ height: item.size, transform: `translateY(${item.start}px)` }}>
                <Row event={event} isNarrow={isNarrow} />
              </li>
            ) : null;
          })}
        </ol>
      </div>
    </>
  );
}

function Row({ event, isNarrow }: { event: AgentEvent; isNarrow: boolean }) {
  const title = useBoard(({ sessions }) => {
    const session = sessions.get(event.session);
    if (session) return titleOf(session);
    // Subagents are told as a part of the session that their ids begin with.
    const parent = sessions.get(event.session.slice(0, Math.max(0, event.session.lastIndexOf("/"))));
    return parent ? `${titleOf(parent)} › subagent` : event.native_id.slice(0, 13);
  });
  const text = eventText(event) || kindName(event.kind);
  const href = `${sessionPath(event.session)}?at=${event.id}`;
  if (isNarrow) {
    return (
      <div className="flex h-full min-w-0 flex-col justify-center px-3">
        <p className="flex min-w-0 items-center gap-2 text-sm">
          <KindIcon kind={event.kind} status={event.status} />
          <span className="shrink-0">{event.tool ?? kindName(event.kind)}</span>
          <span className="min-w-0 truncate text-faint" dir="auto">{title}</span>
          <span className="ms-auto shrink-0 text-xs text-faint"><At at={event.at} /></span>
        </p>
        <Link href={href} className="min-w-0 truncate text-sm text-dim" dir="auto">{text}</Link>
      </div>
    );
  }
  return (
    <div className="flex h-full min-w-0 items-center gap-2.5 px-4 hover:bg-hover">
      <span className="w-16 shrink-0 text-xs text-faint"><At at={event.at} /></span>
      <KindIcon kind={event.kind} status={event.status} />
      <span className="w-28 shrink-0 truncate text-sm">{event.tool ?? kindName(event.kind)}</span>
      <Link href={sessionPath(event.session)} className="w-52 shrink-0 truncate text-sm hover:underline" dir="auto">{title}</Link>
      <Link href={href} className="min-w-0 flex-1 truncate text-sm text-dim hover:underline" dir="auto">{text}</Link>
      {event.duration_ms !== null ? <span className="shrink-0 text-xs text-faint">{duration(event.duration_ms)}</span> : null}
      <span className="w-24 shrink-0 truncate text-end text-xs text-faint">{agentName(event.agent)}</span>
      <span className="w-14 shrink-0 text-end text-xs text-faint">{event.cost_usd === null ? "" : money(event.cost_usd)}</span>
    </div>
  );
}
