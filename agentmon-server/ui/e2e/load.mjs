// Posts events as agents do, to sessions that are shown, and reads in a page what scale is about, with its bars.

/** Rows and blocks in the document at a time, and nodes in all. */
export const DRAWN = 160;
export const NODES = 20_000;
/** How much more a tab may hold after some time of updates, in MiB. */
export const GROWTH = 30;

/** So often events are posted in one second. */
const TURNS = 10;

/**
 * Posts `rate` events a second to sessions in turn, in batches, until it is stopped. Most are work that goes on; one in twenty ends a
 * turn, which moves its row. `stop()` ends it and tells how many events were taken in, and how many a second.
 */
export function startLoad(url, sessions, rate) {
  let turn = 0;
  let posted = 0;
  let isOver = false;
  const began = Date.now();
  const event = () => {
    const session_id = sessions[(turn * 997) % sessions.length];
    turn += 1;
    const kind = turn % 20 ? { event_type: "tool_use", tool_name: "Bash", metadata: { command: `step ${turn}` } } : { event_type: "response", metadata: { message: "Done." } };
    return { session_id, agent_type: "claude_code", ...kind, model: "claude-opus-4-5-20251101", tokens_in: 10, tokens_out: 5 };
  };
  const run = async () => {
    while (!isOver) {
      // What was late is made up for, so that the rate holds.
      const due = Math.min(rate, Math.floor(((Date.now() - began) / 1000) * rate) - posted);
      if (due > 0) {
        const events = Array.from({ length: due }, event);
        const response = await fetch(`${url}/api/events/batch`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ events }) });
        if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
        posted += due;
      }
      await new Promise((later) => setTimeout(later, 1000 / TURNS));
    }
  };
  const running = run();
  return {
    stop: async () => {
      isOver = true;
      await running;
      return { posted, rate: Math.round(posted / ((Date.now() - began) / 1000)) };
    },
  };
}

/** Scrolls an element for some seconds, `step` pixels a frame, to and fro. Returns the lengths of the frames, and the most rows that were drawn. */
export function scroll(page, selector, seconds, step) {
  return page.evaluate(
    async ([selector, seconds, step]) => {
      const element = document.querySelector(selector);
      const frames = [];
      let drawn = 0;
      let by = step;
      let before = await new Promise((shown) => requestAnimationFrame(shown));
      const end = before + seconds * 1000;
      while (before < end) {
        const at = element.scrollTop;
        element.scrollTop = at + by;
        if (Math.abs(element.scrollTop - at) < 1) by = -by;
        const now = await new Promise((shown) => requestAnimationFrame(shown));
        frames.push(now - before);
        before = now;
        if (frames.length % 10 === 0) drawn = Math.max(drawn, document.querySelectorAll("[data-row], [data-block]").length);
      }
      return { frames, drawn };
    },
    [selector, seconds, step],
  );
}

/** What a tab holds after its garbage is collected: megabytes of JavaScript, nodes of its documents, listeners. */
export async function held(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  const { nodes, jsEventListeners } = await session.send("Memory.getDOMCounters");
  await session.detach();
  return { heap: Math.round(usedSize / 2 ** 20), nodes, listeners: jsEventListeners };
}

/** Walks through the whole board and returns the ids of its rows in order; a row that stands there twice is there twice. */
export function walk(page) {
  return page.evaluate(async () => {
    const scroller = document.querySelector("[data-scroller]");
    const frame = () => new Promise((shown) => requestAnimationFrame(() => requestAnimationFrame(shown)));
    const places = new Map();
    const twice = [];
    scroller.scrollTop = 0;
    for (;;) {
      await frame();
      const now = new Map();
      for (const row of document.querySelectorAll("[data-row]")) {
        const id = row.dataset.row;
        const place = Math.round(row.getBoundingClientRect().top + scroller.scrollTop);
        if (now.has(id) || (places.has(id) && Math.abs(places.get(id) - place) > 2)) twice.push(id);
        now.set(id, place);
        places.set(id, place);
      }
      const at = scroller.scrollTop;
      scroller.scrollTop = at + scroller.clientHeight;
      if (scroller.scrollTop === at) break;
    }
    return { ids: [...places.keys()], twice };
  });
}
