/**
 * Telling the user that a session needs them: title, icon, and (where allowed) a notification. Only `needs_input` and
 * failures do; nothing is told to somebody who is looking.
 */

import { create } from "zustand";
import { useBoard, watchSessions } from "../board/store";
import { serverNow } from "../lib/clock";
import { sessionPath, titleOf } from "../lib/format";
import { activity } from "../lib/reason";
import { read, write } from "../lib/theme";
import type { Session } from "../lib/types";

export const TOLD = ["needs_input", "failed"] as const;
export type Told = (typeof TOLD)[number];

interface Preferences {
  on: Record<Told, boolean>;
}

const KEY = "agentmon.notify";
/** A session that goes to and fro is told once in so long, in milliseconds. */
const COOL_DOWN = 30_000;

function stored(): Preferences {
  const words = (read(KEY) ?? "").split(",");
  return { on: { needs_input: words.includes("needs_input"), failed: words.includes("failed") } };
}

export const usePreferences = create<Preferences>(() => stored());

export function setTold(state: Told, isOn: boolean): void {
  const on = { ...usePreferences.getState().on, [state]: isOn };
  usePreferences.setState({ on });
  write(KEY, TOLD.filter((name) => on[name]).join(",") || null);
}

/** What began longer ago is no news, in milliseconds: it only came into sight. */
const NEWS = 120_000;

/** Whether a session just came into a state that is told. */
export function isNews(before: Session | undefined, after: Session, now: number): after is Session & { state: Told } {
  const told: readonly string[] = TOLD;
  return told.includes(after.state) && before?.state !== after.state && now - Date.parse(after.since) < NEWS;
}

/** What the live region says; screen readers announce changes of it. */
export const useAnnouncement = create<{ text: string }>(() => ({ text: "" }));

const toldAt = new Map<string, number>();

/** Starts telling. `open` goes to an address inside the page. */
export function startAttention(open: (path: string) => void): void {
  watchSessions((before, after) => {
    if (!isNews(before, after, serverNow())) return;
    const line = `${titleOf(after)}: ${after.state === "failed" ? "failed" : "needs you"}. ${activity(after)}`;
    useAnnouncement.setState({ text: line });
    notify(after, after.state, open);
  });
  useBoard.subscribe((state, previous) => {
    if (state.status !== previous.status) dress(state.status?.groups.needs_you ?? 0);
  });
}

function notify(session: Session, state: Told, open: (path: string) => void): void {
  const isLooking = !document.hidden && document.hasFocus();
  if (isLooking || !usePreferences.getState().on[state]) return;
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  const now = Date.now();
  if (now - (toldAt.get(session.id) ?? -COOL_DOWN) < COOL_DOWN) return;
  toldAt.set(session.id, now);
  const notification = new Notification(`${titleOf(session)} ${state === "failed" ? "failed" : "needs you"}`, {
    body: activity(session).slice(0, 200),
    tag: session.id,
    icon: "/icon.svg",
  });
  notification.onclick = () => {
    window.focus();
    open(sessionPath(session.id));
    notification.close();
  };
}

/** Title and icon of the tab. */
function dress(waiting: number): void {
  document.title = waiting ? `(${waiting}) agentmon` : "agentmon";
  const icon = document.getElementById("icon");
  const href = waiting ? "/icon-attention.svg" : "/icon.svg";
  if (icon instanceof HTMLLinkElement && !icon.href.endsWith(href)) icon.href = href;
}
