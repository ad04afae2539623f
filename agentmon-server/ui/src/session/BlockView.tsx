/** One block of a transcript. All text in it was written by agents and their tools: it is shown as text. */

import { Brain, ChevronRight, CircleX, FileDiff, GitCommitHorizontal, Info, ListChecks, PackageOpen, Scissors, User } from "lucide-react";
import { lazy, memo, Suspense, useState, type ReactNode } from "react";
import { count, money, whole } from "../lib/format";
import type { Block } from "../lib/types";
import { At } from "../ui/parts";
import { Images, imagesOf, withoutMarks } from "./Images";
import { ToolBlock } from "./ToolBlock";

const Prose = lazy(() => import("./Prose"));

interface Props {
  block: Block;
  isOpen: boolean;
  isMarked: boolean;
  onToggle: (id: number) => void;
}

export const BlockView = memo(function BlockView(props: Props) {
  const { block, isMarked } = props;
  return (
    <article
      data-block={block.id} aria-label={block.tool ? `Tool ${block.tool.name}` : block.kind.replaceAll("_", " ")}
      className={`grid grid-cols-1 gap-x-3 px-4 md:grid-cols-[64px_minmax(0,1fr)] max-md:px-3 xl:grid-cols-[64px_minmax(0,980px)_minmax(0,1fr)] ${block.tool ? "py-0.5" : "py-1"} ${isMarked ? "bg-accent/10 shadow-[inset_3px_0_var(--accent)]" : ""}`}
    >
      <p className="pt-1 text-end text-xs text-faint max-md:hidden"><At at={block.at} /></p>
      <div className="min-w-0 max-w-[980px]"><Content {...props} /></div>
      <Spent block={block} />
    </article>
  );
});

function Content({ block, isOpen, onToggle }: Props) {
  if (block.tool) return <ToolBlock block={block} tool={block.tool} isOpen={isOpen} onToggle={onToggle} />;
  switch (block.kind) {
    case "user_prompt":
      return (
        <div className="rounded-lg border border-line bg-raised px-3 py-2 shadow-[inset_3px_0_var(--accent)]">
          <Label icon={<User size={13} aria-hidden />}>You</Label>
          <Clipped text={withoutMarks(block.text)} lines={24} />
          {imagesOf(block.text) ? <Images event={block.id} count={imagesOf(block.text)} /> : null}
          <Cut block={block} />
        </div>
      );
    case "response":
      return (
        <div className="py-1">
          <Suspense fallback={<p className="whitespace-pre-wrap" dir="auto">{block.text}</p>}><Prose text={block.text} /></Suspense>
          <Cut block={block} />
        </div>
      );
    case "thinking":
      return <Folded block={block} isOpen={isOpen} onToggle={onToggle} icon={<Brain size={14} aria-hidden />} name="Thinking" />;
    case "tool_use":
    case "tool_result":
      return <Folded block={block} isOpen={isOpen} onToggle={onToggle} icon={<PackageOpen size={14} aria-hidden />} name="Result" mono />;
    case "error":
      return (
        <div data-state="failed" className="rounded-lg border border-[var(--state)]/40 px-3 py-2">
          <Label icon={<CircleX size={13} aria-hidden className="text-[var(--state)]" />}>Error</Label>
          <p className="font-mono text-sm break-words whitespace-pre-wrap" dir="auto">{block.text}</p>
        </div>
      );
    case "compaction":
      return <Folded block={block} isOpen={isOpen} onToggle={onToggle} icon={<Scissors size={14} aria-hidden />} name="Context compacted" />;
    case "file_change":
      return <Notice icon={<FileDiff size={14} aria-hidden />} block={block} name="File changed" />;
    case "git_commit":
      return <Notice icon={<GitCommitHorizontal size={14} aria-hidden />} block={block} name="Commit" />;
    case "plan_step":
      return <Notice icon={<ListChecks size={14} aria-hidden />} block={block} name="Plan" />;
    default:
      return <Notice icon={<Info size={14} aria-hidden />} block={block} name={block.kind.replaceAll("_", " ")} />;
  }
}

function Label({ icon, children }: { icon: ReactNode; children: ReactNode }) {
  return <p className="mb-0.5 flex items-center gap-1.5 text-xs text-faint">{icon}{children}</p>;
}

function Notice({ icon, name, block }: { icon: ReactNode; name: string; block: Block }) {
  return (
    <p className="flex min-w-0 items-center gap-2 py-0.5 text-sm text-dim">
      <span className="shrink-0 text-faint">{icon}</span>
      <span className="shrink-0 first-letter:uppercase">{name}</span>
      <span className="min-w-0 truncate text-faint" dir="auto" title={block.text}>{block.text}</span>
    </p>
  );
}

function Folded({ block, isOpen, onToggle, icon, name, mono = false }: {
  block: Block; isOpen: boolean; onToggle: (id: number) => void; icon: ReactNode; name: string; mono?: boolean;
}) {
  return (
    <div>
      <button type="button" aria-expanded={isOpen} onClick={() => onToggle(block.id)} className="flex w-full min-w-0 items-center gap-2 rounded py-0.5 text-start text-sm text-dim hover:text-text">
        <ChevronRight size={13} aria-hidden className={`shrink-0 text-faint ${isOpen ? "rotate-90" : ""}`} />
        <span className="shrink-0 text-faint">{icon}</span>
        <span className="shrink-0">{name}</span>
        {isOpen ? null : <span className={`min-w-0 truncate text-faint ${mono ? "font-mono text-xs" : ""}`} dir="auto">{block.text}</span>}
      </button>
      {isOpen ? (
        <div className="ms-[6px] border-s border-line ps-4 text-dim">
          <p className={`break-words whitespace-pre-wrap ${mono ? "font-mono text-sm" : ""}`} dir="auto">{block.text}</p>
          <Cut block={block} />
        </div>
      ) : null}
    </div>
  );
}

/** Long text, cut to some lines until it is asked for. */
function Clipped({ text, lines }: { text: string; lines: number }) {
  const [isWhole, setWhole] = useState(false);
  const isLong = text.length > 3000 || text.split("\n", lines + 1).length > lines;
  return (
    <>
      <p className="break-words whitespace-pre-wrap" dir="auto" style={isLong && !isWhole ? { maxHeight: 320, overflow: "hidden" } : undefined}>{text}</p>
      {isLong ? <button type="button" className="link mt-1 text-sm" onClick={() => setWhole(!isWhole)}>{isWhole ? "Show less" : "Show all"}</button> : null}
    </>
  );
}

function Cut({ block }: { block: Block }) {
  return block.truncated ? <p className="mt-1 text-xs text-needs">Cut here: the rest is in the agent's own file.</p> : null;
}

/** What the model call cost, beside its block where there is room. */
function Spent({ block }: { block: Block }) {
  if (!block.usage) return null;
  return (
    <p className="truncate pt-1 text-xs text-faint max-xl:hidden" title={`${block.model ?? "unknown model"}, ${whole(block.usage.total_tokens)} tokens`}>
      {money(block.cost_usd)} · {count(block.usage.total_tokens)}
    </p>
  );
}
