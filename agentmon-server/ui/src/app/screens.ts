/**
 * The screens but the board, and their larger parts. They come when they are asked for; or when the tab has nothing else to do, so
 * that a server that stops leaves no screen blank.
 */

const LOADERS = {
  session: () => import("../session/Session"),
  activity: () => import("../activity/Activity"),
  usage: () => import("../usage/Usage"),
  search: () => import("../search/Search"),
  settings: () => import("../settings/Settings"),
  chat: () => import("../chat/Chat"),
  agents: () => import("../agents/Agents"),
};

/** What screens load by themselves. */
const PARTS = [
  () => import("../session/Events"),
  () => import("../session/CostTab"),
  () => import("../session/Why"),
  () => import("../session/ToolBody"),
  () => import("../session/Prose"),
  () => import("../session/Code"),
  () => import("../usage/Chart"),
  () => import("./Palette"),
  () => import("./Help"),
];

/** How long after the start all of them are loaded, in milliseconds. */
const LATER = 1500;

export const screens = LOADERS;

export function loadLater(): void {
  setTimeout(() => {
    // One that fails is loaded when it is asked for, and says so then.
    for (const load of [...Object.values(LOADERS), ...PARTS]) load().catch(() => undefined);
  }, LATER);
}
