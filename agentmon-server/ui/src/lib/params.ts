/** Filters live in the address, so that a view can be linked, reloaded and gone back to. */

import { useCallback, useMemo } from "react";
import { useLocation, useSearch } from "wouter";

/** The address's parameters, and how to change some of them (`null` takes one away). */
export function useParams(): [URLSearchParams, (changes: Record<string, string | null>, push?: boolean) => void] {
  const search = useSearch();
  const [path, navigate] = useLocation();
  const params = useMemo(() => new URLSearchParams(search), [search]);
  const change = useCallback(
    (changes: Record<string, string | null>, push = false) => {
      const next = new URLSearchParams(window.location.search);
      for (const [name, value] of Object.entries(changes)) {
        if (value === null || value === "") next.delete(name);
        else next.set(name, value);
      }
      const text = next.toString();
      navigate(text ? `${path}?${text}` : path, { replace: !push });
    },
    [navigate, path],
  );
  return [params, change];
}

/** A parameter that holds a list. */
export function listOf(params: URLSearchParams, name: string): string[] {
  return (params.get(name) ?? "").split(",").filter(Boolean);
}

/** A parameter that holds a word of a closed list. */
export function oneOf<T extends string>(params: URLSearchParams, name: string, words: readonly T[]): T | null {
  const value = params.get(name);
  return words.find((word) => word === value) ?? null;
}

/** A list with a word put in or taken out, as a parameter. */
export function toggled(list: readonly string[], word: string): string | null {
  const next = list.includes(word) ? list.filter((other) => other !== word) : [...list, word];
  return next.length ? next.join(",") : null;
}
