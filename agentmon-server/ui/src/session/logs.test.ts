import { afterEach, describe, expect, it, vi } from "vitest";
import type { LogLine } from "../lib/types";
import { asText, createLog, everything, joined, reaches, written } from "./logs";

const line = (id: number, more: Partial<LogLine> = {}): LogLine => ({
  id, at: `2026-11-21T10:00:${String(id % 60).padStart(2, "0")}.000Z`, level: "info", kind: "tool_use", status: "success", tool: null, duration_ms: null, text: `line ${id}`, truncated: false, ...more,
});
const lines = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, index) => line(from - index));
const ids = (list: readonly LogLine[]) => list.map(({ id }) => id);

/** A server that answers with these pages, one after the other. */
function answers(...pages: { lines: LogLine[]; next: string | null }[]) {
  const asked: string[] = [];
  vi.stubGlobal("fetch", (path: string) => {
    asked.push(path);
    const page = pages.shift();
    return Promise.resolve(page ? Response.json(page) : Response.json({ error: "no more" }, { status: 503 }));
  });
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

describe("the log", () => {
  it("joins pages, each line once and as it was told last", () => {
    expect(ids(joined(lines(5, 3), lines(4, 1)))).toEqual([5, 4, 3, 2, 1]);
    expect(joined([line(1, { status: "error" })], [line(1)])[0]?.status).toBe("error");
    expect(reaches({ lines: lines(9, 7), next: "x" }, lines(3, 1))).toBe(false);
    expect(reaches({ lines: lines(9, 7), next: null }, lines(3, 1))).toBe(true);
    expect(reaches({ lines: lines(4, 2), next: "x" }, lines(3, 1))).toBe(true);
  });

  it("is one line of text for each line, whatever is in it", () => {
    const odd = line(1, { level: "warn", tool: "Bash", duration_ms: 812, text: 'a\n"b"\u001b[31m<script>' });
    expect(asText(odd)).toBe('2026-11-21T10:00:01.000Z WARN  tool_use Bash 812ms a\\n"b"\\u001b[31m<script>');
    expect(written([odd, line(2)], "text").split("\n")).toHaveLength(3);
    expect(written([odd], "ndjson")).toBe(`${JSON.stringify(odd)}\n`);
  });

  it("follows the end, waits for who reads further down, and says when it cannot", async () => {
    const asked = answers({ lines: lines(4, 3), next: "c3" }, { lines: lines(2, 1), next: null }, { lines: lines(6, 5), next: "c5" }, { lines: lines(5, 4), next: "c4" });
    const { store, actions } = createLog("a:s", { level: "warn" });
    await actions.newest();
    expect(asked[0]).toBe("/api/v1/sessions/a%3As/log?level=warn&limit=200");
    actions.older();
    await vi.waitFor(() => expect(ids(store.getState().lines)).toEqual([4, 3, 2, 1]));
    expect(store.getState().next).toBe(null);
    // More came than a page holds: what is below is asked for again.
    await actions.newest();
    expect(ids(store.getState().lines)).toEqual([6, 5]);
    expect(store.getState().next).toBe("c5");
    actions.hold(true);
    store.setState({ lines: lines(4, 3) });
    await actions.newest();
    expect(ids(store.getState().lines)).toEqual([4, 3]);
    expect(ids(store.getState().waiting)).toEqual([5]);
    actions.hold(false);
    expect(ids(store.getState().lines)).toEqual([5, 4, 3]);
    await actions.newest();
    expect(store.getState().error?.message).toBe("no more");
    expect(ids(store.getState().lines)).toEqual([5, 4, 3]);
  });

  it("is downloaded whole, the oldest line first", async () => {
    const asked = answers({ lines: lines(4, 3), next: "c3" }, { lines: lines(2, 1), next: null });
    expect(ids(await everything("a:s", { contains: "x" }))).toEqual([1, 2, 3, 4]);
    expect(asked[1]).toContain("after=c3");
    expect(asked[1]).toContain("contains=x");
  });
});
