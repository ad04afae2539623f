/** The board's rows, sorted anew when something moved: but never under the user's hands. */

import { useEffect, useMemo, useState } from "react";
import { moved, useBoard } from "./store";
import { buildView, type BoardFilters, type View } from "./view";

/** Lists are sorted at most so often, in milliseconds; long ones more rarely, because sorting them takes longer. */
const PACE = 300;
const PACE_OF_MANY = 1200;
const MANY = 2000;

export interface FrozenView {
  view: View;
  /** Sessions that will move when the view is taken in. */
  pending: number;
  takeIn: () => void;
}

export function useView(filters: BoardFilters, isFrozen: boolean): FrozenView {
  const shape = useBoard((state) => state.shape);
  const isLoaded = useBoard((state) => state.isLoaded);
  const [applied, setApplied] = useState(shape);
  const isDue = shape !== applied && !isFrozen;

  useEffect(() => {
    if (!isDue) return undefined;
    // The timer is not set back by changes that come meanwhile.
    const pace = useBoard.getState().sessions.size > MANY ? PACE_OF_MANY : PACE;
    const timer = setTimeout(() => setApplied(useBoard.getState().shape), pace);
    return () => clearTimeout(timer);
  }, [isDue]);

  const view = useMemo(
    () => buildView(useBoard.getState().sessions.values(), filters),
    // The sessions are one map, changed in place: `applied` says when to look at it again.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [filters, applied, isLoaded],
  );
  useEffect(() => {
    moved.clear();
  }, [view]);

  return {
    view,
    pending: isFrozen && shape !== applied ? moved.size : 0,
    takeIn: () => setApplied(useBoard.getState().shape),
  };
}
