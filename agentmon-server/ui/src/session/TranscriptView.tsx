/** What was said and done, through a window that follows the end until the user scrolls away from it. */

import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDownToLine, ArrowUpToLine, Search } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useStore } from "zustand";
import { whole } from "../lib/format";
import { useKeys } from "../lib/keys";
import type { Session } from "../lib/types";
import { Empty, Failure, Loading } from "../ui/parts";
import { BlockView } from "./BlockView";
import { Find } from "./Find";
import type { SessionHandle } from "./store";
import { blocksOf } from "./transcript";

/** How near to an end of what is loaded more is loaded, in blocks. */
const NEAR = 12;

export function TranscriptView({ handle, session, at }: { handle: SessionHandle; session: Session; at: number | null }) {
  const { store, actions } = handle;
  const transcript = useStore(store, (state) => state.transcript);
  const loading = useStore(store, (state) => state.loading);
  const error = useStore(store, (state) => state.error);
  const blocks = useMemo(() => blocksOf(transcript), [transcript]);
  const scroller = useRef<HTMLDivElement>(null);
  const [isFollowing, setFollowing] = useState(at === null);
  const [isFinding, setFinding] = useState(false);
  const [marked, setMarked] = useState<number | null>(at);
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());

  const keyOf = useCallback((index: number) => blocks[index]?.id ?? index, [blocks]);
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtual = useVirtualizer({
    count: blocks.length,
    getScrollElement: () => scroller.current,
    getItemKey: keyOf,
    estimateSize: () => 60,
    overscan: 6,
    // What is loaded before the window, or measured late, does not push what is being read.
    anchorTo: "end",
    followOnAppend: isFollowing,
    scrollEndThreshold: 40,
    paddingStart: 8,
    paddingEnd: 24,
  });

  const shown = virtual.getVirtualItems();
  const firstShown = shown[0]?.index ?? 0;
  const lastShown = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (!blocks.length || loading) return;
    if (firstShown < NEAR) actions.before();
    if (lastShown > blocks.length - NEAR) actions.after();
  }, [actions, blocks.length, firstShown, lastShown, loading]);

  // To the place that was asked for, once it is there: an address, a hit, or the end.
  const wanted = useRef<number | "end" | "start" | null>(at ?? "end");
  useEffect(() => {
    const place = wanted.current;
    if (place === null || !blocks.length || loading === "place") return;
    if (place === "end") virtual.scrollToEnd({ behavior: "auto" });
    else if (place === "start") virtual.scrollToOffset(0);
    else {
      const index = blocks.findIndex((block) => block.id === place || block.tool?.result?.id === place);
      if (index < 0) return;
      virtual.scrollToIndex(index, { align: "center" });
    }
    wanted.current = null;
  }, [blocks, loading, virtual]);

  const jump = useCallback(
    (id: number) => {
      setFollowing(false);
      setMarked(id);
      wanted.current = id;
      const isLoaded = blocksOf(store.getState().transcript).some((block) => block.id === id || block.tool?.result?.id === id);
      if (isLoaded) {
        const index = blocksOf(store.getState().transcript).findIndex((block) => block.id === id || block.tool?.result?.id === id);
        virtual.scrollToIndex(index, { align: "center" });
        wanted.current = null;
      } else void actions.go({ around: id });
    },
    [actions, store, virtual],
  );
  const toEnd = () => {
    setFollowing(true);
    setMarked(null);
    if (transcript.atEnd) virtual.scrollToEnd({ behavior: "auto" });
    else {
      wanted.current = "end";
      void actions.go("last");
    }
  };
  const toStart = () => {
    setFollowing(false);
    if (transcript.pages[0]?.before === null) virtual.scrollToOffset(0);
    else {
      wanted.current = "start";
      void actions.go("first");
    }
  };
  const step = (by: number, isWanted: (index: number) => boolean) => {
    const from = marked === null ? (by > 0 ? -1 : blocks.length) : blocks.findIndex((block) => block.id === marked);
    for (let index = from + by; index >= 0 && index < blocks.length; index += by) {
      const block = blocks[index];
      if (!block || !isWanted(index)) continue;
      setFollowing(false);
      setMarked(block.id);
      virtual.scrollToIndex(index, { align: "auto" });
      return;
    }
  };
  const toggle = useCallback((id: number) => {
    setOpen((before) => {
      const next = new Set(before);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  }, []);
  const isPrompt = (index: number) => blocks[index]?.kind === "user_prompt";

  useKeys({
    j: () => step(1, () => true),
    k: () => step(-1, () => true),
    J: () => step(1, isPrompt),
    K: () => step(-1, isPrompt),
    o: () => (marked === null ? false : toggle(marked)),
    G: toEnd,
    f: () => setFinding(true),
    Escape: () => {
      if (!isFinding) return false;
      setFinding(false);
      return undefined;
    },
  });

  return (
    <>
      <div className="flex shrink-0 items-center gap-2 border-b border-line px-4 py-1 text-sm text-dim">
        <span>{whole(transcript.total)} {transcript.total === 1 ? "block" : "blocks"}</span>
        {isFinding ? (
          <Find session={session.id} onJump={jump} onClose={() => setFinding(false)} />
        ) : (
          <span className="ms-auto flex items-center gap-1">
            <button type="button" className="button-quiet" onClick={() => setFinding(true)}><Search size={14} aria-hidden /> Find</button>
            <button type="button" className="button-quiet" onClick={toStart}><ArrowUpToLine size={14} aria-hidden /> <span className="max-md:sr-only">Beginning</span></button>
            <button
              type="button" className="button-quiet aria-pressed:text-accent" aria-pressed={isFollowing && transcript.atEnd}
              onClick={() => (isFollowing && transcript.atEnd ? setFollowing(false) : toEnd())}
            >
              <ArrowDownToLine size={14} aria-hidden /> Follow
            </button>
          </span>
        )}
      </div>
      {error ? <Failure error={new Error(error.message)} retry={() => store.setState({ error: null })} /> : null}
      <div
        ref={scroller} data-scroller tabIndex={0} role="region" aria-label="Transcript" className="min-h-0 flex-1 overflow-y-auto outline-offset-[-2px] [overflow-anchor:none]"
        onWheel={(event) => { if (event.deltaY < 0) setFollowing(false); }}
        onTouchMove={() => setFollowing(false)}
        onKeyDown={(event) => { if (["PageUp", "ArrowUp", "Home"].includes(event.key)) setFollowing(false); }}
      >
        {!blocks.length && loading === null && transcript.total === 0 && transcript.atEnd ? (
          <Empty title="Nothing was said yet"><p>What the agent writes appears here at once.</p></Empty>
        ) : null}
        {!blocks.length && !transcript.atEnd ? <Loading lines={8} /> : null}
        <ol className="relative w-full" style={{ height: virtual.getTotalSize() }}>
          {shown.map((item) => {
            const block = blocks[item.index];
            if (!block) return null;
            return (
              <li
                key={item.key} ref={virtual.measureElement} data-index={item.index} className="absolute inset-x-0 top-0"
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <BlockView
                  block={block} isOpen={open.has(block.id)} onToggle={toggle}
                  isMarked={block.id === marked || (marked !== null && block.tool?.result?.id === marked)}
                />
              </li>
            );
          })}
        </ol>
      </div>
    </>
  );
}
