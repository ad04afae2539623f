/** Around every screen: navigation, how the connection is, what lies over the page. */

import {
  Activity, ChartColumn, Command, Keyboard, LayoutList, MessageSquare, Moon, Bot, Search, Settings, Sun, SunMoon,
} from "lucide-react";
import { lazy, Suspense, type ReactNode } from "react";
import { Link, useLocation } from "wouter";
import { useQuery } from "@tanstack/react-query";
import { useBoard } from "../board/store";
import { api } from "../lib/api";
import { useKeys } from "../lib/keys";
import { setTheme, useTheme, type Theme } from "../lib/theme";
import { Until } from "../ui/parts";
import { useLink } from "../live/live";
import { useAnnouncement } from "./attention";
import { goToNext } from "./next";
import { show, useOverlay } from "./overlay";

const Palette = lazy(() => import("./Palette"));
const Help = lazy(() => import("./Help"));

interface Place {
  path: string;
  label: string;
  key: string;
  icon: typeof Activity;
}

const PLACES: readonly Place[] = [
  { path: "/", label: "Board", key: "b", icon: LayoutList },
  { path: "/activity", label: "Activity", key: "e", icon: Activity },
  { path: "/usage", label: "Usage", key: "u", icon: ChartColumn },
  { path: "/search", label: "Search", key: "s", icon: Search },
];
const AGENTS: Place = { path: "/agents", label: "By hand", key: "m", icon: Bot };
const CHAT: Place = { path: "/chat", label: "Chat", key: "c", icon: MessageSquare };
const SETTINGS: Place = { path: "/settings", label: "Settings", key: ",", icon: Settings };

/** The screens that there is something to see on. */
export function usePlaces(): Place[] {
  const gateways = useQuery({
    queryKey: ["gateways"],
    queryFn: () => api<unknown>("/api/gateways"),
    staleTime: 60_000,
    retry: false,
  });
  const agents = useQuery({
    queryKey: ["agents"],
    queryFn: () => api<unknown>("/api/agents"),
    staleTime: 60_000,
    retry: false,
  });
  return [
    ...PLACES,
    ...(hasSome(agents.data, "agents") ? [AGENTS] : []),
    ...(hasSome(gateways.data, "gateways") ? [CHAT] : []),
    SETTINGS,
  ];
}

/** Whether an answer is a list, or holds one, with something in it. */
function hasSome(answer: unknown, name: string): boolean {
  if (Array.isArray(answer)) return answer.length > 0;
  if (typeof answer !== "object" || answer === null) return false;
  const inside: unknown = (answer as Record<string, unknown>)[name];
  return Array.isArray(inside) && inside.length > 0;
}

function isHere(path: string, location: string): boolean {
  return path === "/" ? location === "/" || location.startsWith("/s/") : location.startsWith(path);
}

export function Shell({ children }: { children: ReactNode }) {
  const [location, navigate] = useLocation();
  const places = usePlaces();
  const waiting = useBoard((state) => state.status?.groups.needs_you ?? 0);
  const overlay = useOverlay((state) => state.overlay);

  useKeys({
    "?": () => show("help"),
    "/": () => navigate("/search"),
    // Also while a session is still loading.
    Escape: () => (location.startsWith("/s/") ? navigate("/") : false),
    n: () => goToNext(navigate),
    "g b": () => navigate("/"),
    "g e": () => navigate("/activity"),
    "g u": () => navigate("/usage"),
    "g s": () => navigate("/search"),
    "g c": () => navigate("/chat"),
    "g m": () => navigate("/agents"),
    "g ,": () => navigate("/settings"),
  });

  return (
    <div className="flex h-full flex-col">
      <a href="#main" className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:bg-raised focus:p-2">
        Skip to content
      </a>
      <header className="flex h-11 shrink-0 items-center gap-1 border-b border-line bg-raised px-3 max-md:h-12">
        <Link href="/" className="me-3 flex items-center gap-2 font-semibold tracking-tight max-lg:me-1">
          <img src="/icon.svg" alt="" width={20} height={20} />
          <span className="max-md:sr-only">agentmon</span>
        </Link>
        <nav aria-label="Screens" className="flex items-center gap-0.5 max-md:hidden">
          {places.map(({ path, label, icon: Icon }) => (
            <Link
              key={path} href={path} aria-current={isHere(path, location) ? "page" : undefined}
              className="button-quiet aria-[current]:bg-hover aria-[current]:text-text"
            >
              <Icon size={15} aria-hidden className="max-lg:hidden" />
              {label}
              {path === "/" && waiting ? (
                <span data-state="needs_input" className="rounded-full bg-[var(--state)]/18 px-1.5 text-xs font-semibold text-[var(--state)]">
                  {waiting}<span className="sr-only"> need you</span>
                </span>
              ) : null}
            </Link>
          ))}
        </nav>
        <p className="font-semibold md:hidden">{places.find(({ path }) => isHere(path, location))?.label}</p>
        <div className="ms-auto flex items-center gap-1">
          <LinkMark />
          <button type="button" className="button-quiet" onClick={() => show("palette")} aria-label="Commands, Ctrl K" title="Commands (Ctrl K)">
            <Command size={15} aria-hidden />
            <kbd aria-hidden className="max-md:hidden">Ctrl K</kbd>
          </button>
          <ThemeButton />
          <button type="button" className="button-quiet max-md:hidden" onClick={() => show("help")} aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)">
            <Keyboard size={15} aria-hidden />
          </button>
        </div>
      </header>
      <StaleBanner />
      <main id="main" tabIndex={-1} className="flex min-h-0 grow flex-col outline-none">
        {children}
      </main>
      <nav aria-label="Screens" className="flex shrink-0 border-t border-line bg-raised pb-[env(safe-area-inset-bottom)] md:hidden">
        {places.map(({ path, label, icon: Icon }) => (
          <Link
            key={path} href={path} aria-current={isHere(path, location) ? "page" : undefined}
            className="relative flex min-h-13 min-w-0 flex-1 flex-col items-center justify-center gap-0.5 text-xs text-dim aria-[current]:text-accent"
          >
            <Icon size={18} aria-hidden />
            <span className="truncate">{label}</span>
            {path === "/" && waiting ? (
              <span data-state="needs_input" className="absolute start-[calc(50%+8px)] top-1 rounded-full bg-[var(--state)] px-1 text-[10px] leading-4 font-bold text-bg">
                {waiting}<span className="sr-only"> need you</span>
              </span>
            ) : null}
          </Link>
        ))}
      </nav>
      <Announcer />
      <Suspense>
        {overlay === "palette" ? <Palette places={places} /> : null}
        {overlay === "help" ? <Help /> : null}
      </Suspense>
    </div>
  );
}

/** How the connection is: a word only when it is not well. */
function LinkMark() {
  const link = useLink((state) => state.link);
  const wasLive = useLink((state) => state.wasLive);
  if (link === "live") {
    return (
      <span className="flex items-center gap-1.5 px-2 text-xs text-faint" title="What you see is live">
        <span aria-hidden className="size-1.5 rounded-full bg-working" />
        <span className="max-md:sr-only">live</span>
      </span>
    );
  }
  return <span role="status" className="px-2 text-xs text-needs">{wasLive ? "reconnecting" : "connecting"}</span>;
}

/** What is shown may be wrong: it says so, and what happens about it. */
function StaleBanner() {
  const link = useLink((state) => state.link);
  const retryAt = useLink((state) => state.retryAt);
  if (link !== "stale") return null;
  return (
    <p role="alert" data-state="needs_input" className="shrink-0 border-b border-line bg-[var(--state)]/12 px-4 py-1 text-sm text-[var(--state)]">
      No word from the server for a while: what you see may be out of date.{" "}
      {retryAt ? <>Next try in <Until at={new Date(retryAt).toISOString()} />.</> : "Trying again."}
    </p>
  );
}

function Announcer() {
  const text = useAnnouncement((state) => state.text);
  return <p aria-live="polite" className="sr-only">{text}</p>;
}

const NEXT: Record<Theme, Theme> = { system: "dark", dark: "light", light: "system" };

function ThemeButton() {
  const theme = useTheme((state) => state.theme);
  const Icon = theme === "dark" ? Moon : theme === "light" ? Sun : SunMoon;
  const label = `Theme: ${theme}`;
  return (
    <button type="button" className="button-quiet" onClick={() => setTheme(NEXT[theme])} aria-label={label} title={label}>
      <Icon size={15} aria-hidden />
    </button>
  );
}
