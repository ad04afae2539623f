/** Finding in a transcript: the server searches all of it, also what is not loaded. */

import { useQuery } from "@tanstack/react-query";
import { ChevronDown, ChevronUp, X } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { api, withParams } from "../lib/api";
import type { SearchResults } from "../lib/types";

const LIMIT = 100;

export function Find({ session, onJump, onClose }: { session: string; onJump: (id: number) => void; onClose: () => void }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(-1);
  const words = useDeferredValue(text.trim());
  const found = useQuery({
    queryKey: ["find", session, words],
    queryFn: () => api<SearchResults>(withParams("/api/v1/search", { q: words, session, limit: LIMIT, order: "newest" })),
    enabled: words.length > 1,
  });
  const hits = words.length > 1 ? (found.data?.results ?? []) : [];
  const go = (step: number) => {
    if (!hits.length) return;
    const next = (at + step + hits.length) % hits.length;
    setAt(next);
    const hit = hits[next];
    if (hit) onJump(hit.id);
  };
  return (
    <div role="search" className="ms-auto flex items-center gap-1">
      <input
        type="search" autoFocus aria-label="Find in this transcript" placeholder="Find in this transcript" className="field w-56 max-md:w-36" value={text}
        onChange={(event) => { setText(event.target.value); setAt(-1); }}
        onKeyDown={(event) => {
          if (event.key === "Enter") go(event.shiftKey ? -1 : 1);
          if (event.key === "Escape") onClose();
        }}
      />
      <span role="status" className="min-w-16 text-end text-faint">
        {words.length < 2 ? "" : found.isPending ? "…" : hits.length ? `${at + 1}/${hits.length}${found.data?.more ? "+" : ""}` : "none"}
      </span>
      <button type="button" className="button-quiet" onClick={() => go(1)} aria-label="Next hit"><ChevronDown size={15} aria-hidden /></button>
      <button type="button" className="button-quiet" onClick={() => go(-1)} aria-label="Previous hit"><ChevronUp size={15} aria-hidden /></button>
      <button type="button" className="button-quiet" onClick={onClose} aria-label="Close find"><X size={15} aria-hidden /></button>
    </div>
  );
}
