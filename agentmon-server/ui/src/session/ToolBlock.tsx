/** A tool's use and its result: one line that tells what it was, and inside what this kind of tool is about. */

import {
  Bot, Check, ChevronRight, CircleHelp, FilePen, FilePlus, FileText, Globe, ListTodo, LoaderCircle, SquareTerminal, TextSearch, Wrench, X,
  type LucideIcon,
} from "lucide-react";
import { lazy, Suspense } from "react";
import { duration } from "../lib/format";
import type { Block, ToolCall, ToolType } from "../lib/types";

const ToolBody = lazy(() => import("./ToolBody"));

const ICONS: Record<ToolType, LucideIcon> = {
  shell: SquareTerminal,
  edit: FilePen,
  write: FilePlus,
  read: FileText,
  search: TextSearch,
  todo: ListTodo,
  web: Globe,
  task: Bot,
  ask: CircleHelp,
  other: Wrench,
};

export function ToolBlock({ block, tool, isOpen, onToggle }: {
  block: Block; tool: ToolCall; isOpen: boolean; onToggle: (id: number) => void;
}) {
  const Icon = ICONS[tool.type];
  const status = tool.result ? tool.result.status : block.status === "success" ? "running" : block.status;
  const failed = status !== "success" && status !== "running";
  const title = tool.title ?? block.text;
  return (
    <div className={`rounded-md border ${isOpen ? "border-line bg-raised" : "border-transparent"}`}>
      <button
        type="button" aria-expanded={isOpen} onClick={() => onToggle(block.id)}
        className="flex min-h-7 w-full min-w-0 items-center gap-2 rounded-md pe-2 text-start hover:bg-hover pointer-coarse:min-h-10"
      >
        <ChevronRight size={13} aria-hidden className={`shrink-0 text-faint ${isOpen ? "rotate-90" : ""}`} />
        <Icon size={14} aria-hidden className="shrink-0 text-faint" />
        <span className="max-w-[60%] shrink-0 truncate text-sm font-medium" title={tool.name}>{tool.name}</span>
        <span className="min-w-0 flex-1 truncate font-mono text-xs text-dim" dir="auto" title={title}>{title}</span>
        {tool.todos ? <span className="shrink-0 text-xs text-faint">{tool.todos.filter((todo) => todo.status === "completed").length}/{tool.todos.length}</span> : null}
        {tool.images ? <span className="shrink-0 text-xs text-faint">{tool.images} image{tool.images > 1 ? "s" : ""}</span> : null}
        {block.duration_ms !== null ? <span className="shrink-0 text-xs text-faint">{duration(block.duration_ms)}</span> : null}
        <Outcome status={status} />
      </button>
      {failed && !isOpen && tool.result?.text ? (
        <p className="ms-[27px] mb-0.5 line-clamp-2 font-mono text-xs break-words text-failed" dir="auto">{tool.result.text}</p>
      ) : null}
      {isOpen ? (
        <Suspense fallback={<pre className="px-3 pb-2 font-mono text-xs whitespace-pre-wrap">{tool.result?.text}</pre>}>
          <ToolBody block={block} tool={tool} />
        </Suspense>
      ) : null}
    </div>
  );
}

function Outcome({ status }: { status: string }) {
  if (status === "success") return <Check size={14} className="shrink-0 text-working" aria-label="done" role="img" />;
  if (status === "running") return <LoaderCircle size={14} className="shrink-0 text-faint" aria-label="no result yet" role="img" />;
  return <X size={14} className="shrink-0 text-failed" aria-label={status} role="img" />;
}
