/** Chats with agents behind gateways: one WebSocket for all that are open. Frames are told apart by gateway and session. */

import { create } from "zustand";

export interface Message {
  id: number;
  at: string;
  role: string;
  text: string;
  runId?: string;
  state: "sent" | "pending" | "failed" | "aborted";
  error?: string;
}

export interface Approval {
  approvalId: string;
  command: unknown;
  cwd: unknown;
  decisions: string[];
}

export interface Chat {
  messages: Message[];
  /** Answers that grow, by run. */
  growing: Record<string, string>;
  approvals: Approval[];
  error: string | null;
  isLoaded: boolean;
}

export const NO_CHAT: Chat = { messages: [], growing: {}, approvals: [], error: null, isLoaded: false };

interface Frame {
  type: string;
  gatewayId?: string;
  sessionKey?: string;
  /** Comes back as it was asked: the key by which this page knows the chat. */
  id?: unknown;
  messages?: Message[];
  message?: Message | null;
  runId?: string;
  text?: string;
  replace?: boolean;
  error?: string;
  approvalId?: string;
  command?: unknown;
  cwd?: unknown;
  decisions?: unknown;
  connected?: boolean;
  note?: string | null;
}

/** The most recent messages kept of a chat. */
const MAX = 1000;

export function chatKey(gateway: string, session: string): string {
  return `${gateway}\n${session}`;
}

/** Adds messages or puts them in the place of what they were. Exported for tests. */
export function place(messages: readonly Message[], fresh: readonly Message[]): Message[] {
  const byId = new Map(messages.map((message) => [message.id, message]));
  for (const message of fresh) {
    const known = byId.get(message.id);
    // That it was on its way can be told after the answer came.
    if (message.state !== "pending" || !known || known.state === "pending") byId.set(message.id, message);
  }
  return [...byId.values()].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : a.id - b.id)).slice(-MAX);
}

/** What the user sent with a run is no longer on its way once the run is heard of. */
function settle(messages: readonly Message[], frame: Frame): Message[] {
  const state = frame.type === "error" ? "failed" : "sent";
  const error = frame.type === "error" && frame.error !== undefined ? { error: frame.error } : {};
  return messages.map((message) => (message.state === "pending" && message.runId === frame.runId ? { ...message, state, ...error } : message));
}

/** A chat after a frame. Pure. */
export function take(chat: Chat, frame: Frame): Chat {
  const said = frame.message ? [frame.message] : [];
  const { [frame.runId ?? ""]: grown, ...others } = chat.growing;
  switch (frame.type) {
    case "history":
      return { ...chat, messages: place(chat.messages, frame.messages ?? []), isLoaded: true, error: null };
    case "message":
    case "sent":
      return { ...chat, messages: place(chat.messages, said), error: null };
    case "delta":
      if (!frame.runId) return chat;
      return { ...chat, messages: settle(chat.messages, frame), growing: { ...chat.growing, [frame.runId]: frame.replace ? (frame.text ?? "") : (grown ?? "") + (frame.text ?? "") } };
    case "final":
    case "aborted":
      return { ...chat, messages: place(settle(chat.messages, frame), said), growing: others };
    case "error":
      return { ...chat, messages: place(frame.runId ? settle(chat.messages, frame) : chat.messages, said), growing: frame.runId ? others : chat.growing, error: frame.error ?? "Something went wrong" };
    case "resync":
      return { ...chat, growing: {} };
    case "approval":
      return {
        ...chat,
        approvals: [
          ...chat.approvals.filter(({ approvalId }) => approvalId !== frame.approvalId),
          {
            approvalId: frame.approvalId ?? "", command: frame.command, cwd: frame.cwd,
            decisions: Array.isArray(frame.decisions) ? frame.decisions.filter((word): word is string => typeof word === "string") : ["allow-once", "deny"],
          },
        ],
      };
    case "approval_resolved":
    case "approved":
      return { ...chat, approvals: chat.approvals.filter(({ approvalId }) => approvalId !== frame.approvalId) };
    default:
      return chat;
  }
}

interface Chats {
  chats: Record<string, Chat>;
  isOpen: boolean;
  /** Gateways that told that they are not connected, with why. */
  notes: Record<string, string | null>;
}

export const useChats = create<Chats>(() => ({ chats: {}, isOpen: false, notes: {} }));

let socket: WebSocket | null = null;
let tries = 0;
/** From session keys in full to those that were asked for (`agent:main:main` to `main`). */
const asked = new Map<string, string>();
/** Chats that are on the screen. */
const wanted = new Map<string, { gateway: string; session: string }>();

function say(message: object): void {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function connect(): void {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const opened = new WebSocket(`${scheme}://${location.host}/ws/chat`);
  socket = opened;
  opened.onopen = () => {
    tries = 0;
    useChats.setState({ isOpen: true });
    for (const { gateway, session } of wanted.values()) ask(gateway, session);
  };
  opened.onmessage = ({ data }) => {
    if (typeof data === "string") heard(data);
  };
  opened.onclose = () => {
    useChats.setState({ isOpen: false });
    socket = null;
    if (!wanted.size) return;
    setTimeout(() => {
      if (wanted.size && !socket) connect();
    }, Math.min(30_000, 1000 * 2 ** tries));
    tries += 1;
  };
}

function ask(gateway: string, session: string): void {
  say({ type: "history", gatewayId: gateway, sessionKey: session, limit: 200, id: session });
}

function heard(text: string): void {
  let frame: Frame;
  try {
    frame = JSON.parse(text) as Frame;
  } catch {
    return;
  }
  const { gatewayId: gateway, sessionKey } = frame;
  if (!gateway) return;
  if (frame.type === "gateway") {
    const note = frame.connected ? null : (frame.note ?? "not connected");
    useChats.setState((state) => ({ notes: { ...state.notes, [gateway]: note } }));
    return;
  }
  if (sessionKey === undefined) return;
  if (typeof frame.id === "string" && frame.id !== sessionKey) asked.set(chatKey(gateway, sessionKey), frame.id);
  const session = asked.get(chatKey(gateway, sessionKey)) ?? sessionKey;
  if (frame.type === "resync" || frame.type === "changed") ask(gateway, session);
  const key = chatKey(gateway, session);
  useChats.setState((state) => ({ chats: { ...state.chats, [key]: take(state.chats[key] ?? NO_CHAT, frame) } }));
}

/** Looks on at a chat until the returned function is called. */
export function openChat(gateway: string, session: string): () => void {
  const key = chatKey(gateway, session);
  wanted.set(key, { gateway, session });
  if (!socket) connect();
  else ask(gateway, session);
  return () => {
    wanted.delete(key);
    say({ type: "unwatch", gatewayId: gateway, sessionKey: session });
    if (!wanted.size) socket?.close();
  };
}

export const chatActions = {
  send: (gateway: string, session: string, message: string) => say({ type: "chat", gatewayId: gateway, sessionKey: session, message }),
  abort: (gateway: string, session: string) => say({ type: "abort", gatewayId: gateway, sessionKey: session }),
  approve: (gateway: string, session: string, approvalId: string, decision: string) =>
    say({ type: "approve", gatewayId: gateway, sessionKey: session, approvalId, decision }),
};
