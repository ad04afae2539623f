/** What the screen is like. */

import { useSyncExternalStore } from "react";

function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (changed) => {
      const list = window.matchMedia(query);
      list.addEventListener("change", changed);
      return () => list.removeEventListener("change", changed);
    },
    () => window.matchMedia(query).matches,
  );
}

/** A phone, or a window as narrow. */
export function useIsNarrow(): boolean {
  return useMedia("(max-width: 767.9px)");
}
