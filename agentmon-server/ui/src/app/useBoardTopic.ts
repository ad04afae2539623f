/** The board is heard of on every screen: its figures stand in the title and the navigation. */

import { useMemo, useState } from "react";
import { boardListener } from "../board/store";
import { useParams } from "../lib/params";
import { withParams } from "../lib/api";
import { useTopic } from "../live/live";


/** How far back the board looks. */
export const RANGES = ["24h", "7d", "30d", "all"] as const;
export type Range = (typeof RANGES)[number];
/** The most that the server tells. */
const LIMIT = 20_000;

export function boardTopic(range: Range): string {
  return withParams("board", { limit: LIMIT, since: range === "24h" ? null : range === "all" ? "3650d" : range });
}

/** Keeps the board's last range while other screens are shown. */
export function useBoardTopic(): void {
  const [params] = useParams();
  const isBoard = window.location.pathname === "/";
  const asked = RANGES.find((range) => range === params.get("since")) ?? "24h";
  const [last, setLast] = useState<Range>(asked);
  if (isBoard && last !== asked) setLast(asked);
  const topic = boardTopic(isBoard ? asked : last);
  // Another range is another listener: what was heard of one is not what the other resumes from.
  const listener = useMemo(() => ({ ...boardListener, topic }), [topic]);
  useTopic(topic, listener);
}
