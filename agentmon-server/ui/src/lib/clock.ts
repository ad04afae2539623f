/** One clock for all relative times: it ticks once a second, by the server's time. */

import { create } from "zustand";

interface Clock {
  now: number;
}

/** How far the server's clock is ahead of this machine's, in milliseconds. */
let ahead = 0;

export const useClock = create<Clock>(() => ({ now: Date.now() }));

export function serverNow(): number {
  return Date.now() + ahead;
}

export function setServerClock(now: string): void {
  const at = Date.parse(now);
  if (!Number.isFinite(at)) return;
  const found = at - Date.now();
  // Differences of the network's size are no differences of clocks.
  ahead = Math.abs(found) < 2000 ? 0 : found;
}

export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) useClock.setState({ now: serverNow() });
  }, 1000);
  document.addEventListener("visibilitychange", () => useClock.setState({ now: serverNow() }));
}
