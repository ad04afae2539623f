/** What came out of a session: files, commits, pull requests, pictures. Paths and titles were written by agents: they are text. */

import { useQuery } from "@tanstack/react-query";
import {
  ArrowRightLeft, CircleDot, Eraser, ExternalLink, FileMinus, FilePen, FilePlus, FileText, GitCommitHorizontal, GitPullRequest, Tag, type LucideIcon,
} from "lucide-react";
import { useMemo, useState } from "react";
import { Link } from "wouter";
import { useStore } from "zustand";
import { api } from "../lib/api";
import { sessionPath, titleOf, whole } from "../lib/format";
import { oneOf, useParams } from "../lib/params";
import { useRefresh } from "../lib/refresh";
import type { Artifacts as ArtifactsData, FileArtifact, FileFate, Output, Session } from "../lib/types";
import { At, Choice, CopyButton, Empty, Failure, Loading, Section } from "../ui/parts";
import { linesText, omissions, pathParts, sorted, SORTS, summary } from "./artifacts";
import { Images, SessionId } from "./Images";
import type { SessionHandle } from "./store";

/** Files, and results with pictures, that are shown at first. */
const FIRST_FILES = 200;
const FIRST_IMAGES = 12;

const FATES: Record<FileFate, { icon: LucideIcon; colour: string; title: string }> = {
  created: { icon: FilePlus, colour: "var(--add)", title: "It was not there before" },
  written: { icon: FileText, colour: "var(--dim)", title: "Written as a whole; whether it was there before is not told" },
  edited: { icon: FilePen, colour: "var(--accent)", title: "It was there, and is changed" },
  renamed: { icon: ArrowRightLeft, colour: "var(--accent)", title: "It has another name now" },
  deleted: { icon: FileMinus, colour: "var(--failed)", title: "It is no more" },
  temporary: { icon: Eraser, colour: "var(--faint)", title: "It was made and deleted again" },
};

const KINDS: Record<Exclude<Output["kind"], "images">, { icon: LucideIcon; name: string }> = {
  commit: { icon: GitCommitHorizontal, name: "Commit" },
  pull_request: { icon: GitPullRequest, name: "Pull request" },
  issue: { icon: CircleDot, name: "Issue" },
  release: { icon: Tag, name: "Release" },
};

export default function Artifacts({ handle, session }: { handle: SessionHandle; session: Session }) {
  const children = useStore(handle.store, (state) => state.children);
  const query = useQuery({
    queryKey: ["artifacts", session.id],
    queryFn: () => api<ArtifactsData>(`/api/v1/sessions/${encodeURIComponent(session.id)}/artifacts`),
  });
  useRefresh(session.last_activity_at, () => void query.refetch());
  const names = useMemo(() => new Map(children.map((child) => [child.id, titleOf(child)])), [children]);
  if (query.error && !query.data) return <Failure error={query.error} retry={() => void query.refetch()} />;
  if (!query.data) return <Loading lines={8} />;
  const { data } = query;
  const made = data.outputs.filter((output) => output.kind !== "images");
  const images = data.outputs.filter((output) => output.kind === "images");
  const notes = omissions(data);
  const nameOf = (id: string) => (id === session.id ? null : (names.get(id) ?? id.split("/").pop() ?? id));
  return (
    <div className="min-h-0 flex-1 overflow-y-auto" data-scroller tabIndex={0} role="region" aria-label="What came out of it">
      <div className="flex flex-col gap-3 p-4 max-md:p-2">
        {query.error ? <Failure error={query.error} retry={() => void query.refetch()} /> : null}
        {summary(data) ? (
          <p className="px-1">
            <strong className="font-semibold">{summary(data)}</strong>
            {data.files_total ? <span className="text-dim">, {data.lines.complete ? "" : "at least "}{linesText({ ...data.lines, complete: true })} lines</span> : null}
          </p>
        ) : (
          <Empty title="Nothing is known to have come out of this session">
            <p>Files that its tools write, commits and pull requests are listed here as soon as a tool says that it worked.</p>
          </Empty>
        )}
        {made.length ? <Made outputs={made} nameOf={nameOf} /> : null}
        {data.files.length ? <Files data={data} session={session} nameOf={nameOf} /> : null}
        {images.length ? <Pictures outputs={images} nameOf={nameOf} /> : null}
        {notes.length ? (
          <ul className="list-disc px-1 ps-6 text-sm text-dim" aria-label="What is not in the list">
            {notes.map((note) => <li key={note}>{note}</li>)}
          </ul>
        ) : null}
        <p className="px-1 text-sm text-faint">
          From the session&apos;s own tool calls{children.length ? " and those of its subagents" : ""}. What a command changed by itself (a formatter, <code>sed -i</code>) is in no record, unless the agent compares its folder.
        </p>
      </div>
    </div>
  );
}

type NameOf = (session: string) => string | null;

/** Who did it, where that was a subagent. */
function By({ name }: { name: string | null }) {
  return name ? <span className="max-w-32 shrink-0 truncate rounded bg-hover px-1.5 text-xs text-dim max-md:max-w-20" dir="auto" title={`By a subagent: ${name}`}>{name}</span> : null;
}

function place({ session, event }: { session: string; event: number }): string {
  return `${sessionPath(session)}?at=${event}`;
}

function Lines({ lines }: { lines: FileArtifact["lines"] }) {
  const title = lines.complete ? undefined : "Not every change told its lines: there may be more";
  return <span className="whitespace-nowrap tabular-nums" title={title}>{linesText(lines)}</span>;
}

function Made({ outputs, nameOf }: { outputs: readonly Output[]; nameOf: NameOf }) {
  return (
    <Section title="Commits and links" note={whole(outputs.length)}>
      <ul>
        {outputs.map((output) => {
          const { icon: Icon, name } = KINDS[output.kind as keyof typeof KINDS];
          return (
            <li key={`${output.event}-${output.id ?? ""}`} className="flex min-h-9 min-w-0 items-center gap-2.5 border-b border-line/60 px-4 py-1 last:border-b-0 max-md:flex-wrap">
              <Icon size={15} aria-hidden className="shrink-0 text-accent" />
              <span className="w-24 shrink-0 text-sm max-md:w-auto">{name}</span>
              {output.id ? <code className="shrink-0 truncate font-mono text-xs">{output.id}</code> : null}
              <Link href={place(output)} className="min-w-0 flex-1 truncate hover:underline max-md:order-last max-md:basis-full" dir="auto" title="To its place in the transcript">{output.title ?? output.url ?? name}</Link>
              <By name={nameOf(output.session)} />
              {output.url?.startsWith("https://") ? (
                <a href={output.url} target="_blank" rel="noreferrer noopener" className="link flex shrink-0 items-center gap-1 text-sm">Open <ExternalLink size={12} aria-hidden /></a>
              ) : null}
              {output.kind === "commit" && output.id ? <span className="max-md:hidden"><CopyButton text={output.id} label="Copy the hash" /></span> : null}
              <span className="shrink-0 text-xs text-faint max-md:ms-auto"><At at={output.at} /></span>
            </li>
          );
        })}
      </ul>
    </Section>
  );
}

function Files({ data, session, nameOf }: { data: ArtifactsData; session: Session; nameOf: NameOf }) {
  const [params, change] = useParams();
  const by = oneOf(params, "sort", SORTS) ?? "latest";
  const [isAll, setAll] = useState(false);
  const files = useMemo(() => sorted(data.files, by), [data.files, by]);
  const shown = isAll ? files : files.slice(0, FIRST_FILES);
  return (
    <Section
      title="Files" note={whole(data.files_total)}
      aside={
        <>
          <Choice
            label="Order" value={by} onChange={(sort) => change({ sort: sort === "latest" ? null : sort })}
            options={[{ value: "latest", label: "Latest" }, { value: "path", label: "Path" }, { value: "lines", label: "Lines" }]}
          />
          <CopyButton text={files.map(({ path }) => path).join("\n")} label="Copy the paths"><span className="max-md:sr-only">Paths</span></CopyButton>
        </>
      }
    >
      <ul>
        {shown.map((file) => <FileRow key={file.path} file={file} project={session.project_path ?? session.cwd} nameOf={nameOf} />)}
      </ul>
      {shown.length < files.length ? <button type="button" className="button m-3" onClick={() => setAll(true)}>Show all {whole(files.length)}</button> : null}
    </Section>
  );
}

function FileRow({ file, project, nameOf }: { file: FileArtifact; project: string | null; nameOf: NameOf }) {
  const { icon: Icon, colour, title } = FATES[file.change];
  const { folder, name } = pathParts(file.path, project);
  const others = file.by.map(({ session }) => nameOf(session)).filter((who) => who !== null);
  return (
    <li className="grid min-h-9 min-w-0 grid-cols-[6.5rem_minmax(0,1fr)_auto_auto] items-center gap-x-2.5 border-b border-line/60 px-4 py-1 last:border-b-0 max-md:grid-cols-[auto_minmax(0,1fr)_auto] max-md:px-3">
      <span className="flex items-center gap-1.5 text-sm" title={title}>
        <Icon size={15} aria-hidden className="shrink-0" style={{ color: colour }} />
        {file.change}
      </span>
      <span className="flex min-w-0 items-center gap-2 max-md:order-last max-md:col-span-3">
        {/* What tells most of a path is its end. */}
        <Link href={place(file)} className="min-w-0 truncate font-mono text-xs hover:underline" title={`${file.path}: to the last change in the transcript`}>
          <bdi>{folder ? <span className="text-faint">{folder}</span> : null}<span className="font-semibold">{name}</span></bdi>
        </Link>
        {file.renamed_from ? <span className="min-w-0 truncate text-xs text-faint" title={file.renamed_from}>was <bdi>{pathParts(file.renamed_from, project).name}</bdi></span> : null}
        {others.slice(0, 2).map((who) => <By key={who} name={who} />)}
        {others.length > 2 ? <span className="shrink-0 text-xs text-faint">and {others.length - 2} more</span> : null}
      </span>
      <span className="w-32 text-end text-sm max-md:w-auto max-md:justify-self-end">
        <Lines lines={file.lines} />
        {file.changes > 1 ? <span className="text-xs text-faint" title={`Changed ${file.changes} times`}> {file.changes}×</span> : null}
      </span>
      <span className="w-28 text-end text-xs text-faint max-md:w-auto"><At at={file.last_at} /></span>
    </li>
  );
}

function Pictures({ outputs, nameOf }: { outputs: readonly Output[]; nameOf: NameOf }) {
  const [isAll, setAll] = useState(false);
  const shown = isAll ? outputs : outputs.slice(0, FIRST_IMAGES);
  return (
    <Section title="Pictures" note="that tools gave back">
      <ul className="flex flex-wrap gap-4 px-4 py-3">
        {shown.map((output) => (
          <li key={output.event} className="max-w-full">
            <SessionId value={output.session}><Images event={output.event} count={output.images ?? 0} /></SessionId>
            <p className="mt-1 flex items-center gap-2 text-xs text-faint">
              <Link href={place(output)} className="link truncate">{output.tool ?? "tool"}</Link>
              <By name={nameOf(output.session)} />
              <At at={output.at} />
            </p>
          </li>
        ))}
      </ul>
      {shown.length < outputs.length ? <button type="button" className="button m-3" onClick={() => setAll(true)}>Show all {whole(outputs.length)}</button> : null}
    </Section>
  );
}
