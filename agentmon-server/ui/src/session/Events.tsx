/** What happened, with a lane for the session and each of its subagents, their tree, and a list. */

import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { Link } from "wouter";
import { useStore } from "zustand";
import { api, withParams } from "../lib/api";
import { clock, duration, money, sessionPath, titleOf } from "../lib/format";
import { useParams } from "../lib/params";
import { activity } from "../lib/reason";
import type { AgentEvent, Session } from "../lib/types";
import { At, Empty, Failure, Loading, Section, Select, Since } from "../ui/parts";
import { StateMark } from "../ui/state";
import { eventText, KindIcon, kindColour, kindName, KINDS } from "../ui/events";
import type { SessionHandle } from "./store";

const PAGE = 500;

export default function Events({ handle, session }: { handle: SessionHandle; session: Session }) {
  const children = useStore(handle.store, (state) => state.children);
  const ids = useMemo(() => [session.id, ...children.map((child) => child.id)], [session.id, children]);
  const [params, change] = useParams();
  const kind = params.get("kind") ?? "";
  const events = useInfiniteQuery({
    queryKey: ["session-events", ids, kind, session.last_activity_at],
    queryFn: ({ pageParam }) =>
      api<{ events: AgentEvent[]; next: string | null }>(
        withParams("/api/v1/events", { session: ids, limit: PAGE, after: pageParam, kind }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: (before) => before,
  });
  const all = useMemo(() => events.data?.pages.flatMap((page) => page.events) ?? [], [events.data]);
  const [chosen, setChosen] = useState<number | null>(null);
  const lanes = useMemo(() => [session, ...children], [session, children]);

  return (
    <div className="min-h-0 flex-1 overflow-y-auto" data-scroller tabIndex={0} role="region" aria-label="What happened">
      <div className="flex flex-col gap-3 p-4 max-md:p-2">
        {children.length ? <Subagents session={session} subagents={children} /> : null}
        {all.length ? <Lanes lanes={lanes} events={all} chosen={chosen} onChoose={setChosen} /> : null}
        <Section
          title="Events"
          aside={<Select label="Kind" all="All kinds" value={kind} options={KINDS.map((value) => ({ value, label: kindName(value) }))} onChange={(value) => change({ kind: value })} />}
        >
          {events.error ? <Failure error={events.error} retry={() => void events.refetch()} /> : null}
          {events.isPending ? <Loading /> : null}
          {!events.isPending && !all.length ? <Empty title="Nothing of this kind happened" /> : null}
          <ol>
            {all.map((event) => <EventRow key={event.id} event={event} lanes={lanes} isChosen={event.id === chosen} />)}
          </ol>
          {events.hasNextPage ? (
            <button type="button" className="button m-3" disabled={events.isFetchingNextPage} onClick={() => void events.fetchNextPage()}>Older events</button>
          ) : null}
        </Section>
      </div>
    </div>
  );
}

function EventRow({ event, lanes, isChosen }: { event: AgentEvent; lanes: readonly Session[]; isChosen: boolean }) {
  const lane = lanes.find(({ id }) => id === event.session);
  const isChild = lane !== undefined && lane !== lanes[0];
  return (
    <li id={`event-${event.id}`} className={`flex min-h-8 min-w-0 items-center gap-2.5 border-b border-line/60 px-4 py-1 last:border-b-0 max-md:flex-wrap ${isChosen ? "bg-accent/10" : ""}`}>
      <span className="w-16 shrink-0 text-xs text-faint"><At at={event.at} /></span>
      <KindIcon kind={event.kind} status={event.status} />
      <span className="w-28 shrink-0 truncate text-sm">{event.tool ?? kindName(event.kind)}</span>
      {isChild ? <span className="max-w-32 shrink-0 truncate rounded bg-hover px-1.5 text-xs text-dim" dir="auto">{titleOf(lane)}</span> : null}
      <Link href={`${sessionPath(event.session)}?at=${event.id}`} className="min-w-0 flex-1 truncate text-sm text-dim hover:underline max-md:order-last max-md:basis-full" dir="auto">
        {eventText(event) || kindName(event.kind)}
      </Link>
      {event.duration_ms !== null ? <span className="shrink-0 text-xs text-faint max-md:ms-auto">{duration(event.duration_ms)}</span> : null}
      {event.cost_usd !== null ? <span className="w-16 shrink-0 text-end text-xs text-faint max-md:ms-auto max-md:w-auto">{money(event.cost_usd)}</span> : null}
    </li>
  );
}

const LANE = 26;
const LABELS = 180;

/** A lane for each agent; a mark for each event. Marks lead to the list. */
function Lanes({ lanes, events, chosen, onChoose }: {
  lanes: readonly Session[]; events: readonly AgentEvent[]; chosen: number | null; onChoose: (id: number) => void;
}) {
  const times = events.map((event) => Date.parse(event.at));
  const from = Math.min(...times);
  const length = Math.max(1, Math.max(...times) - from);
  return (
    <Section title="Lanes" note={`${clock(new Date(from).toISOString(), from)} to ${clock(new Date(from + length).toISOString(), from)}`}>
      <div className="overflow-x-auto px-4 py-2" tabIndex={0} role="group" aria-label="Lanes">
        <div className="min-w-[560px]">
          {lanes.map((lane) => (
            <div key={lane.id} className="flex items-center" style={{ height: LANE }}>
              <span className="shrink-0 truncate pe-3 text-sm text-dim" style={{ width: LABELS }} dir="auto">{titleOf(lane)}</span>
              <svg
                className="h-full flex-1 overflow-visible" viewBox={`0 0 1000 ${LANE}`} preserveAspectRatio="none" role="img"
                aria-label={`${titleOf(lane)}: ${events.filter((event) => event.session === lane.id).length} events`}
              >
                <line x1="0" x2="1000" y1={LANE / 2} y2={LANE / 2} stroke="var(--line)" vectorEffect="non-scaling-stroke" />
                {events.map((event, index) =>
                  event.session === lane.id ? (
                    <line
                      key={event.id} x1={(((times[index] ?? from) - from) / length) * 1000} x2={(((times[index] ?? from) - from) / length) * 1000} y1={6} y2={LANE - 6}
                      stroke={kindColour(event.kind, event.status)} strokeWidth={event.id === chosen ? 5 : 2.5} vectorEffect="non-scaling-stroke"
                      className="cursor-pointer" onClick={() => {
                        onChoose(event.id);
                        document.getElementById(`event-${event.id}`)?.scrollIntoView({ block: "center" });
                      }}
                    >
                      <title>{`${kindName(event.kind)}${event.tool ? ` ${event.tool}` : ""}`}</title>
                    </line>
                  ) : null,
                )}
              </svg>
            </div>
          ))}
        </div>
      </div>
    </Section>
  );
}

/** The session's subagents, as the tree that they are. */
function Subagents({ session, subagents }: { session: Session; subagents: readonly Session[] }) {
  const of = (parent: string) => subagents.filter((child) => child.parent_id === parent);
  const orphans = subagents.filter((child) => child.parent_id !== session.id && !subagents.some(({ id }) => id === child.parent_id));
  return (
    <Section title="Subagents" note={`${subagents.length}`}>
      <ul className="py-1"><Branch sessions={[...of(session.id), ...orphans]} of={of} depth={0} /></ul>
    </Section>
  );
}

function Branch({ sessions, of, depth }: { sessions: readonly Session[]; of: (parent: string) => Session[]; depth: number }) {
  return sessions.map((child) => (
    <li key={child.id}>
      <div className="flex min-h-8 min-w-0 items-center gap-3 pe-4 text-sm" style={{ paddingInlineStart: 16 + depth * 20 }}>
        <span className="w-32 shrink-0"><StateMark state={child.state} liveness={child.liveness} /></span>
        <Link href={sessionPath(child.id)} className="min-w-0 shrink truncate hover:underline" dir="auto">{titleOf(child)}</Link>
        <span className="min-w-0 flex-1 truncate text-faint" dir="auto">{child.role ? `${child.role} · ` : ""}{activity(child)}</span>
        <span className="shrink-0 text-dim"><Since at={child.since} /></span>
        <span className="w-16 shrink-0 text-end">{money(child.cost_usd)}</span>
      </div>
      {depth < 8 && of(child.id).length ? <ul><Branch sessions={of(child.id)} of={of} depth={depth + 1} /></ul> : null}
    </li>
  ));
}
