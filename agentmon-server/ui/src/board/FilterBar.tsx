/** The board's filters. All of them stand in the address. */

import { SlidersHorizontal } from "lucide-react";
import { useEffect, useState, type RefObject } from "react";
import { agentName } from "../lib/format";
import { Choice, Select } from "../ui/parts";
import { RANGES, type Range } from "../app/useBoardTopic";
import { useBoard, useHasHosts } from "./store";
import { BY, type BoardFilters, type By } from "./view";

interface Props {
  filters: BoardFilters;
  range: Range;
  change: (changes: Record<string, string | null>) => void;
  field: RefObject<HTMLInputElement | null>;
}

const BY_LABELS: Record<By, string> = { state: "State", project: "Project", agent: "Agent", host: "Host", none: "Nothing" };

export function FilterBar({ filters, range, change, field }: Props) {
  const [isOpen, setOpen] = useState(false);
  const isLoaded = useBoard((state) => state.isLoaded);
  const hasHosts = useHasHosts();
  const [words, setWords] = useState(wordsOf);
  useEffect(() => {
    if (!isLoaded) return undefined;
    // Counts of thousands of sessions need not be of this moment.
    const count = () => setWords(wordsOf());
    const first = setTimeout(count, 0);
    const timer = setInterval(count, 5000);
    return () => {
      clearTimeout(first);
      clearInterval(timer);
    };
  }, [isLoaded]);
  const isFiltered =
    filters.text || filters.agents.length || filters.projects.length || filters.models.length || filters.hosts.length || filters.show.length;
  return (
    <div role="search" aria-label="Filter sessions" className="flex shrink-0 flex-wrap items-center gap-2 border-b border-line px-4 py-1.5">
      <input
        ref={field} type="search" className="field min-w-32 flex-1 md:max-w-64" placeholder="Filter sessions" aria-label="Filter sessions by words"
        value={filters.text} onChange={(event) => change({ q: event.target.value })}
        onKeyDown={(event) => { if (event.key === "Escape") event.currentTarget.blur(); }}
      />
      <button type="button" className="button md:hidden" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <SlidersHorizontal size={14} aria-hidden /> Filters
      </button>
      <div className={`flex flex-wrap items-center gap-2 md:contents ${isOpen ? "" : "max-md:hidden"}`}>
        <Select label="Project" all="All projects" value={filters.projects[0] ?? ""} options={words.projects} onChange={(project) => change({ project })} />
        <Select label="Agent" all="All agents" value={filters.agents[0] ?? ""} options={words.agents} onChange={(agent) => change({ agent })} />
        <Select label="Model" all="All models" value={filters.models[0] ?? ""} options={words.models} onChange={(model) => change({ model })} />
        {hasHosts || filters.hosts.length ? (
          <Select label="Host" all="All hosts" value={filters.hosts[0] ?? ""} options={words.hosts} onChange={(host) => change({ host })} />
        ) : null}
        {isFiltered ? (
          <button type="button" className="button-quiet" onClick={() => change({ q: null, project: null, agent: null, model: null, host: null, show: null })}>
            Clear
          </button>
        ) : null}
        <span className="ms-auto flex flex-wrap items-center gap-2 max-md:ms-0">
          <label className="flex items-center gap-1.5 text-sm text-faint">
            Group by
            <select className="field text-text" value={filters.by} onChange={(event) => change({ by: event.target.value === "state" ? null : event.target.value })}>
              {BY.filter((by) => by !== "host" || hasHosts || filters.by === "host").map((by) => <option key={by} value={by}>{BY_LABELS[by]}</option>)}
            </select>
          </label>
          <Choice
            label="Active within" value={range} onChange={(value) => change({ since: value === "24h" ? null : value })}
            options={RANGES.map((value) => ({ value, label: value === "all" ? "All" : value }))}
          />
        </span>
      </div>
    </div>
  );
}

type Options = { value: string; label: string }[];

/** What the sessions at hand can be filtered by, the most frequent first. */
function wordsOf(): { projects: Options; agents: Options; models: Options; hosts: Options } {
  const map = () => new Map<string, number>();
  const counts = { projects: map(), agents: map(), models: map(), hosts: map() };
  const add = (map: Map<string, number>, word: string | null) => {
    if (word) map.set(word, (map.get(word) ?? 0) + 1);
  };
  for (const session of useBoard.getState().sessions.values()) {
    add(counts.projects, session.project);
    add(counts.agents, session.agent);
    add(counts.models, session.model);
    add(counts.hosts, session.host);
  }
  const options = (map: Map<string, number>, name = (word: string) => word) =>
    [...map].sort(([, a], [, b]) => b - a).map(([value, count]) => ({ value, label: `${name(value)} (${count})` }));
  return {
    projects: options(counts.projects),
    agents: options(counts.agents, agentName),
    models: options(counts.models),
    hosts: options(counts.hosts),
  };
}
