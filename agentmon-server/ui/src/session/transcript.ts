/**
 * A session as the server tells it, and the part of its transcript that is loaded: pages that follow one another. Pure
 * functions on immutable state; `store.ts` drives them.
 */

import type { Block, BlockPage } from "../lib/types";

/** Blocks kept at most. A long transcript is read through a window, so that the tab's memory is bounded. */
export const MAX_BLOCKS = 2500;

export interface Page {
  blocks: Block[];
  /** Cursor to what comes before; `null` at the beginning of the session. */
  before: string | null;
  /** Cursor to what comes later. */
  after: string | null;
}

export interface Transcript {
  pages: Page[];
  total: number;
  /** Whether the last page reaches the session's end, so that what is new belongs behind it. */
  atEnd: boolean;
}

export const NOTHING: Transcript = { pages: [], total: 0, atEnd: false };

export function fromPage(page: BlockPage, atEnd: boolean): Transcript {
  return { pages: [{ blocks: page.blocks, before: page.before, after: page.after }], total: page.total, atEnd };
}

export function blocksOf(transcript: Transcript): Block[] {
  return transcript.pages.flatMap((page) => page.blocks);
}

function size(pages: readonly Page[]): number {
  return pages.reduce((sum, page) => sum + page.blocks.length, 0);
}

/** Puts a page before all others; pages at the other end are let go. */
export function prepend(transcript: Transcript, page: BlockPage): Transcript {
  const known = new Set(transcript.pages[0]?.blocks.map((block) => block.id));
  const blocks = page.blocks.filter((block) => !known.has(block.id));
  const pages: Page[] = [{ blocks, before: page.before, after: page.after }, ...transcript.pages];
  let { atEnd } = transcript;
  while (pages.length > 1 && size(pages) > MAX_BLOCKS) {
    pages.pop();
    atEnd = false;
  }
  return { pages, total: page.total, atEnd };
}

/** Puts a page behind all others; pages at the other end are let go. */
export function append(transcript: Transcript, page: BlockPage, limit: number): Transcript {
  const known = new Set(transcript.pages.at(-1)?.blocks.map((block) => block.id));
  const blocks = page.blocks.filter((block) => !known.has(block.id));
  const last = transcript.pages.at(-1);
  // An empty page keeps the cursor that led to it.
  const after = page.after ?? last?.after ?? null;
  const pages: Page[] = blocks.length
    ? [...transcript.pages, { blocks, before: page.before, after }]
    : transcript.pages;
  const kept = trimStart(pages);
  return { pages: kept, total: page.total, atEnd: page.blocks.length < limit };
}

function trimStart(pages: Page[]): Page[] {
  let from = 0;
  let left = size(pages);
  while (from < pages.length - 1 && left > MAX_BLOCKS) {
    left -= pages[from]?.blocks.length ?? 0;
    from += 1;
  }
  return from ? pages.slice(from) : pages;
}

function comes(a: Block, b: Block): number {
  return a.at < b.at ? -1 : a.at > b.at ? 1 : a.id - b.id;
}

/** Takes in live changes: known blocks in their place, new ones at the end if the end is there. */
export function merge(transcript: Transcript, changed: readonly Block[], total: number | undefined): Transcript {
  const byId = new Map(changed.map((block) => [block.id, block]));
  let pages = transcript.pages.map((page) => {
    if (!page.blocks.some((block) => byId.has(block.id))) return page;
    return {
      ...page,
      blocks: page.blocks.map((block) => {
        const next = byId.get(block.id);
        byId.delete(block.id);
        return next ?? block;
      }),
    };
  });
  if (transcript.atEnd && byId.size) {
    const last = pages.at(-1) ?? { blocks: [], before: null, after: null };
    const fresh = [...byId.values()];
    const blocks = [...last.blocks, ...fresh];
    const tail = last.blocks.at(-1);
    // Almost always they come in order.
    if (fresh.some((block) => tail !== undefined && comes(block, tail) < 0) || fresh.length > 1) blocks.sort(comes);
    pages = split([...pages.slice(0, -1), { ...last, blocks }]);
  }
  return { ...transcript, pages: transcript.atEnd ? trimStart(pages) : pages, total: total ?? transcript.total };
}

/** Live pages grow; in parts they can be let go. A part begins where the server can be asked for what comes before. */
const PART = 500;

function split(pages: Page[]): Page[] {
  const last = pages.at(-1);
  if (!last || last.blocks.length < PART * 2) return pages;
  const head = last.blocks.slice(0, PART);
  const rest = last.blocks.slice(PART);
  const first = rest[0];
  // The form of a cursor is the server's: the part's beginning is asked for by its block instead.
  return [...pages.slice(0, -1), { ...last, blocks: head }, { blocks: rest, before: first ? `around:${first.id}` : null, after: last.after }];
}
