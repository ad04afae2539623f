/** The theme: the system's, or one that was chosen. public/theme.js applies the choice before the first paint. */

import { create } from "zustand";

export type Theme = "system" | "dark" | "light";
const KEY = "agentmon.theme";

function stored(): Theme {
  const theme = read(KEY);
  return theme === "dark" || theme === "light" ? theme : "system";
}

export const useTheme = create<{ theme: Theme }>(() => ({ theme: stored() }));

export function setTheme(theme: Theme): void {
  if (theme === "system") {
    delete document.documentElement.dataset.theme;
    write(KEY, null);
  } else {
    document.documentElement.dataset.theme = theme;
    write(KEY, theme);
  }
  useTheme.setState({ theme });
}

/** Storage can be forbidden or full; then choices last as long as the tab. */
export function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function write(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Nothing to do.
  }
}
