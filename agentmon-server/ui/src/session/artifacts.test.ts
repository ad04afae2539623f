import { describe, expect, it } from "vitest";
import type { Artifacts, FileArtifact, Output } from "../lib/types";
import { linesText, omissions, pathParts, sorted, summary } from "./artifacts";

const file = (path: string, added = 0, removed = 0): FileArtifact => ({
  path, change: "edited", renamed_from: null, changes: 1, lines: { added, removed, complete: true },
  first_at: "2026-11-21T10:00:00Z", last_at: "2026-11-21T10:00:00Z", session: "a:s", event: 1, by: [],
});

const output = (kind: Output["kind"], images: number | null = null): Output => ({
  kind, at: "2026-11-21T10:00:00Z", session: "a:s", event: 1, title: null, id: null, url: null, tool: null, images,
});

const nothing: Artifacts = {
  session: "a:s", files: [], files_total: 0, lines: { added: 0, removed: 0, complete: true }, outputs: [], outputs_total: 0,
  not_counted: { failed: 0, unanswered: 0, unnamed: 0 }, complete: true,
};

describe("artifacts", () => {
  it("shows paths from the project on", () => {
    expect(pathParts("/p/app/src/a.rs", "/p/app")).toEqual({ folder: "src/", name: "a.rs" });
    expect(pathParts("/p/app/a.rs", "/p/app/")).toEqual({ folder: "", name: "a.rs" });
    expect(pathParts("/p/application/a.rs", "/p/app")).toEqual({ folder: "/p/application/", name: "a.rs" });
    expect(pathParts("C:\\app\\a.ts", null)).toEqual({ folder: "C:\\app\\", name: "a.ts" });
    expect(pathParts("<img src=x onerror=alert(1)>", "/p")).toEqual({ folder: "", name: "<img src=x onerror=alert(1)>" });
  });

  it("sorts without changing what it was given", () => {
    const files = [file("/b", 1), file("/c", 5, 5), file("/a")];
    expect(sorted(files, "path").map(({ path }) => path)).toEqual(["/a", "/b", "/c"]);
    expect(sorted(files, "lines").map(({ path }) => path)).toEqual(["/c", "/b", "/a"]);
    expect(sorted(files, "latest")).toEqual(files);
    expect(files[0]?.path).toBe("/b");
  });

  it("tells lines only as far as they are known", () => {
    expect(linesText({ added: 1200, removed: 3, complete: true })).toBe("+1,200 −3");
    expect(linesText({ added: 2, removed: 0, complete: false })).toBe("+2 −0 ?");
    expect(linesText({ added: 0, removed: 0, complete: false })).toBe("?");
    expect(linesText({ added: 0, removed: 0, complete: true })).toBe("±0");
  });

  it("sums up, and says what is left out", () => {
    expect(summary(nothing)).toBe("");
    const outputs = [output("commit"), output("commit"), output("pull_request"), output("images", 3)];
    expect(summary({ ...nothing, files_total: 1, outputs, outputs_total: 6 })).toBe("1 file, 2 commits, 1 pull request, 3 images, and 2 more");
    expect(omissions(nothing)).toEqual([]);
    const notes = omissions({ ...nothing, files_total: 2, complete: false, not_counted: { failed: 1, unanswered: 2, unnamed: 1 } });
    expect(notes).toHaveLength(5);
    expect(notes[0]).toBe("1 edit failed or was refused, and made nothing.");
  });
});
