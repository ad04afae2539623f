/** What lies over the page: one thing at a time. */

import { create } from "zustand";

export type Overlay = "palette" | "help" | null;

export const useOverlay = create<{ overlay: Overlay }>(() => ({ overlay: null }));

export function show(overlay: Overlay): void {
  useOverlay.setState({ overlay });
}
