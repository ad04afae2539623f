/** A look at a session beside the board, without leaving it. */

import { useQuery } from "@tanstack/react-query";
import { X } from "lucide-react";
import { Link } from "wouter";
import { api, withParams } from "../lib/api";
import { agentName, count, money, sessionPath, titleOf } from "../lib/format";
import { reasonPhrase, resumeCommand } from "../lib/reason";
import type { BlockPage } from "../lib/types";
import { Ago, ContextGauge, CopyButton, Failure, Loading, Since, Steps } from "../ui/parts";
import { StateMark } from "../ui/state";
import { useSession } from "./store";

const BLOCKS = 6;

export function Peek({ id, onClose }: { id: string; onClose: () => void }) {
  const session = useSession(id);
  const blocks = useQuery({
    queryKey: ["peek", id, session?.last_activity_at],
    queryFn: () => api<BlockPage>(withParams(`/api/v1/sessions/${encodeURIComponent(id)}/transcript`, { limit: BLOCKS })),
    placeholderData: (before, query) => (query?.queryKey[1] === id ? before : undefined),
  });
  if (!session) return null;
  const command = resumeCommand(session);
  return (
    <aside
      aria-label={`Peek: ${titleOf(session)}`} data-state={session.state}
      className="flex min-h-0 w-[400px] shrink-0 flex-col border-s border-line bg-raised max-lg:absolute max-lg:inset-y-0 max-lg:end-0 max-lg:z-20 max-lg:shadow-[var(--shadow)] max-md:w-full"
    >
      <header className="flex items-start gap-2 border-b border-line p-3">
        <div className="min-w-0 flex-1">
          <p className="text-sm"><StateMark state={session.state} liveness={session.liveness} /></p>
          <h2 className="text-base font-semibold break-words" dir="auto">{titleOf(session)}</h2>
          <p className="text-sm text-dim">{reasonPhrase(session.reason)} · <Since at={session.since} /></p>
        </div>
        <button type="button" className="button-quiet" onClick={onClose} aria-label="Close"><X size={16} aria-hidden /></button>
      </header>
      <div className="min-h-0 flex-1 overflow-y-auto p-3" tabIndex={0} role="region" aria-label="Details">
        {session.detail ? <p className="mb-3 rounded border border-line bg-sunken px-2 py-1 font-mono text-sm break-words" dir="auto">{session.detail}</p> : null}
        <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-sm">
          <Fact name="Project">{session.project}{session.branch ? ` · ${session.branch}` : ""}</Fact>
          <Fact name="Agent">{agentName(session.agent)} {session.model ? `· ${session.model}` : ""}</Fact>
          {session.host ? <Fact name="Host">{session.host}</Fact> : null}
          <Fact name="Context"><ContextGauge session={session} wide /></Fact>
          <Fact name="Cost">{money(session.cost_usd)} · {count(session.usage.total_tokens)} tokens</Fact>
          {session.progress ? <Fact name="Steps"><Steps progress={session.progress} /></Fact> : null}
          <Fact name="Last sign"><Ago at={session.last_activity_at} /></Fact>
        </dl>
        <h3 className="mt-4 mb-1 text-xs font-semibold text-faint">Latest</h3>
        {blocks.error ? <Failure error={blocks.error} /> : null}
        {blocks.isPending ? <Loading lines={4} /> : null}
        <ol className="flex flex-col gap-1.5">
          {blocks.data?.blocks.map((block) => (
            <li key={block.id} className="min-w-0 rounded border border-line px-2 py-1 text-sm">
              <span className="text-xs text-faint">{block.tool?.name ?? block.kind.replaceAll("_", " ")}</span>
              <p className={`line-clamp-4 break-words ${block.tool ? "font-mono text-xs" : ""}`} dir="auto">
                {block.tool ? (block.tool.title ?? block.text) : block.text}
              </p>
            </li>
          ))}
        </ol>
      </div>
      <footer className="flex items-center gap-2 border-t border-line p-2">
        <Link href={sessionPath(id)} className="button button-primary">Open</Link>
        <Link href={`${sessionPath(id)}?tab=why`} className="button">Why?</Link>
        {command ? <CopyButton text={command} label="Copy the command that resumes it">Resume command</CopyButton> : null}
      </footer>
    </aside>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <>
      <dt className="text-faint">{name}</dt>
      <dd className="min-w-0 truncate" dir="auto">{children}</dd>
    </>
  );
}
