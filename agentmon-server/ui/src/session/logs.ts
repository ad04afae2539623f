/** A session's log: the lines that are loaded, the newest first, and how they leave as text. `Logs.tsx` shows them. */

import { createStore } from "zustand";
import { api, withParams, type Params } from "../lib/api";
import type { LogLine, LogPage } from "../lib/types";

/** Lines of one page. */
const PAGE = 200;
/** Lines kept at most; the oldest are let go. */
const MAX = 10_000;
/** The largest page that the server gives, and how many of them a download takes. */
const LARGE_PAGE = 1000;
const DOWNLOAD_PAGES = 50;

export interface LogState {
  /** The newest first. */
  lines: LogLine[];
  /** What came while the reader was further down. */
  waiting: LogLine[];
  isHeld: boolean;
  isLoaded: boolean;
  isLoading: boolean;
  next: string | null;
  error: Error | null;
}

/** Newer lines before older ones, each once. A line that is told again is as it was told last. */
export function joined(newer: readonly LogLine[], older: readonly LogLine[]): LogLine[] {
  const known = new Set(newer.map((line) => line.id));
  return [...newer, ...older.filter((line) => !known.has(line.id))];
}

/** Whether a page that begins with the newest line reaches down to what is loaded, so that nothing is missing between. */
export function reaches(page: LogPage, lines: readonly LogLine[]): boolean {
  if (page.next === null || !lines.length) return true;
  const known = new Set(lines.map((line) => line.id));
  return page.lines.some((line) => known.has(line.id));
}

/** One line of text for one line of the log, whatever is in it. */
export function asText({ at, level, kind, tool, duration_ms, text }: LogLine): string {
  const plain = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
  return [at, level.toUpperCase().padEnd(5), kind, tool ?? "-", duration_ms === null ? "-" : `${duration_ms}ms`, plain].join(" ");
}

export const FORMATS = { ndjson: "application/x-ndjson", text: "text/plain" } as const;
export type Format = keyof typeof FORMATS;

export function written(lines: readonly LogLine[], format: Format): string {
  return lines.map((line) => `${format === "ndjson" ? JSON.stringify(line) : asText(line)}\n`).join("");
}

function path(session: string, params: Params): string {
  return withParams(`/api/v1/sessions/${encodeURIComponent(session)}/log`, params);
}

/** All lines that match, the oldest first; of very many the newest. */
export async function everything(session: string, filters: Params): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  let after: string | null = null;
  for (let page = 0; page < DOWNLOAD_PAGES; page += 1) {
    const answer: LogPage = await api<LogPage>(path(session, { ...filters, limit: LARGE_PAGE, after }));
    lines.push(...answer.lines);
    after = answer.next;
    if (after === null) break;
  }
  return lines.reverse();
}

export function createLog(session: string, filters: Params) {
  const store = createStore<LogState>(() => ({ lines: [], waiting: [], isHeld: false, isLoaded: false, isLoading: false, next: null, error: null }));
  const load = async (after: string | null, take: (page: LogPage) => Partial<LogState>) => {
    if (store.getState().isLoading) return;
    store.setState({ isLoading: true });
    try {
      const page = await api<LogPage>(path(session, { ...filters, limit: PAGE, after }));
      store.setState({ ...take(page), isLoading: false, isLoaded: true, error: null });
    } catch (error) {
      store.setState({ isLoading: false, error: error instanceof Error ? error : new Error(String(error)) });
    }
  };
  const actions = {
    /** What is new. Where so much came that there is a gap, older lines are asked for again. */
    newest: () =>
      load(null, (page) => {
        const { lines, waiting, isHeld } = store.getState();
        const known = joined(waiting, lines);
        if (!reaches(page, known)) return { lines: page.lines, waiting: [], next: page.next };
        if (!isHeld) return { lines: joined(page.lines, known).slice(0, MAX), waiting: [], ...(lines.length ? {} : { next: page.next }) };
        const ids = new Set(lines.map((line) => line.id));
        return { waiting: joined(page.lines, waiting).filter((line) => !ids.has(line.id)) };
      }),
    older: () => {
      const { next, lines } = store.getState();
      if (next === null || lines.length >= MAX) return;
      void load(next, (page) => ({ lines: joined(store.getState().lines, page.lines), next: page.next }));
    },
    /** Whoever reads further down does not want the list to move. */
    hold: (isHeld: boolean) => {
      const { lines, waiting } = store.getState();
      store.setState(isHeld ? { isHeld } : { isHeld, lines: joined(waiting, lines).slice(0, MAX), waiting: [] });
    },
  };
  return { store, actions };
}
