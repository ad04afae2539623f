/** One session on the screen: what the live topic tells, and the loaded part of its transcript. */

import { createStore } from "zustand";
import { api, withParams } from "../lib/api";
import type { Block, BlockPage, ModelUsage, Session, SessionDetail, ToolStats } from "../lib/types";
import type { Listener } from "../live/connection";
import { append, fromPage, merge, NOTHING, prepend, type Transcript } from "./transcript";

/** Blocks of one page. */
export const PAGE = 200;

export interface SessionState {
  session: Session | null;
  children: Session[];
  models: ModelUsage[];
  tools: ToolStats[];
  transcript: Transcript;
  /** What is being loaded, so that it is not loaded twice. */
  loading: "before" | "after" | "place" | null;
  error: { code: string; message: string } | null;
}

interface Snapshot extends Pick<SessionDetail, "session" | "children" | "models" | "tools"> {
  blocks: BlockPage;
}

interface Patch extends Partial<Pick<SessionDetail, "session" | "children" | "models" | "tools">> {
  blocks?: Block[];
  total?: number;
}

/** Places to go to in a transcript. */
export type Place = { around: number } | "first" | "last";

export function createSession(id: string, from: Place) {
  const path = `/api/v1/sessions/${encodeURIComponent(id)}/transcript`;
  const store = createStore<SessionState>(() => ({
    session: null,
    children: [],
    models: [],
    tools: [],
    transcript: NOTHING,
    loading: null,
    error: null,
  }));
  /** Whether the transcript shows the end, as snapshots bring it, or another place. */
  let isElsewhere = from !== "last";

  const load = async (what: "before" | "after" | "place", params: Record<string, string | number | boolean>, take: (page: BlockPage) => Transcript) => {
    if (store.getState().loading) return;
    store.setState({ loading: what });
    try {
      const page = await api<BlockPage>(withParams(path, { limit: PAGE, ...params }));
      store.setState({ transcript: take(page), loading: null });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      store.setState({ loading: null, error: { code: "load", message } });
    }
  };

  const listener: Listener = {
    snapshot(data) {
      const { blocks, ...rest } = data as Snapshot;
      const { transcript } = store.getState();
      store.setState({ ...rest, error: null });
      if (isElsewhere) return;
      // After a break the pages before stay if the new end joins them.
      const joins = blocks.blocks.some((block) => transcript.pages.at(-1)?.blocks.some((known) => known.id === block.id));
      store.setState({
        transcript: joins && transcript.atEnd ? merge(transcript, blocks.blocks, blocks.total) : fromPage(blocks, true),
      });
    },
    patch(data) {
      const { blocks, total, ...rest } = data as Patch;
      const { transcript } = store.getState();
      store.setState({
        ...rest,
        ...(blocks || total !== undefined ? { transcript: merge(transcript, blocks ?? [], total) } : {}),
      });
    },
    error(code, message) {
      store.setState({ error: { code, message } });
    },
  };

  const actions = {
    /** What comes before the first loaded block. */
    before: () => {
      const cursor = store.getState().transcript.pages[0]?.before;
      if (!cursor) return;
      const around: Record<string, string> = cursor.startsWith("around:") ? { around: cursor.slice("around:".length) } : { before: cursor };
      void load("before", around, (page) => prepend(store.getState().transcript, page));
    },
    /** What comes behind the last loaded block. */
    after: () => {
      const { transcript } = store.getState();
      const cursor = transcript.pages.at(-1)?.after;
      if (!cursor || transcript.atEnd) return;
      void load("after", { after: cursor }, (page) => append(store.getState().transcript, page, PAGE));
    },
    /** Another place: what was loaded is let go. */
    go: async (place: Place) => {
      isElsewhere = place !== "last";
      const params: Record<string, string | number | boolean> = place === "last" ? {} : place === "first" ? { first: true } : { around: place.around };
      await load("place", params, (page) => fromPage(page, place === "last" || page.after === null));
    },
  };
  if (isElsewhere) void actions.go(from);
  return { store, listener, actions };
}

export type SessionHandle = ReturnType<typeof createSession>;
