/** One session in the table, and in the list of narrow screens. */

import { GitBranch } from "lucide-react";
import { memo } from "react";
import { Link } from "wouter";
import { agentName, count, money, sessionPath, titleOf, whole } from "../lib/format";
import { activity } from "../lib/reason";
import type { Session } from "../lib/types";
import { Ago, ContextGauge, Steps } from "../ui/parts";
import { StateMark } from "../ui/state";
import { useHasHosts, useSession } from "./store";
import { useTint } from "./useTint";

export const ROW = 36;
export const CARD = 66;

export interface RowProps {
  id: string;
  index: number;
  isActive: boolean;
  onActive: (id: string) => void;
  onOpen: (id: string) => void;
  onPeek: (id: string) => void;
}

/** From which width of the list on a column is shown. */
export const HIDE = {
  project: "@max-[880px]:hidden",
  host: "@max-[1160px]:hidden",
  agent: "@max-[780px]:hidden",
  model: "@max-[1360px]:hidden",
  modelBesideHost: "@max-[1600px]:hidden",
  tokens: "@max-[1060px]:hidden",
} as const;

const CELL = "truncate px-2";

export const TableRow = memo(function TableRow({ id, index, isActive, onActive, onOpen, onPeek }: RowProps) {
  const session = useSession(id);
  const tint = useTint(session);
  return (
    <tr
      data-row={id} data-state={session?.state} data-tint={tint} aria-rowindex={index} tabIndex={isActive ? 0 : -1} aria-current={isActive || undefined}
      onFocus={() => onActive(id)} onDoubleClick={() => onOpen(id)}
      onClick={(event) => { if (!(event.target instanceof Element && event.target.closest("a"))) onPeek(id); }}
      className="h-9 border-b border-line/70 hover:bg-hover aria-[current]:bg-hover focus-visible:-outline-offset-2"
    >
      {session ? <Cells session={session} /> : <td colSpan={3} className={`${CELL} text-faint`}>This session is gone</td>}
    </tr>
  );
});

function Cells({ session }: { session: Session }) {
  const hasHosts = useHasHosts();
  return (
    <>
      <td className={`${CELL} ps-4`}><StateMark state={session.state} liveness={session.liveness} /></td>
      <th scope="row" className={`${CELL} text-start font-normal`} dir="auto">
        <Link href={sessionPath(session.id)} tabIndex={-1} className="hover:underline" title={titleOf(session)}>
          {titleOf(session)}
        </Link>
        {session.children ? <span className="ms-1.5 text-xs text-faint" title={`${session.children} subagents`}>+{session.children}</span> : null}
      </th>
      <td className={`${CELL} text-dim`} dir="auto" title={activity(session)}>
        {session.progress ? <span className="me-2"><Steps progress={session.progress} /></span> : null}
        {activity(session)}
      </td>
      <td className={`${CELL} ${HIDE.project}`} dir="auto" title={[session.project_path, session.branch].filter(Boolean).join(" · ")}>
        {session.project ?? <span className="text-faint">–</span>}
        {session.branch ? (
          <span className="text-faint"> <GitBranch size={11} aria-hidden className="inline" /> {session.branch}</span>
        ) : null}
      </td>
      {hasHosts ? <td className={`${CELL} ${HIDE.host}`} dir="auto" title={session.host ?? undefined}>{session.host ?? <span className="text-faint">–</span>}</td> : null}
      <td className={`${CELL} ${HIDE.agent}`} title={session.model ?? undefined}>
        {agentName(session.agent)} <span className={`text-faint ${hasHosts ? HIDE.modelBesideHost : HIDE.model}`}>{session.model}</span>
      </td>
      <td className={CELL}><ContextGauge session={session} /></td>
      <td className={`${CELL} text-end text-dim ${HIDE.tokens}`} title={`${whole(session.usage.total_tokens)} tokens`}>{count(session.usage.total_tokens)}</td>
      <td className={`${CELL} text-end`}><Cost session={session} /></td>
      <td className={`${CELL} pe-4 text-end text-dim`}><Ago at={session.last_activity_at ?? session.since} /></td>
    </>
  );
}

/** What a session cost. What has no price is not hidden. */
export function Cost({ session }: { session: Session }) {
  const { unpriced_requests: unpriced } = session.usage;
  if (!unpriced) return <>{money(session.cost_usd)}</>;
  return (
    <span className="text-needs" title={`${unpriced} calls have no known price`}>
      {session.cost_usd === null ? "unpriced" : `${money(session.cost_usd)}+`}
    </span>
  );
}

export const Card = memo(function Card({ id, index, isActive, onActive }: RowProps) {
  const session = useSession(id);
  const tint = useTint(session);
  const hasHosts = useHasHosts();
  return (
    <li
      data-row={id} data-state={session?.state} data-tint={tint} aria-posinset={index} aria-setsize={-1} onFocus={() => onActive(id)}
      className="flex h-[66px] flex-col justify-center gap-0.5 border-b border-line px-4" aria-current={isActive || undefined}
    >
      {session ? (
        <>
          <span className="flex min-w-0 items-center gap-2">
            <Link href={sessionPath(id)} className="min-w-0 flex-1 truncate py-1 font-medium" dir="auto">{titleOf(session)}</Link>
            <span className="shrink-0 text-sm text-dim"><Ago at={session.last_activity_at ?? session.since} /></span>
          </span>
          <span className="flex min-w-0 items-center gap-2 text-sm">
            <span className="shrink-0"><StateMark state={session.state} /></span>
            <span className="min-w-0 flex-1 truncate text-dim" dir="auto">{[session.project ?? agentName(session.agent), hasHosts ? session.host : null, activity(session)].filter(Boolean).join(" · ")}</span>
            <span className="shrink-0"><Cost session={session} /></span>
          </span>
        </>
      ) : (
        <span className="text-faint">This session is gone</span>
      )}
    </li>
  );
});
