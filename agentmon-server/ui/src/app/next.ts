/** `n`: to the next session that needs somebody. */

import { byUrgency } from "../board/view";
import { useBoard } from "../board/store";
import { sessionPath } from "../lib/format";
import { ATTENTION } from "../lib/types";

export function goToNext(navigate: (path: string) => void): void {
  const waiting = [...useBoard.getState().sessions.values()]
    .filter((session) => ATTENTION.includes(session.group ?? "rest"))
    .sort(byUrgency);
  if (!waiting.length) return;
  const here = waiting.findIndex((session) => sessionPath(session.id) === window.location.pathname);
  const next = waiting[(here + 1) % waiting.length];
  if (next) navigate(sessionPath(next.id));
}
