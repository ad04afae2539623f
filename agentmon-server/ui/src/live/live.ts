/** The tab's connection, for components: how it is, and hearing of a topic while something is shown. */

import { useEffect } from "react";
import { create } from "zustand";
import { setServerClock } from "../lib/clock";
import { Connection, type Link, type Listener, type Socket } from "./connection";

interface LinkState {
  link: Link;
  retryAt: number | null;
  /** Whether a snapshot or greeting ever came. */
  wasLive: boolean;
}

export const useLink = create<LinkState>(() => ({ link: "connecting", retryAt: null, wasLive: false }));

function openSocket(): Socket {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const ws = new WebSocket(`${scheme}://${location.host}/api/v1/ws`);
  const socket: Socket = {
    send: (text) => {
      if (ws.readyState === WebSocket.OPEN) ws.send(text);
    },
    close: () => ws.close(),
    onText: null,
    onClose: null,
  };
  ws.onmessage = ({ data }) => {
    if (typeof data === "string") socket.onText?.(data);
  };
  ws.onclose = ({ code }) => socket.onClose?.(code);
  return socket;
}

export const connection = new Connection({
  open: openSocket,
  now: () => Date.now(),
  later: (ms, then) => {
    const timer = setTimeout(then, ms);
    return () => clearTimeout(timer);
  },
  // Frames do not come to hidden tabs, whose title and notifications go on.
  frame: (then) => {
    if (document.hidden) setTimeout(then, 250);
    else requestAnimationFrame(then);
  },
  told: (link, { retryAt }) =>
    useLink.setState((state) => ({ link, retryAt, wasLive: state.wasLive || link === "live" })),
  clock: setServerClock,
});

/** Starts the connection; hurries when the network or the user comes back. */
export function startLive(): void {
  connection.start();
  window.addEventListener("online", () => connection.hurry());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) connection.hurry();
  });
}

/** Hears of a topic while a component is there. `null` hears nothing. */
export function useTopic(topic: string | null, listener: Listener): void {
  useEffect(() => (topic === null ? undefined : connection.subscribe(topic, listener)), [topic, listener]);
}
