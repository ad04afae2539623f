/** What came out of a session, put in words and in order. Pure functions; `Artifacts.tsx` shows it. */

import { whole } from "../lib/format";
import type { Artifacts, FileArtifact, LineCounts, Output } from "../lib/types";

export const SORTS = ["latest", "path", "lines"] as const;
export type Sort = (typeof SORTS)[number];

/** A path as its folder, from the project on if it is inside, and its name. */
export function pathParts(path: string, project: string | null): { folder: string; name: string } {
  const root = project ? project.replace(/\/+$/, "") + "/" : null;
  const shown = root && path.startsWith(root) ? path.slice(root.length) : path;
  const cut = Math.max(shown.lastIndexOf("/"), shown.lastIndexOf("\\")) + 1;
  return { folder: shown.slice(0, cut), name: shown.slice(cut) };
}

export function sorted(files: readonly FileArtifact[], by: Sort): FileArtifact[] {
  switch (by) {
    case "latest": return [...files];
    case "path": return files.toSorted((a, b) => a.path.localeCompare(b.path));
    case "lines": {
      const size = ({ lines }: FileArtifact) => lines.added + lines.removed;
      return files.toSorted((a, b) => size(b) - size(a) || a.path.localeCompare(b.path));
    }
  }
}

/** "+12 −3"; a `?` where calls did not tell all, nothing but that where they told none. */
export function linesText({ added, removed, complete }: LineCounts): string {
  if (!added && !removed) return complete ? "±0" : "?";
  return `+${whole(added)} −${whole(removed)}${complete ? "" : " ?"}`;
}

const many = (count: number, one: string, more = `${one}s`) => `${whole(count)} ${count === 1 ? one : more}`;

/** In one line what came out: "3 files, 2 commits, 1 pull request". */
export function summary({ files_total, outputs, outputs_total }: Artifacts): string {
  const parts = files_total ? [many(files_total, "file")] : [];
  const names: [Output["kind"], string][] = [["commit", "commit"], ["pull_request", "pull request"], ["issue", "issue"], ["release", "release"]];
  for (const [kind, name] of names) {
    const count = outputs.filter((output) => output.kind === kind).length;
    if (count) parts.push(many(count, name));
  }
  const images = outputs.reduce((sum, output) => sum + (output.images ?? 0), 0);
  if (images) parts.push(many(images, "image"));
  if (outputs_total > outputs.length) parts.push(`and ${whole(outputs_total - outputs.length)} more`);
  return parts.join(", ");
}

/** What the list does not hold, and why. */
export function omissions({ not_counted: { failed, unanswered, unnamed }, complete, files, files_total }: Artifacts): string[] {
  const notes: string[] = [];
  if (failed) notes.push(`${many(failed, "edit")} failed or ${failed === 1 ? "was" : "were"} refused, and made nothing.`);
  if (unanswered) notes.push(`${many(unanswered, "edit")} ${unanswered === 1 ? "has" : "have"} no answer: not run yet, or broken off.`);
  if (unnamed) notes.push(`${many(unnamed, "edit")} went well but ${unnamed === 1 ? "does" : "do"} not tell which file.`);
  if (files_total > files.length) notes.push(`${many(files_total - files.length, "more file")} not listed.`);
  if (!complete) notes.push("The session is too long to look at all of it: this is what its latest calls made.");
  return notes;
}
