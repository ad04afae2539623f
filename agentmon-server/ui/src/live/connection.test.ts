import { beforeEach, describe, expect, it } from "vitest";
import { Connection, STALE_AFTER, type Link, type Listener, type Socket } from "./connection";

/** A world in which time passes when told to. */
class World {
  now = 0;
  timers: { at: number; then: () => void }[] = [];
  sockets: (Socket & { sent: Record<string, unknown>[]; isClosed: boolean })[] = [];
  links: Link[] = [];
  connection = new Connection({
    open: () => {
      const socket = {
        sent: [] as Record<string, unknown>[],
        isClosed: false,
        send: (text: string) => void socket.sent.push(JSON.parse(text) as Record<string, unknown>),
        close: () => {
          socket.isClosed = true;
        },
        onText: null as Socket["onText"],
        onClose: null as Socket["onClose"],
      };
      this.sockets.push(socket);
      return socket;
    },
    now: () => this.now,
    later: (ms, then) => {
      const timer = { at: this.now + ms, then };
      this.timers.push(timer);
      return () => {
        this.timers = this.timers.filter((other) => other !== timer);
      };
    },
    frame: (then) => then(),
    told: (link) => void this.links.push(link),
    clock: () => undefined,
  });

  get socket() {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error("no socket was opened");
    return socket;
  }

  say(message: object): void {
    this.socket.onText?.(JSON.stringify(message));
  }

  hello(epoch = "a"): void {
    this.say({ type: "hello", epoch, now: "2026-11-21T12:00:00Z" });
  }

  pass(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const next = this.timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.timers = this.timers.filter((timer) => timer !== next);
      this.now = next.at;
      next.then();
    }
    this.now = end;
  }
}

function listener(): Listener & { heard: unknown[] } {
  const heard: unknown[] = [];
  return {
    heard,
    snapshot: (data) => void heard.push(["snapshot", data]),
    patch: (data) => void heard.push(["patch", data]),
    error: (code) => void heard.push(["error", code]),
  };
}

let world: World;
beforeEach(() => {
  world = new World();
  world.connection.start();
});

describe("Connection", () => {
  it("subscribes after the greeting, and applies snapshot and patches in order", () => {
    const board = listener();
    world.connection.subscribe("board", board);
    expect(world.socket.sent).toEqual([]);
    world.hello();
    expect(world.socket.sent).toEqual([{ op: "subscribe", topic: "board" }]);
    world.say({ type: "snapshot", topic: "board", epoch: "a", rev: 4, data: 1 });
    world.say({ type: "patch", topic: "board", rev: 5, data: 2 });
    world.say({ type: "patch", topic: "board", rev: 5, data: "again" });
    expect(board.heard).toEqual([["snapshot", 1], ["patch", 2]]);
  });

  it("asks for everything anew where a revision is missing, and applies nothing until it comes", () => {
    const board = listener();
    world.connection.subscribe("board", board);
    world.hello();
    world.say({ type: "snapshot", topic: "board", epoch: "a", rev: 1, data: 1 });
    world.say({ type: "patch", topic: "board", rev: 3, data: 3 });
    world.say({ type: "patch", topic: "board", rev: 4, data: 4 });
    expect(board.heard).toEqual([["snapshot", 1]]);
    expect(world.socket.sent.at(-1)).toEqual({ op: "subscribe", topic: "board" });
    world.say({ type: "snapshot", topic: "board", epoch: "a", rev: 4, data: "all" });
    world.say({ type: "patch", topic: "board", rev: 5, data: 5 });
    expect(board.heard.slice(1)).toEqual([["snapshot", "all"], ["patch", 5]]);
  });

  it("resumes after a break in the same epoch, and starts anew after a restart of the server", () => {
    const board = listener();
    world.connection.subscribe("board", board);
    world.hello("a");
    world.say({ type: "snapshot", topic: "board", epoch: "a", rev: 7, data: 1 });
    world.socket.onClose?.(1006);
    world.pass(1000);
    world.hello("a");
    expect(world.socket.sent).toEqual([{ op: "subscribe", topic: "board", epoch: "a", rev: 7 }]);
    world.say({ type: "resumed", topic: "board", rev: 7 });
    world.say({ type: "patch", topic: "board", rev: 8, data: 2 });
    expect(board.heard).toEqual([["snapshot", 1], ["patch", 2]]);
    world.socket.onClose?.(1001);
    world.pass(1000);
    world.hello("b");
    expect(world.socket.sent).toEqual([{ op: "subscribe", topic: "board" }]);
  });

  it("waits longer from try to try, at most 30 seconds", () => {
    const waits: number[] = [];
    for (let turn = 0; turn < 7; turn += 1) {
      const before = world.now;
      const opened = world.sockets.length;
      world.socket.onClose?.(1006);
      while (world.sockets.length === opened) world.pass(100);
      waits.push(Math.round((world.now - before) / 1000));
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30]);
  });

  it("is stale after ten silent seconds, and connects anew", () => {
    world.hello();
    expect(world.links.at(-1)).toBe("live");
    world.pass(STALE_AFTER - 2000);
    expect(world.links.at(-1)).toBe("live");
    world.pass(3000);
    expect(world.links.at(-1)).toBe("stale");
    expect(world.sockets).toHaveLength(2);
    expect(world.sockets[0]?.isClosed).toBe(true);
    world.hello();
    expect(world.links.at(-1)).toBe("live");
  });

  it("hears nothing of a topic that nobody shows, and only what was missed when it is shown again", () => {
    const board = listener();
    const leave = world.connection.subscribe("board", board);
    world.hello();
    world.say({ type: "snapshot", topic: "board", epoch: "a", rev: 1, data: 1 });
    leave();
    expect(world.socket.sent.at(-1)).toEqual({ op: "unsubscribe", topic: "board" });
    world.say({ type: "patch", topic: "board", rev: 2, data: "late" });
    world.connection.subscribe("board", board);
    expect(world.socket.sent.at(-1)).toEqual({ op: "subscribe", topic: "board", epoch: "a", rev: 1 });
    world.connection.subscribe("board", listener());
    expect(world.socket.sent.at(-1)).toEqual({ op: "subscribe", topic: "board" });
    expect(board.heard).toEqual([["snapshot", 1]]);
  });

  it("survives messages that make no sense", () => {
    world.hello();
    world.socket.onText?.("{");
    world.say({ type: "patch", topic: "nobody", rev: 1 });
    world.say({ type: "news" });
    expect(world.links.at(-1)).toBe("live");
  });
});
