/** Small pieces that screens have in common. */

import { Check, Copy, TriangleAlert } from "lucide-react";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { useClock } from "../lib/clock";
import { ago, clock, count, full, percent, span, until } from "../lib/format";
import type { Session } from "../lib/types";

/** How long ago, ticking. Drawn again only when its text changes. */
export function Ago({ at }: { at: string | null }) {
  const text = useClock((state) => ago(at, state.now));
  return <time dateTime={at ?? undefined} title={full(at)}>{text}</time>;
}

/** How long something has lasted, ticking. */
export function Since({ at }: { at: string }) {
  const text = useClock((state) => span(state.now - Date.parse(at)));
  return <time dateTime={at} title={full(at)}>{text}</time>;
}

/** How long until something, ticking. */
export function Until({ at }: { at: string | null }) {
  const text = useClock((state) => until(at, state.now));
  return <time dateTime={at ?? undefined} title={full(at)}>{text}</time>;
}

/** A clock time. */
export function At({ at }: { at: string }) {
  const day = useClock((state) => Math.floor(state.now / 60_000) * 60_000);
  return <time dateTime={at} title={full(at)}>{clock(at, day)}</time>;
}

/** A bar of how much is used. Beyond three quarters it warns, by colour and by weight. */
export function Bar({ value, label, tone, className = "w-16" }: {
  value: number; label: string; tone?: "plain" | "warn"; className?: string;
}) {
  const colour =
    tone === "plain" ? "var(--accent)" : value >= 90 ? "var(--failed)" : value >= 75 ? "var(--needs_input)" : "var(--faint)";
  return (
    <span
      role="meter" aria-valuenow={Math.round(value)} aria-valuemin={0} aria-valuemax={100} aria-label={label} title={label}
      className={`inline-block h-1.5 shrink-0 overflow-hidden rounded-full bg-line align-middle ${className}`}
    >
      <span className="block h-full rounded-full" style={{ width: `${Math.max(2, Math.min(100, value))}%`, background: colour }} />
    </span>
  );
}

/** How full a session's context window is; only tokens where the window's size is not known. */
export function ContextGauge({ session, wide = false }: { session: Session; wide?: boolean }) {
  const { context } = session;
  if (!context) return <span className="text-faint">–</span>;
  if (!context.window) return <span className="text-dim" title="The size of its context window is not known">{count(context.tokens)}</span>;
  const value = percent(context.tokens, context.window);
  const label = `Context: ${count(context.tokens)} of ${count(context.window)} tokens, ${Math.round(value)} %`;
  return (
    <span className="inline-flex items-center gap-2 align-middle">
      <Bar value={value} label={label} className={wide ? "w-24" : "w-10"} />
      <span className="w-8 text-end">{Math.round(value)} %</span>
    </span>
  );
}

/** Steps done of a session's own list. */
export function Steps({ progress }: { progress: NonNullable<Session["progress"]> }) {
  const label = `${progress.done} of ${progress.total} steps done`;
  return (
    <span className="inline-flex items-center gap-1.5 whitespace-nowrap text-dim">
      <Bar tone="plain" value={percent(progress.done, progress.total)} label={label} className="w-12" />
      <span aria-hidden>{progress.done}/{progress.total}</span>
    </span>
  );
}

export function CopyButton({ text, label, children }: { text: string; label: string; children?: ReactNode }) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return undefined;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = () => {
    navigator.clipboard.writeText(text).then(() => setCopied(true), () => setCopied(false));
  };
  return (
    <button type="button" className="button-quiet" onClick={copy} title={`${label}: ${text}`}>
      {isCopied ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />}
      <span className={children ? "" : "sr-only"}>{isCopied ? "Copied" : (children ?? label)}</span>
    </button>
  );
}

/** Nothing to show, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="mx-auto flex max-w-xl flex-col gap-2 px-4 py-12 text-center text-dim">
      <p className="text-base font-medium text-text">{title}</p>
      {children}
    </div>
  );
}

/** Something went wrong: the server's own words, and a way on. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const message = error instanceof Error ? error.message : String(error);
  return (
    <div role="alert" data-state="failed" className="m-4 flex items-start gap-2 rounded-lg border border-[var(--state)]/40 bg-raised px-3 py-2">
      <TriangleAlert size={16} aria-hidden className="mt-0.5 shrink-0 text-[var(--state)]" />
      <p className="min-w-0 grow break-words">{message}</p>
      {retry ? <button type="button" className="button" onClick={retry}>Try again</button> : null}
    </div>
  );
}

/** Grey lines in the shape of what comes; nothing for the first moments, so that fast answers do not flash. */
export function Loading({ lines = 6 }: { lines?: number }) {
  const [isSlow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), 250);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div role="status" aria-label="Loading" className="flex flex-col gap-3 p-4">
      {isSlow
        ? Array.from({ length: lines }, (_, line) => (
            <span key={line} className="h-3 rounded bg-line" style={{ width: `${90 - ((line * 17) % 45)}%` }} />
          ))
        : null}
    </div>
  );
}

/** One of a few choices. */
export function Choice<T extends string>({ label, options, value, onChange }: {
  label: string; options: readonly { value: T; label: string }[]; value: T; onChange: (value: T) => void;
}) {
  return (
    <div role="group" aria-label={label} className="inline-flex rounded-md border border-strong bg-raised p-0.5">
      {options.map((option) => (
        <button
          key={option.value} type="button" aria-pressed={option.value === value} onClick={() => onChange(option.value)}
          className="min-h-6 rounded px-2 text-sm text-dim hover:text-text aria-pressed:bg-hover aria-pressed:font-medium aria-pressed:text-text pointer-coarse:min-h-9"
        >
          {option.label}
        </button>
      ))}
    </div>
  );
}

/** A choice among many, or none. */
export function Select({ label, value, options, onChange, all }: {
  label: string; value: string; options: readonly { value: string; label: string }[];
  onChange: (value: string | null) => void; all: string;
}) {
  return (
    <select
      aria-label={label} value={value} onChange={(event) => onChange(event.target.value || null)}
      className={`field max-w-44 ${value ? "border-accent text-text" : "text-dim"}`}
    >
      <option value="">{all}</option>
      {value && !options.some((option) => option.value === value) ? <option value={value}>{value}</option> : null}
      {options.map((option) => <option key={option.value} value={option.value}>{option.label}</option>)}
    </select>
  );
}

/** A modal dialog. The browser keeps the focus inside, and gives it back at the end. */
export function Dialog({ label, onClose, children, className = "" }: {
  label: string; onClose: () => void; children: ReactNode; className?: string;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    element?.showModal();
    return () => {
      element?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog} aria-label={label} onCancel={(event) => { event.preventDefault(); onClose(); }}
      onClick={(event) => { if (event.target === dialog.current) onClose(); }}
      className={`m-auto max-h-[85dvh] w-[min(92vw,40rem)] overflow-auto rounded-xl border border-strong bg-raised p-0 shadow-[var(--shadow)] ${className}`}
    >
      {children}
    </dialog>
  );
}

/** A page's heading, for those who do not see it too. */
export function Section({ title, aside, children, note }: { title: string; aside?: ReactNode; children: ReactNode; note?: ReactNode }) {
  return (
    <section className="panel min-w-0" aria-label={title}>
      <header className="flex min-h-11 flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-4 py-1.5">
        <h2 className="font-semibold">{title}</h2>
        {note ? <p className="text-sm text-dim">{note}</p> : null}
        <div className="ms-auto flex flex-wrap items-center gap-2">{aside}</div>
      </header>
      {children}
    </section>
  );
}
