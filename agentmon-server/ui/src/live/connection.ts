/**
 * The one WebSocket of a tab: topics, revisions, resuming after a break. Knows nothing of what topics are about and
 * nothing of React. docs/api.md describes the protocol.
 */

/** What the connection needs of a WebSocket; tests bring their own. */
export interface Socket {
  send(text: string): void;
  close(): void;
  onText: ((text: string) => void) | null;
  onClose: ((code: number) => void) | null;
}

/** Who hears of a topic. */
export interface Listener {
  /** All of it, in place of what was there. */
  snapshot(data: unknown): void;
  /** A change to what is there. */
  patch?(data: unknown): void;
  error?(code: string, message: string): void;
}

export type Link =
  /** Messages come. */
  | "live"
  /** The first try, or a short break that nobody needs to hear of. */
  | "connecting"
  /** No sign for so long that what is shown may be wrong. */
  | "stale";

export interface Surroundings {
  open(): Socket;
  now(): number;
  /** Calls back later; returns how to cancel. */
  later(ms: number, then: () => void): () => void;
  /** Calls back before the next frame. */
  frame(then: () => void): void;
  /** Tells how the connection is. */
  told(link: Link, detail: { retryAt: number | null; code: number | null }): void;
  /** The server's clock. */
  clock(now: string): void;
}

/** Silence after which what is shown is stale, in milliseconds. */
export const STALE_AFTER = 10_000;
const MAX_BACKOFF = 30_000;

interface Topic {
  listener: Listener;
  epoch: string | null;
  rev: number | null;
  /** Whether somebody shows it now. */
  isWanted: boolean;
}

interface Message {
  type: string;
  topic?: string | null;
  epoch?: string;
  rev?: number;
  now?: string;
  data?: unknown;
  code?: string;
  message?: string;
}

export class Connection {
  private readonly topics = new Map<string, Topic>();
  private socket: Socket | null = null;
  private epoch: string | null = null;
  private tries = 0;
  private heardAt: number;
  private openedAt = 0;
  private queue: Message[] = [];
  private isFlushing = false;
  private cancelRetry: (() => void) | null = null;
  private link: Link = "connecting";
  private isStopped = false;

  constructor(private readonly around: Surroundings) {
    this.heardAt = around.now();
  }

  start(): void {
    this.isStopped = false;
    this.connect();
    this.watch();
  }

  stop(): void {
    this.isStopped = true;
    this.cancelRetry?.();
    this.socket?.close();
    this.socket = null;
  }

  /** Tries at once instead of waiting for the next try: the network or the user came back. */
  hurry(): void {
    if (this.isStopped) return;
    if (this.socket && this.around.now() - this.heardAt < STALE_AFTER) return;
    this.tries = 0;
    this.reconnect();
  }

  /**
   * Hears of a topic until the returned function is called. A listener that comes back hears only of what it missed,
   * so it must keep what it heard; another listener starts anew.
   */
  subscribe(name: string, listener: Listener): () => void {
    const known = this.topics.get(name);
    const topic: Topic =
      known?.listener === listener ? known : { listener, epoch: null, rev: null, isWanted: false };
    topic.isWanted = true;
    this.topics.set(name, topic);
    this.ask(name, topic);
    return () => {
      if (this.topics.get(name) !== topic || !topic.isWanted) return;
      topic.isWanted = false;
      this.send({ op: "unsubscribe", topic: name });
    };
  }

  private ask(name: string, topic: Topic): void {
    // Before the greeting it is not known whether revisions still mean anything.
    if (this.epoch === null) return;
    const isResumable = topic.rev !== null && topic.epoch === this.epoch;
    this.send({
      op: "subscribe",
      topic: name,
      ...(isResumable ? { epoch: topic.epoch, rev: topic.rev } : {}),
    });
  }

  private send(message: object): void {
    if (this.epoch !== null) this.socket?.send(JSON.stringify(message));
  }

  private connect(): void {
    this.cancelRetry?.();
    this.cancelRetry = null;
    const socket = this.around.open();
    this.socket = socket;
    this.epoch = null;
    this.openedAt = this.around.now();
    socket.onText = (text) => {
      if (this.socket === socket) this.heard(text);
    };
    socket.onClose = (code) => {
      if (this.socket === socket) this.lost(code);
    };
  }

  private reconnect(): void {
    const old = this.socket;
    this.socket = null;
    old?.close();
    this.connect();
  }

  private lost(code: number): void {
    this.socket = null;
    this.epoch = null;
    if (this.isStopped) return;
    const wait = Math.min(MAX_BACKOFF, 1000 * 2 ** this.tries);
    this.tries += 1;
    this.tell(this.link === "stale" ? "stale" : "connecting", this.around.now() + wait, code);
    this.cancelRetry = this.around.later(wait, () => this.connect());
  }

  /** Looks every second whether the server is silent. */
  private watch(): void {
    this.around.later(1000, () => {
      if (this.isStopped) return;
      const now = this.around.now();
      if (now - this.heardAt >= STALE_AFTER) {
        if (this.link !== "stale") this.tell("stale", null, null);
        // A socket that stays silent is dead, whatever it says of itself.
        if (this.socket && now - this.openedAt >= STALE_AFTER) this.reconnect();
      }
      this.watch();
    });
  }

  private tell(link: Link, retryAt: number | null, code: number | null): void {
    this.link = link;
    this.around.told(link, { retryAt, code });
  }

  private heard(text: string): void {
    let message: Message;
    try {
      message = JSON.parse(text) as Message;
    } catch {
      return;
    }
    this.heardAt = this.around.now();
    if (message.now) this.around.clock(message.now);
    if (message.type === "hello") {
      this.tries = 0;
      this.epoch = message.epoch ?? "";
      for (const [name, topic] of this.topics) {
        if (topic.isWanted) this.ask(name, topic);
        else this.topics.delete(name);
      }
    }
    if (this.link !== "live" && this.epoch !== null) this.tell("live", null, null);
    if (message.type === "snapshot" || message.type === "patch" || message.type === "resumed" || message.type === "error") {
      this.queue.push(message);
      if (!this.isFlushing) {
        this.isFlushing = true;
        this.around.frame(() => this.flush());
      }
    }
  }

  private flush(): void {
    this.isFlushing = false;
    const queue = this.queue;
    this.queue = [];
    for (const message of queue) this.apply(message);
  }

  private apply(message: Message): void {
    const name = message.topic;
    const topic = name ? this.topics.get(name) : undefined;
    if (!name || !topic?.isWanted) return;
    switch (message.type) {
      case "snapshot":
        topic.epoch = message.epoch ?? this.epoch;
        topic.rev = message.rev ?? 0;
        topic.listener.snapshot(message.data);
        break;
      case "patch":
        this.patch(name, topic, message);
        break;
      case "error":
        topic.listener.error?.(message.code ?? "unknown", message.message ?? "");
        break;
      default:
    }
  }

  private patch(name: string, topic: Topic, message: Message): void {
    const rev = message.rev ?? 0;
    if (topic.rev === null || rev <= topic.rev) return;
    if (rev !== topic.rev + 1) {
      // Something was missed: everything anew. Patches until then are of no use.
      topic.rev = null;
      this.ask(name, topic);
      return;
    }
    topic.rev = rev;
    topic.listener.patch?.(message.data);
  }
}
