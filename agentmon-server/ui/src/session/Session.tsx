/** One session: what it does and why, what was said, what happened, what it cost. */

import { ArrowLeft, CornerUpLeft, GitBranch } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { Link, useLocation } from "wouter";
import { useStore } from "zustand";
import { byUrgency } from "../board/view";
import { useBoard, useHasHosts } from "../board/store";
import { agentName, count, money, sessionPath, titleOf, whole } from "../lib/format";
import { useKeys } from "../lib/keys";
import { oneOf, useParams } from "../lib/params";
import { reasonPhrase, resumeCommand } from "../lib/reason";
import type { Session as SessionData } from "../lib/types";
import { useTopic } from "../live/live";
import { Ago, ContextGauge, CopyButton, Empty, Failure, Loading, Since, Steps } from "../ui/parts";
import { StateMark } from "../ui/state";
import { ChatLink } from "./ChatLink";
import { SessionId } from "./Images";
import { createSession, type SessionHandle } from "./store";
import { TranscriptView } from "./TranscriptView";

const Events = lazy(() => import("./Events"));
const Artifacts = lazy(() => import("./Artifacts"));
const Logs = lazy(() => import("./Logs"));
const CostTab = lazy(() => import("./CostTab"));
const Why = lazy(() => import("./Why"));

const TABS = ["transcript", "events", "artifacts", "cost", "logs", "why"] as const;
type Tab = (typeof TABS)[number];
const LABELS: Record<Tab, string> = { transcript: "Transcript", events: "Events", artifacts: "Artifacts", cost: "Cost", logs: "Logs", why: "Why" };

export default function Session({ id }: { id: string }) {
  const [params, change] = useParams();
  const [, navigate] = useLocation();
  const tab = oneOf(params, "tab", TABS) ?? "transcript";
  const place = Number(params.get("at"));
  const [handle] = useState(() => createSession(id, place ? { around: place } : "last"));
  useTopic(`session:${encodeURIComponent(id)}`, handle.listener);
  const told = useStore(handle.store, (state) => state.session);
  // What the board knows is shown until the session's own topic answers.
  const onBoard = useBoard((state) => state.sessions.get(id));
  const session = told ?? onBoard;
  const error = useStore(handle.store, (state) => state.error);
  const go = (next: Tab) => change({ tab: next === "transcript" ? null : next, at: null });

  useKeys({
    1: () => go("transcript"),
    2: () => go("events"),
    3: () => go("artifacts"),
    4: () => go("cost"),
    5: () => go("logs"),
    6: () => go("why"),
    "[": () => besides(id, -1, navigate),
    "]": () => besides(id, 1, navigate),
    y: () => {
      const command = session ? resumeCommand(session) : null;
      if (!command) return false;
      void navigator.clipboard.writeText(command);
      return undefined;
    },
  });
  if (error && !told) {
    return error.code === "not_found" ? (
      <Empty title="There is no such session">
        <p>Its files may have been deleted, or the address is not complete. <Link href="/" className="link">To the board</Link></p>
      </Empty>
    ) : (
      <Failure error={new Error(error.message)} retry={() => window.location.reload()} />
    );
  }
  if (!session) return <Loading lines={8} />;
  return (
    <>
      <Header session={session} />
      <div role="tablist" aria-label="Parts of the session" className="flex shrink-0 gap-1 overflow-x-auto border-b border-line px-3">
        {TABS.map((name) => (
          <button
            key={name} type="button" role="tab" id={`tab-${name}`} aria-selected={name === tab} aria-controls="panel" tabIndex={name === tab ? 0 : -1}
            onClick={() => go(name)}
            onKeyDown={(event) => {
              const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
              if (!step) return;
              const next = TABS[(TABS.indexOf(tab) + step + TABS.length) % TABS.length] ?? "transcript";
              go(next);
              document.getElementById(`tab-${next}`)?.focus();
            }}
            className="-mb-px border-b-2 border-transparent px-3 py-1.5 text-dim hover:text-text aria-selected:border-accent aria-selected:font-medium aria-selected:text-text pointer-coarse:py-2.5"
          >
            {LABELS[name]}
          </button>
        ))}
      </div>
      <div role="tabpanel" id="panel" aria-labelledby={`tab-${tab}`} className="flex min-h-0 flex-1 flex-col">
        <Suspense fallback={<Loading />}>
          <Panel tab={tab} handle={handle} session={session} />
        </Suspense>
      </div>
    </>
  );
}

function Panel({ tab, handle, session }: { tab: Tab; handle: SessionHandle; session: SessionData }) {
  const [params] = useParams();
  const at = Number(params.get("at")) || null;
  switch (tab) {
    case "transcript": return <SessionId value={session.id}><TranscriptView handle={handle} session={session} at={at} /></SessionId>;
    case "events": return <Events handle={handle} session={session} />;
    case "artifacts": return <Artifacts handle={handle} session={session} />;
    case "logs": return <Logs handle={handle} session={session} />;
    case "cost": return <CostTab session={session} />;
    case "why": return <Why session={session} />;
  }
}

/** To the session before or after in the board's order. */
function besides(id: string, step: number, navigate: (path: string) => void): void {
  const order = [...useBoard.getState().sessions.values()].sort(byUrgency);
  const at = order.findIndex((session) => session.id === id);
  const next = order[at + step];
  if (at >= 0 && next) navigate(sessionPath(next.id));
}

function Header({ session }: { session: SessionData }) {
  const hasHosts = useHasHosts();
  const command = resumeCommand(session);
  return (
    <header data-state={session.state} className="shrink-0 border-b border-line bg-raised px-4 py-2.5 max-md:px-3">
      <div className="flex min-w-0 items-start gap-2">
        <Link href="/" className="button-quiet -ms-2 max-md:hidden" aria-label="To the board"><ArrowLeft size={16} aria-hidden /></Link>
        <div className="min-w-0 flex-1">
          <div className="flex min-w-0 items-center gap-3">
            <h1 className="min-w-0 truncate text-lg font-semibold" dir="auto" title={titleOf(session)}>{titleOf(session)}</h1>
          </div>
          <p className="flex min-w-0 flex-wrap items-center gap-x-2">
            <StateMark state={session.state} liveness={session.liveness} />
            <Link href={`${sessionPath(session.id)}?tab=why`} className="text-dim hover:underline" title="Why is it believed to be in this state?">
              {reasonPhrase(session.reason)}
            </Link>
            <span className="text-dim">for <Since at={session.since} /></span>
            {session.progress ? <Steps progress={session.progress} /> : null}
          </p>
        </div>
        <div className="flex shrink-0 items-center gap-1">
          {session.parent_id ? (
            <Link href={sessionPath(session.parent_id)} className="button"><CornerUpLeft size={14} aria-hidden /> Parent</Link>
          ) : null}
          {session.agent === "openclaw" ? <ChatLink session={session} /> : null}
          {command ? <CopyButton text={command} label="Copy the command that resumes it"><span className="max-md:sr-only">Resume command</span></CopyButton> : null}
        </div>
      </div>
      {session.detail ? (
        <p className="mt-1.5 line-clamp-3 rounded border border-[var(--state)]/40 bg-sunken px-2 py-1 font-mono text-sm break-words md:ms-8" dir="auto">{session.detail}</p>
      ) : null}
      <dl className="mt-1.5 flex flex-wrap items-center gap-x-4 gap-y-0.5 text-sm text-dim md:ms-8">
        {session.project ? (
          <Fact name="Project">
            <span dir="auto" title={session.project_path ?? undefined}>{session.project}</span>
            {session.branch ? <span className="text-faint"> <GitBranch size={12} aria-hidden className="inline" /> <span dir="auto">{session.branch}</span></span> : null}
          </Fact>
        ) : null}
        <Fact name="Agent">{agentName(session.agent)}{session.version ? <span className="text-faint"> {session.version}</span> : null}</Fact>
        {session.host && hasHosts ? <Fact name="Host"><span className="text-faint">on </span><span dir="auto">{session.host}</span></Fact> : null}
        {session.model ? <Fact name="Model">{session.model}</Fact> : null}
        <Fact name="Context"><span className="text-faint">context </span><ContextGauge session={session} wide /></Fact>
        <Fact name="Cost">
          <strong className="font-semibold text-text">{session.usage.unpriced_requests && session.cost_usd === null ? "unpriced" : money(session.cost_usd)}</strong>
          <span className="text-faint" title={`${whole(session.usage.total_tokens)} tokens`}> {count(session.usage.total_tokens)} tokens</span>
        </Fact>
        {session.pid ? <Fact name="Process"><span className="text-faint">pid </span>{session.pid}</Fact> : null}
        <Fact name="Last sign"><span className="text-faint">active </span><Ago at={session.last_activity_at} /></Fact>
      </dl>
    </header>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div className="flex min-w-0 items-center">
      <dt className="sr-only">{name}</dt>
      <dd className="min-w-0 truncate" title={name}>{children}</dd>
    </div>
  );
}
