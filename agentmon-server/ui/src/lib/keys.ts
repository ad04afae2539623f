/** Single keys and short sequences. They are off inside fields, in dialogs, and with modifiers. */

import { useEffect, useRef } from "react";

/** From keys (`j`, `g b`, `?`) to what they do. A handler that returns `false` leaves the key to others. */
export type KeyMap = Record<string, (event: KeyboardEvent) => unknown>;

/** How long the second key of a sequence may take, in milliseconds. */
const PATIENCE = 1200;

/** What is on the screen later comes first. */
const layers: { current: KeyMap }[] = [];
let first: { key: string; at: number } | null = null;

/** Whether a key belongs to what it was typed into. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return (
    target.isContentEditable ||
    target instanceof HTMLInputElement ||
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement ||
    target.closest("dialog") !== null
  );
}

/** Enter and Space belong to the button or link that has the focus. */
function belongsToControl(event: KeyboardEvent): boolean {
  if (event.key !== "Enter" && event.key !== " ") return false;
  return event.target instanceof Element && event.target.closest("button, a, summary, [role=tab]") !== null;
}

/** The name under which a map has a key. */
export function nameOf(event: Pick<KeyboardEvent, "key">): string {
  return event.key === " " ? "Space" : event.key;
}

/** Finds who takes a key, the newest layer first. Exported for tests. */
export function handle(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (isTyping(event.target) || belongsToControl(event)) return;
  const key = nameOf(event);
  const sequence = first && event.timeStamp - first.at < PATIENCE ? `${first.key} ${key}` : null;
  first = null;
  for (const name of sequence ? [sequence, key] : [key]) {
    for (const layer of layers.toReversed()) {
      const action = layer.current[name];
      if (action && action(event) !== false) {
        event.preventDefault();
        return;
      }
    }
  }
  const begins = layers.some((layer) => Object.keys(layer.current).some((name) => name.startsWith(`${key} `)));
  if (begins) first = { key, at: event.timeStamp };
}

export function startKeys(): void {
  window.addEventListener("keydown", handle);
}

/** Puts keys above all others; returns how to take them away. */
export function addKeys(layer: { current: KeyMap }): () => void {
  layers.push(layer);
  return () => {
    layers.splice(layers.indexOf(layer), 1);
  };
}

/** Keys that are there while a component is. */
export function useKeys(map: KeyMap): void {
  const layer = useRef(map);
  useEffect(() => {
    layer.current = map;
  });
  useEffect(() => addKeys(layer), []);
}
