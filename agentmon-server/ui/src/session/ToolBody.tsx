/** What is inside a tool's block: its command and output, its change, its list. */

import { CircleCheck, Circle, CircleDot } from "lucide-react";
import { lazy, Suspense, useMemo, type ReactNode } from "react";
import { hasAnsi, parseAnsi } from "../lib/ansi";
import { counts, linesOf, type Line } from "../lib/lines";
import type { Block, Todo, ToolCall } from "../lib/types";
import { CopyButton } from "../ui/parts";
import { Images } from "./Images";

const Code = lazy(() => import("./Code"));
const Prose = lazy(() => import("./Prose"));

export default function ToolBody({ block, tool }: { block: Block; tool: ToolCall }) {
  return (
    <div className="flex flex-col gap-2 px-3 pb-2.5">
      <Input block={block} tool={tool} />
      <Result tool={tool} />
      {tool.images && tool.result ? <Images event={tool.result.id} count={tool.images} /> : null}
    </div>
  );
}

function word(input: ToolCall["input"], ...names: string[]): string | null {
  for (const name of names) {
    const value = input?.[name];
    if (typeof value === "string" && value) return value;
  }
  return null;
}

function Input({ block, tool }: { block: Block; tool: ToolCall }) {
  if (tool.diff) return <DiffView tool={tool} />;
  if (tool.todos) return <Todos todos={tool.todos} />;
  const { input } = tool;
  switch (tool.type) {
    case "shell": {
      const command = word(input, "command", "cmd") ?? tool.title ?? block.text;
      const why = word(input, "description", "justification");
      return (
        <>
          {why ? <p className="text-sm text-dim" dir="auto">{why}</p> : null}
          <Pane label="Command" aside={<CopyButton text={command} label="Copy the command" />}>
            <span aria-hidden className="text-faint select-none">$ </span>{command}
          </Pane>
        </>
      );
    }
    case "task":
    case "ask": {
      const text = word(input, "prompt", "question", "description", "message");
      return text ? <p className="break-words whitespace-pre-wrap text-dim" dir="auto">{text}</p> : <Json block={block} tool={tool} />;
    }
    case "read":
    case "web":
    case "search":
      return <p className="font-mono text-xs break-all text-dim" dir="auto">{tool.title ?? block.text}</p>;
    default:
      return <Json block={block} tool={tool} />;
  }
}

function Json({ block, tool }: { block: Block; tool: ToolCall }) {
  const text = tool.input ? JSON.stringify(tool.input, null, 2) : block.text;
  if (!text) return null;
  return <Suspense fallback={<Pane label="Input">{text}</Pane>}><Code text={text} language="json" label="Input" /></Suspense>;
}

function Result({ tool }: { tool: ToolCall }) {
  const { result } = tool;
  // Images are shown below, in the place of these words.
  const text = tool.images ? result?.text.replaceAll(/^\[image\]\n?/gm, "") : result?.text;
  if (!result || !text) return null;
  const isDone = result.status === "success";
  // That an edit or a list was taken in needs no second telling.
  if (isDone && (tool.diff ?? tool.todos) && text.length < 400) return null;
  const cut = result.truncated ? <p className="text-xs text-needs">Cut here: the rest is in the agent's own file.</p> : null;
  if (isDone && tool.type === "read") {
    const path = word(tool.input, "file_path", "path", "filePath") ?? tool.title ?? "";
    return <><Suspense fallback={<Pane label="File">{text}</Pane>}><Code text={text} path={path} label="File" /></Suspense>{cut}</>;
  }
  if (isDone && tool.type === "task") {
    return <><Suspense fallback={<Pane label="Result">{text}</Pane>}><Prose text={text} /></Suspense>{cut}</>;
  }
  return <><Terminal text={text} failed={!isDone} />{cut}</>;
}

/** Text that scrolls by itself. */
export function Pane({ label, children, aside, className = "" }: { label: string; children: ReactNode; aside?: ReactNode; className?: string }) {
  return (
    <div className="relative min-w-0">
      <pre tabIndex={0} role="region" aria-label={label} className={`max-h-[420px] overflow-auto rounded border border-line bg-sunken px-2.5 py-1.5 font-mono text-xs break-words whitespace-pre-wrap ${className}`}>
        {children}
      </pre>
      {aside ? <span className="absolute end-0.5 top-0">{aside}</span> : null}
    </div>
  );
}

/** Output of a terminal, with its colours. */
export function Terminal({ text, failed = false }: { text: string; failed?: boolean }) {
  const pieces = useMemo(() => (hasAnsi(text) ? parseAnsi(text) : null), [text]);
  return (
    <Pane label="Output" className={`ansi ${failed ? "border-failed/50" : ""}`}>
      {pieces
        ? pieces.map((piece, index) => (
            <span
              key={index}
              style={{
                color: piece.inverse ? "var(--sunken)" : (piece.fg ?? undefined),
                background: piece.inverse ? (piece.fg ?? "var(--text)") : (piece.bg ?? undefined),
                fontWeight: piece.bold ? 600 : undefined,
                opacity: piece.dim ? 0.75 : undefined,
                fontStyle: piece.italic ? "italic" : undefined,
                textDecoration: piece.underline ? "underline" : undefined,
              }}
            >
              {piece.text}
            </span>
          ))
        : text}
    </Pane>
  );
}

const LINE: Record<Line["type"], string> = {
  add: "bg-add/10 text-add",
  del: "bg-del/10 text-del",
  same: "text-dim",
  hunk: "text-faint italic",
};
const SIGN: Record<Line["type"], string> = { add: "+", del: "−", same: " ", hunk: "⋯" };

function DiffView({ tool }: { tool: ToolCall }) {
  const { diff } = tool;
  const lines = useMemo(() => (diff ? linesOf(diff) : []), [diff]);
  const { added, removed } = counts(lines);
  return (
    <div className="min-w-0">
      <p className="mb-1 flex min-w-0 items-baseline gap-2 text-xs">
        <span className="min-w-0 truncate font-mono text-dim" dir="auto" title={diff?.path ?? undefined}>{diff?.path}</span>
        <span className="text-add">+{added}</span>
        <span className="text-del">−{removed}</span>
      </p>
      <div tabIndex={0} role="region" aria-label="Change" className="max-h-[420px] overflow-auto rounded border border-line bg-sunken py-1 font-mono text-xs">
        <table className="w-full border-collapse">
          <tbody>
            {lines.map((line, index) => (
              <tr key={index} className={LINE[line.type]}>
                <td className="w-6 ps-2 text-center align-top select-none">{SIGN[line.type]}</td>
                <td className="pe-2 break-words whitespace-pre-wrap" dir="auto">{line.text || " "}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function Todos({ todos }: { todos: readonly Todo[] }) {
  return (
    <ul className="flex flex-col gap-1 text-sm">
      {todos.map((todo, index) => (
        <li key={index} className={`flex items-start gap-2 ${todo.status === "completed" ? "text-faint" : ""}`}>
          {todo.status === "completed" ? <CircleCheck size={15} className="mt-0.5 shrink-0 text-working" aria-label="done" role="img" />
            : todo.status === "in_progress" ? <CircleDot size={15} className="mt-0.5 shrink-0 text-accent" aria-label="in progress" role="img" />
              : <Circle size={15} className="mt-0.5 shrink-0 text-faint" aria-label="to do" role="img" />}
          <span className={`min-w-0 break-words ${todo.status === "in_progress" ? "font-medium" : ""}`} dir="auto">{todo.text}</span>
        </li>
      ))}
    </ul>
  );
}
