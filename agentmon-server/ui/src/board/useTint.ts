/** A row whose state changed is tinted for a moment: motion means that something changed. */

import { useState } from "react";
import type { Session } from "../lib/types";

/** For `data-tint`: two values that take turns, so that the animation starts again. */
export function useTint(session: Session | undefined): number {
  const told = session ? `${session.state} ${session.reason}` : "";
  const [seen, setSeen] = useState({ told, tint: 0 });
  if (seen.told !== told) setSeen({ told, tint: seen.tint === 1 ? 2 : 1 });
  return seen.tint;
}
