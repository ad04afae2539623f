import { describe, expect, it } from "vitest";
import type { Block, BlockPage } from "../lib/types";
import { append, blocksOf, fromPage, MAX_BLOCKS, merge, prepend, type Transcript } from "./transcript";

function block(id: number, text = ""): Block {
  return {
    id, at: new Date(id * 1000).toISOString(), kind: "response", status: "success", text, truncated: false, model: null, usage: null, cost_usd: null, duration_ms: null, tool: null,
  };
}

function page(from: number, to: number): BlockPage {
  const blocks = Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => block(from + at));
  return { blocks, total: 10_000, before: from > 1 ? `b${from}` : null, after: blocks.length ? `a${to}` : null };
}

function ids(transcript: Transcript): [number | undefined, number | undefined, number] {
  const blocks = blocksOf(transcript);
  return [blocks[0]?.id, blocks.at(-1)?.id, blocks.length];
}

describe("a transcript's window", () => {
  it("takes pages before and behind without a block twice", () => {
    let transcript = fromPage(page(101, 200), true);
    transcript = prepend(transcript, page(1, 101));
    expect(ids(transcript)).toEqual([1, 200, 200]);
    expect(transcript.pages[0]?.before).toBeNull();
    transcript = append({ ...transcript, atEnd: false }, page(200, 260), 61);
    expect(ids(transcript)).toEqual([1, 260, 260]);
    expect(transcript.atEnd).toBe(false);
    expect(append(transcript, page(261, 270), 200).atEnd).toBe(true);
  });

  it("stays bounded: what is far from the reader is let go", () => {
    let transcript = fromPage(page(9801, 10_000), true);
    for (let from = 9601; from >= 1; from -= 200) transcript = prepend(transcript, page(from, from + 199));
    expect(blocksOf(transcript).length).toBeLessThanOrEqual(MAX_BLOCKS);
    expect(transcript.atEnd).toBe(false);
    expect(blocksOf(transcript)[0]?.id).toBe(1);
    // What comes live now does not belong behind this window.
    expect(ids(merge(transcript, [block(10_001)], 10_001))).toEqual(ids(transcript));
    expect(merge(transcript, [block(10_001)], 10_001).total).toBe(10_001);
  });

  it("stays bounded while it follows a session that never ends", () => {
    let transcript = fromPage(page(1, 100), true);
    for (let id = 101; id < 9000; id += 1) transcript = merge(transcript, [block(id)], id);
    const [first, last, size] = ids(transcript);
    expect(last).toBe(8999);
    expect(size).toBeLessThanOrEqual(MAX_BLOCKS);
    expect((last ?? 0) - (first ?? 0) + 1).toBe(size);
    expect(transcript.pages[0]?.before).toBe(`around:${first ?? 0}`);
  });

  it("changes blocks in place, and orders what comes out of order", () => {
    let transcript = fromPage(page(1, 3), true);
    transcript = merge(transcript, [block(2, "changed"), block(6), block(5)], 5);
    expect(blocksOf(transcript).map(({ id, text }) => `${id}${text}`)).toEqual(["1", "2changed", "3", "5", "6"]);
    transcript = merge(transcript, [block(4)], 6);
    expect(blocksOf(transcript).map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6]);
  });
});
