/** Full-text search over all transcripts; hits by session, each leads to its place. */

import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { Link } from "wouter";
import { api, withParams } from "../lib/api";
import { agentName, bytes, sessionPath, titleOf } from "../lib/format";
import { useKeys } from "../lib/keys";
import { oneOf, useParams } from "../lib/params";
import type { Filters, SearchHit, SearchResults } from "../lib/types";
import { KindIcon, kindName, KINDS } from "../ui/events";
import { At, Choice, Empty, Failure, Loading, Select } from "../ui/parts";
import { parts } from "./snippet";

const ORDERS = ["newest", "best"] as const;
const LIMIT = 100;

export default function Search() {
  const [params, change] = useParams();
  const asked = params.get("q") ?? "";
  const [text, setText] = useState(asked);
  const order = oneOf(params, "order", ORDERS) ?? "best";
  const filters = { agent: params.get("agent"), project: params.get("project"), kind: params.get("kind"), since: params.get("since") };
  const words = useQuery({ queryKey: ["filters"], queryFn: () => api<Filters>("/api/v1/filters"), staleTime: 60_000 });
  const found = useQuery({
    queryKey: ["search", asked, order, filters],
    queryFn: () => api<SearchResults>(withParams("/api/v1/search", { q: asked, order, limit: LIMIT, ...filters })),
    enabled: asked.trim() !== "",
    placeholderData: (before) => before,
  });
  const groups = useMemo(() => bySession(found.data?.results ?? []), [found.data]);
  const options = (list: readonly string[] | undefined, name = (word: string) => word) => (list ?? []).map((value) => ({ value, label: name(value) }));
  useKeys({
    j: () => step(1),
    k: () => step(-1),
    "/": () => document.getElementById("search-field")?.focus(),
  });
  return (
    <>
      <form role="search" className="flex shrink-0 flex-wrap items-center gap-2 border-b border-line px-4 py-2 max-md:px-3" onSubmit={(event) => { event.preventDefault(); change({ q: text }, true); }}>
        <h1 className="sr-only">Search</h1>
        <input
          id="search-field" type="search" autoFocus className="field min-w-48 flex-1 text-base md:max-w-xl" aria-label="Search in all transcripts"
          placeholder='Words, or "an exact phrase"' value={text} onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => { if (event.key === "Escape") event.currentTarget.blur(); }}
        />
        <button type="submit" className="button button-primary">Search</button>
        <div className="flex min-w-0 gap-2 max-md:overflow-x-auto md:contents [&>*]:shrink-0">
        <Select label="Project" all="All projects" value={filters.project ?? ""} options={options(words.data?.projects)} onChange={(project) => change({ project })} />
        <Select label="Agent" all="All agents" value={filters.agent ?? ""} options={options(words.data?.agents, agentName)} onChange={(agent) => change({ agent })} />
        <Select label="Kind" all="All kinds" value={filters.kind ?? ""} options={options(KINDS, kindName)} onChange={(kind) => change({ kind })} />
        <Select label="Since" all="Any time" value={filters.since ?? ""} options={[{ value: "1d", label: "Last day" }, { value: "7d", label: "Last 7 days" }, { value: "30d", label: "Last 30 days" }]} onChange={(since) => change({ since })} />
        <Choice label="Order" value={order} onChange={(value) => change({ order: value === "best" ? null : value })} options={[{ value: "best", label: "Best" }, { value: "newest", label: "Newest" }]} />
        </div>
      </form>
      <div className="min-h-0 flex-1 overflow-y-auto" data-scroller tabIndex={0} role="region" aria-label="Results">
        {found.data && !found.data.index.complete ? (
          <p className="border-b border-line bg-raised px-4 py-1.5 text-sm text-dim">
            Still reading: {bytes(found.data.index.bytes_indexed)} of {bytes(found.data.index.bytes)} can be searched, the newest first.
          </p>
        ) : null}
        {!asked ? <Empty title="Search everything that was said and done"><p>Prompts, answers, commands, output. Hits lead to their place in the transcript.</p></Empty> : null}
        {found.error ? <Failure error={found.error} retry={() => void found.refetch()} /> : null}
        {asked && found.isPending ? <Loading /> : null}
        {found.data && asked && !groups.length ? <Empty title={`Nothing found for “${asked}”`}><p>All words must occur in one message. Fewer words find more.</p></Empty> : null}
        <div className="mx-auto max-w-5xl p-4 max-md:p-2">
          {groups.map(({ first, hits }) => (
            <section key={first.session} className="panel mb-3" aria-label={titleOf(first)}>
              <header className="flex min-w-0 items-baseline gap-2 border-b border-line px-4 py-2">
                <h2 className="min-w-0 truncate font-semibold"><Link href={sessionPath(first.session)} className="hover:underline" dir="auto">{titleOf(first)}</Link></h2>
                <span className="min-w-0 truncate text-sm text-faint" dir="auto">{[first.project, agentName(first.agent)].filter(Boolean).join(" · ")}</span>
                <span className="ms-auto shrink-0 text-sm text-faint">{hits.length === 1 ? "1 hit" : `${hits.length} hits`}</span>
              </header>
              <ul>{hits.map((hit) => <Hit key={hit.id} hit={hit} />)}</ul>
            </section>
          ))}
          {found.data?.more ? <p className="px-4 text-sm text-faint">More than {LIMIT} hits: more words or a filter find less.</p> : null}
        </div>
      </div>
    </>
  );
}

function Hit({ hit }: { hit: SearchHit }) {
  return (
    <li className="border-b border-line/60 last:border-b-0">
      <Link href={`${sessionPath(hit.session)}?at=${hit.id}`} data-hit className="flex min-w-0 items-start gap-2.5 px-4 py-1.5 hover:bg-hover max-md:flex-wrap">
        <span className="mt-0.5"><KindIcon kind={hit.kind} status={hit.status} /></span>
        <span className="w-24 shrink-0 truncate text-sm text-faint">{hit.tool ?? kindName(hit.kind)}</span>
        <span className="min-w-0 flex-1 text-sm break-words text-dim max-md:order-last max-md:basis-full" dir="auto">
          {parts(hit.snippet, hit.matches).map(({ text, isMatch }, index) =>
            isMatch ? <mark key={index} className="rounded-sm bg-needs/25 px-px text-text">{text}</mark> : <span key={index}>{text}</span>,
          )}
        </span>
        <span className="ms-auto shrink-0 text-xs text-faint"><At at={hit.at} /></span>
      </Link>
    </li>
  );
}

function bySession(hits: readonly SearchHit[]): { first: SearchHit; hits: SearchHit[] }[] {
  const groups = new Map<string, { first: SearchHit; hits: SearchHit[] }>();
  for (const hit of hits) {
    const group = groups.get(hit.session);
    if (group) group.hits.push(hit);
    else groups.set(hit.session, { first: hit, hits: [hit] });
  }
  return [...groups.values()];
}

/** To the hit after or before the one that has the focus. */
function step(by: number): void {
  const hits = [...document.querySelectorAll<HTMLElement>("[data-hit]")];
  const at = hits.findIndex((hit) => hit === document.activeElement);
  hits[Math.max(0, Math.min(hits.length - 1, at < 0 ? 0 : at + by))]?.focus();
}
