/** Sessions that need somebody: the reason, the exact question or command, how long they wait. */

import { memo, useState } from "react";
import { Link, useLocation } from "wouter";
import { agentName, sessionPath, titleOf } from "../lib/format";
import { reasonPhrase, resumeCommand, stateWord } from "../lib/reason";
import { CopyButton, Since } from "../ui/parts";
import { StateIcon } from "../ui/state";
import { useHasHosts, useSession } from "./store";
import { useTint } from "./useTint";

/** Rows that are shown at first, and more of them at a time. */
const FIRST = 8;
const MORE = 50;

export function Attention({ ids, active, onActive, onPeek }: {
  ids: readonly string[]; active: string | null; onActive: (id: string) => void; onPeek: (id: string) => void;
}) {
  const [limit, setLimit] = useState(FIRST);
  const shown = ids.slice(0, Math.max(limit, active ? ids.indexOf(active) + 1 : 0));
  if (!ids.length) return null;
  return (
    <section aria-label="Needs attention" className="border-b border-line">
      <ul>
        {shown.map((id) => (
          <Row key={id} id={id} isActive={id === active} onActive={onActive} onPeek={onPeek} />
        ))}
      </ul>
      {shown.length < ids.length ? (
        <button type="button" className="button-quiet m-1.5 ms-9" onClick={() => setLimit(shown.length + MORE)}>
          {ids.length - shown.length} more
        </button>
      ) : null}
    </section>
  );
}

const Row = memo(function Row({ id, isActive, onActive, onPeek }: {
  id: string; isActive: boolean; onActive: (id: string) => void; onPeek: (id: string) => void;
}) {
  const session = useSession(id);
  const [, navigate] = useLocation();
  const tint = useTint(session);
  const hasHosts = useHasHosts();
  if (!session) return null;
  const command = resumeCommand(session);
  return (
    <li
      data-state={session.state} data-row={id} data-tint={tint} tabIndex={isActive ? 0 : -1} aria-current={isActive || undefined}
      onFocus={() => onActive(id)} onClick={(event) => { if (!isControl(event.target)) onPeek(id); }}
      onDoubleClick={() => navigate(sessionPath(id))}
      className="relative flex cursor-default items-start gap-3 border-b border-line py-2 ps-4 pe-3 last:border-b-0 before:absolute before:inset-y-0 before:start-0 before:w-[3px] before:bg-[var(--state)] hover:bg-hover focus-visible:-outline-offset-2 aria-[current]:bg-hover"
    >
      <span className="mt-0.5"><StateIcon state={session.state} size={16} /></span>
      <div className="min-w-0 flex-1">
        <p className="flex min-w-0 flex-wrap items-baseline gap-x-2.5">
          <Link href={sessionPath(id)} tabIndex={-1} className="min-w-0 max-w-full truncate font-semibold hover:underline" dir="auto">
            {titleOf(session)}
          </Link>
          <span className="text-[var(--state)]">{stateWord(session.state)}: {reasonPhrase(session.reason)}</span>
          <span className="min-w-0 truncate text-sm text-dim" dir="auto">
            {[session.project, session.branch, agentName(session.agent), hasHosts ? session.host : null].filter(Boolean).join(" · ")}
          </span>
        </p>
        {session.detail ? (
          <p className="mt-1 line-clamp-2 w-fit max-w-full rounded border border-line bg-sunken px-2 py-0.5 font-mono text-sm break-words" dir="auto" title={session.detail}>
            {session.detail}
          </p>
        ) : null}
      </div>
      <span className="w-16 shrink-0 text-end text-[var(--state)]" title="Waiting since"><Since at={session.since} /></span>
      <span className="-my-1 flex w-40 shrink-0 items-center justify-end gap-1 max-md:hidden">
        {command ? <CopyButton text={command} label="Copy the command that resumes it">Resume</CopyButton> : null}
        <Link href={sessionPath(id)} tabIndex={-1} className="button">Open</Link>
      </span>
    </li>
  );
});

function isControl(target: EventTarget): boolean {
  return target instanceof Element && target.closest("a, button") !== null;
}
