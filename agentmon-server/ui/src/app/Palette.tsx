/** The palette: screens, sessions and commands by a few letters. */

import { CornerDownLeft } from "lucide-react";
import { useMemo, useState, type KeyboardEvent } from "react";
import { useLocation } from "wouter";
import { useBoard } from "../board/store";
import { byUrgency } from "../board/view";
import { agentName, sessionPath, titleOf } from "../lib/format";
import { best } from "../lib/fuzzy";
import { activity } from "../lib/reason";
import { setTheme } from "../lib/theme";
import { Dialog } from "../ui/parts";
import { StateIcon } from "../ui/state";
import type { Session } from "../lib/types";
import { show } from "./overlay";

interface Entry {
  id: string;
  label: string;
  hint: string;
  session?: Session;
  run: () => void;
}

const LIMIT = 12;

export default function Palette({ places }: { places: readonly { path: string; label: string }[] }) {
  const [, navigate] = useLocation();
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const entries = useMemo<Entry[]>(() => {
    const sessions = [...useBoard.getState().sessions.values()].sort(byUrgency);
    return [
      ...sessions.map((session) => ({
        id: session.id,
        label: titleOf(session),
        hint: [session.project, agentName(session.agent)].filter(Boolean).join(" · "),
        session,
        run: () => navigate(sessionPath(session.id)),
      })),
      ...places.map(({ path, label }) => ({ id: path, label: `Go to ${label}`, hint: "Screen", run: () => navigate(path) })),
      { id: "agents", label: "Track work by hand", hint: "Command", run: () => navigate("/agents?new=1") },
      ...(["dark", "light", "system"] as const).map((theme) => ({
        id: `theme-${theme}`, label: `Theme: ${theme}`, hint: "Command", run: () => setTheme(theme),
      })),
      { id: "help", label: "Keyboard shortcuts", hint: "Command", run: () => show("help") },
    ];
  }, [navigate, places]);
  const shown = useMemo(() => {
    const found = best(text, entries, (entry) => `${entry.label} ${entry.hint}`, LIMIT - (text ? 1 : 0));
    if (!text.trim()) return found;
    const search: Entry = {
      id: "search", label: `Search all transcripts for "${text}"`, hint: "Search",
      run: () => navigate(`/search?q=${encodeURIComponent(text)}`),
    };
    return [...found, search];
  }, [text, entries, navigate]);
  const active = Math.min(chosen, shown.length - 1);

  const close = () => show(null);
  const run = (entry: Entry | undefined) => {
    if (!entry) return;
    close();
    entry.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step) {
      event.preventDefault();
      setChosen((active + step + shown.length) % shown.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(shown[active]);
    }
  };
  return (
    <Dialog label="Commands" onClose={close} className="mt-[12vh]">
      <div onKeyDown={onKeyDown}>
        <input
          autoFocus type="text" role="combobox" aria-expanded aria-controls="palette" aria-label="Find a session, screen or command"
          aria-activedescendant={`palette-${active}`} placeholder="Session, screen or command" value={text}
          onChange={(event) => { setText(event.target.value); setChosen(0); }}
          className="w-full border-b border-line bg-transparent px-4 py-3 text-base outline-none placeholder:text-faint"
        />
        <ul id="palette" role="listbox" aria-label="Results" className="p-1.5">
          {shown.map((entry, index) => (
            <li
              key={entry.id} id={`palette-${index}`} role="option" aria-selected={index === active}
              onClick={() => run(entry)} onPointerMove={() => setChosen(index)}
              className="flex min-h-9 cursor-pointer items-center gap-2.5 rounded-md px-2.5 py-1 aria-selected:bg-hover"
            >
              {entry.session ? <StateIcon state={entry.session.state} /> : <span aria-hidden className="w-[15px]" />}
              <span className="min-w-24 truncate" dir="auto">{entry.label}</span>
              {entry.session ? <span className="min-w-0 flex-1 truncate text-dim" dir="auto">{activity(entry.session)}</span> : null}
              <span className="ms-auto max-w-[40%] shrink-0 truncate text-xs text-faint" dir="auto">{entry.hint}</span>
              {index === active ? <CornerDownLeft size={13} aria-hidden className="shrink-0 text-faint" /> : null}
            </li>
          ))}
        </ul>
      </div>
    </Dialog>
  );
}
