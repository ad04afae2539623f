/** What tells states apart: colour, shape and word, each enough on its own. */

import {
  CircleCheck, CircleDashed, CircleDot, CircleEllipsis, CircleHelp, CircleMinus, CirclePause, CircleX, Hourglass,
  ListOrdered, Loader, TriangleAlert, type LucideIcon,
} from "lucide-react";
import { stateWord } from "../lib/reason";
import type { Session, State } from "../lib/types";

const ICONS: Record<State, LucideIcon> = {
  needs_input: CircleHelp,
  failed: CircleX,
  stalled: TriangleAlert,
  limited: Hourglass,
  working: CircleDot,
  waiting_self: CircleEllipsis,
  spawning: Loader,
  queued: ListOrdered,
  idle: CirclePause,
  completed: CircleCheck,
  terminated: CircleMinus,
  unobserved: CircleDashed,
};

export function StateIcon({ state, size = 15 }: { state: State; size?: number }) {
  const Icon = ICONS[state];
  return (
    <span data-state={state} className="inline-flex shrink-0 text-[var(--state)]">
      <Icon size={size} aria-hidden strokeWidth={2.1} />
    </span>
  );
}

/** Icon and word. The process's life is a small mark behind them. */
export function StateMark({ state, liveness }: { state: State; liveness?: Session["liveness"] }) {
  return (
    <span data-state={state} className="inline-flex min-w-0 items-center gap-1.5 align-middle text-[var(--state)]">
      <StateIcon state={state} />
      <span className="truncate font-medium">{stateWord(state)}</span>
      {liveness === "dead" && state !== "completed" && state !== "failed" && state !== "terminated" ? (
        <span className="text-xs text-faint" title="Its process is gone">
          gone
        </span>
      ) : null}
    </span>
  );
}
