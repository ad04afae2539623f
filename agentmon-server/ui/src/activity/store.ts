/** The feed: what the live topic told since the screen was opened, and older pages that were asked for. */

import { createStore } from "zustand";
import { api, withParams, type Params } from "../lib/api";
import type { AgentEvent } from "../lib/types";
import type { Listener } from "../live/connection";

/** Events kept at most; the oldest are let go. */
const MAX = 5000;
const PAGE = 200;

export interface FeedState {
  /** The newest first. */
  events: AgentEvent[];
  /** What came while the feed is held. */
  waiting: AgentEvent[];
  isHeld: boolean;
  isLoaded: boolean;
  /** Events that were too many for one message. */
  skipped: number;
  next: string | null;
  isLoading: boolean;
  error: string | null;
}

/** Joins two lists, the newest first, without an event twice. */
export function join(newer: readonly AgentEvent[], older: readonly AgentEvent[]): AgentEvent[] {
  const known = new Set(newer.map((event) => event.id));
  return [...newer, ...older.filter((event) => !known.has(event.id))];
}

export function createFeed(filters: Params) {
  const store = createStore<FeedState>(() => ({
    events: [], waiting: [], isHeld: false, isLoaded: false, skipped: 0, next: null, isLoading: false, error: null,
  }));
  const take = (fresh: AgentEvent[], skipped: number) => {
    const state = store.getState();
    if (state.isHeld) {
      store.setState({ waiting: join(fresh, state.waiting).slice(0, MAX), skipped: state.skipped + skipped });
    } else {
      store.setState({ events: join(fresh, state.events).slice(0, MAX), skipped: state.skipped + skipped });
    }
  };
  const listener: Listener = {
    snapshot(data) {
      const { events } = data as { events: AgentEvent[] };
      if (store.getState().isLoaded) take(events, 0);
      else store.setState({ events, isLoaded: true, error: null });
    },
    patch(data) {
      const { events, skipped } = data as { events: AgentEvent[]; skipped?: number };
      take(events, skipped ?? 0);
    },
    error(_code, message) {
      store.setState({ error: message, isLoaded: true });
    },
  };
  const actions = {
    hold: (isHeld: boolean) => {
      const { waiting, events } = store.getState();
      if (isHeld) store.setState({ isHeld });
      else store.setState({ isHeld, waiting: [], events: join(waiting, events).slice(0, MAX) });
    },
    older: async () => {
      const { isLoading, next, events } = store.getState();
      if (isLoading || next === "" || events.length >= MAX) return;
      store.setState({ isLoading: true });
      try {
        // The first page of the answer overlaps what the topic told: it leads on from there.
        const page = await api<{ events: AgentEvent[]; next: string | null }>(
          withParams("/api/v1/events", { ...filters, limit: PAGE, after: next }),
        );
        store.setState({ events: join(store.getState().events, page.events), next: page.next ?? "", isLoading: false });
      } catch (error) {
        store.setState({ isLoading: false, error: error instanceof Error ? error.message : String(error) });
      }
    },
  };
  return { store, listener, actions };
}
