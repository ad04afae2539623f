/** Differences as lines, from pairs of texts or from a unified patch. */

import { diffLines } from "diff";
import type { Diff } from "./types";

export interface Line {
  type: "add" | "del" | "same" | "hunk";
  text: string;
}

/** Lines of a difference shown at first; unchanged stretches are cut to a few lines around changes. */
const CONTEXT = 3;

export function linesOf(diff: Diff): Line[] {
  if (diff.patch !== undefined) return ofPatch(diff.patch);
  const lines: Line[] = [];
  for (const [index, hunk] of (diff.hunks ?? []).entries()) {
    if (index) lines.push({ type: "hunk", text: "" });
    lines.push(...ofPair(hunk.old, hunk.new));
  }
  return lines;
}

export function counts(lines: readonly Line[]): { added: number; removed: number } {
  let added = 0;
  let removed = 0;
  for (const { type } of lines) {
    if (type === "add") added += 1;
    else if (type === "del") removed += 1;
  }
  return { added, removed };
}

function split(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

function ofPair(before: string, after: string): Line[] {
  if (!before) return split(after).map((text) => ({ type: "add", text }));
  // Beyond so many edits a difference tells nothing, and takes long.
  const parts = diffLines(before, after, { maxEditLength: 4000 });
  if (!parts) {
    return [
      ...split(before).map((text): Line => ({ type: "del", text })),
      ...split(after).map((text): Line => ({ type: "add", text })),
    ];
  }
  return parts.flatMap((part, index): Line[] => {
    const lines = split(part.value);
    const type = part.added ? "add" : part.removed ? "del" : "same";
    if (type !== "same") return lines.map((text) => ({ type, text }));
    return cut(lines, index > 0, index < parts.length - 1);
  });
}

function cut(lines: readonly string[], hasBefore: boolean, hasAfter: boolean): Line[] {
  const head = hasBefore ? CONTEXT : 0;
  const tail = hasAfter ? CONTEXT : 0;
  const same = (text: string): Line => ({ type: "same", text });
  if (lines.length <= head + tail + 1) return lines.map(same);
  return [
    ...lines.slice(0, head).map(same),
    { type: "hunk", text: `${lines.length - head - tail} unchanged lines` },
    ...(tail ? lines.slice(-tail).map(same) : []),
  ];
}

function ofPatch(patch: string): Line[] {
  return split(patch).map((line): Line => {
    if (line.startsWith("+") && !line.startsWith("+++")) return { type: "add", text: line.slice(1) };
    if (line.startsWith("-") && !line.startsWith("---")) return { type: "del", text: line.slice(1) };
    if (line.startsWith("@@") || line.startsWith("***") || line.startsWith("diff ") || line.startsWith("+++") || line.startsWith("---")) {
      return { type: "hunk", text: line };
    }
    return { type: "same", text: line.startsWith(" ") ? line.slice(1) : line };
  });
}
