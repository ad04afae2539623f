/**
 * The board as the server tells it. Sessions stand in one map that is changed in place; a row listens to its own
 * session alone. `shape` counts the changes that can move, add or remove rows, so that a list is sorted only then.
 */

import { create } from "zustand";
import type { Listener } from "../live/connection";
import type { BoardPatch, BoardSnapshot, BoardStatus, Session } from "../lib/types";

interface BoardState {
  sessions: Map<string, Session>;
  status: BoardStatus | null;
  /** Counts changes that can move rows. */
  shape: number;
  /** Counts all changes: what makes listeners look. */
  version: number;
  isLoaded: boolean;
  /** Machines that were heard of. */
  hosts: ReadonlySet<string>;
  error: string | null;
}

export const useBoard = create<BoardState>(() => ({
  sessions: new Map(),
  status: null,
  shape: 0,
  version: 0,
  isLoaded: false,
  hosts: new Set(),
  error: null,
}));

/** Adds what is new: the same set where nothing is. */
function withHosts(hosts: ReadonlySet<string>, sessions: readonly Session[]): ReadonlySet<string> {
  const found = sessions.flatMap(({ host }) => (host !== null && !hosts.has(host) ? [host] : []));
  return found.length ? new Set([...hosts, ...found]) : hosts;
}

/** Whether sessions run on several machines, as far as that is known: else where they run is not worth a column. */
export function useHasHosts(): boolean {
  return useBoard((state) => state.hosts.size > 1);
}

/** Sessions whose place may have changed since a list was last sorted. */
export const moved = new Set<string>();

/** Whether a change can move a session in a list or put it elsewhere. */
export function moves(before: Session | undefined, after: Session): boolean {
  return (
    !before ||
    before.group !== after.group ||
    before.state !== after.state ||
    before.since !== after.since ||
    before.project !== after.project ||
    before.host !== after.host ||
    before.agent !== after.agent ||
    before.title !== after.title
  );
}

/** Called with sessions that came to need somebody, but not with those that a first snapshot brings. */
type Watcher = (before: Session | undefined, after: Session) => void;
const watchers = new Set<Watcher>();

export function watchSessions(watcher: Watcher): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

export const boardListener: Listener = {
  snapshot(data) {
    const { sessions, status } = data as BoardSnapshot;
    const state = useBoard.getState();
    const before = state.sessions;
    const after = new Map(sessions.map((session) => [session.id, session]));
    if (state.isLoaded) {
      // After a break: what did not change stays the same object, so that its row is not drawn again.
      for (const [id, session] of after) {
        const known = before.get(id);
        if (!known || moves(known, session)) {
          moved.add(id);
          watchers.forEach((watcher) => watcher(known, session));
        }
      }
      for (const id of before.keys()) if (!after.has(id)) moved.add(id);
    }
    useBoard.setState({
      sessions: after,
      status,
      shape: state.shape + 1,
      version: state.version + 1,
      isLoaded: true,
      hosts: withHosts(new Set(), sessions),
      error: null,
    });
  },
  patch(data) {
    const { upsert, remove, status } = data as BoardPatch;
    const { sessions, shape, version, hosts } = useBoard.getState();
    let changes = 0;
    for (const session of upsert) {
      const before = sessions.get(session.id);
      sessions.set(session.id, session);
      if (moves(before, session)) {
        changes += 1;
        moved.add(session.id);
      }
      watchers.forEach((watcher) => watcher(before, session));
    }
    for (const id of remove) {
      if (sessions.delete(id)) {
        changes += 1;
        moved.add(id);
      }
    }
    useBoard.setState({
      ...(status ? { status } : {}),
      hosts: withHosts(hosts, upsert),
      shape: changes ? shape + 1 : shape,
      version: version + 1,
    });
  },
  error(_code, message) {
    useBoard.setState({ error: message });
  },
};

export function useSession(id: string): Session | undefined {
  return useBoard((state) => state.sessions.get(id));
}
