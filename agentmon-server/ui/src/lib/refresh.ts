/** Asking again when something changed, but not for every change. */

import { useEffect, useRef } from "react";

/** The shortest time between two questions, in milliseconds. */
const PAUSE = 1000;

/** Calls `ask` soon after `stamp` changed; changes until then count as one, and the last one is never missed. */
export function useRefresh(stamp: string | null | undefined, ask: () => void): void {
  const latest = useRef(ask);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const known = useRef(stamp);
  useEffect(() => {
    latest.current = ask;
  });
  useEffect(() => {
    if (known.current === stamp) return;
    known.current = stamp;
    timer.current ??= setTimeout(() => {
      timer.current = null;
      latest.current();
    }, PAUSE);
  }, [stamp]);
  useEffect(() => () => {
    if (timer.current) clearTimeout(timer.current);
    timer.current = null;
  }, []);
}
