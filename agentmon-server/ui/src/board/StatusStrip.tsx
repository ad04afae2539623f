/** One line that says it all; every part of it is a filter or leads to more. */

import { useMemo } from "react";
import { Link } from "wouter";
import { money } from "../lib/format";
import { GROUPS, type Budget, type Group, type Quota, type State } from "../lib/types";
import { Bar, Until } from "../ui/parts";
import { StateIcon } from "../ui/state";
import { useBoard } from "./store";

const PARTS: Record<Group, { state: State; word: (count: number) => string }> = {
  needs_you: { state: "needs_input", word: (count) => (count === 1 ? "needs you" : "need you") },
  failed: { state: "failed", word: () => "failed" },
  stalled: { state: "stalled", word: () => "stalled" },
  limited: { state: "limited", word: () => "limited" },
  working: { state: "working", word: () => "working" },
  done: { state: "completed", word: () => "done" },
  rest: { state: "idle", word: () => "at rest" },
};

/** Groups that are told even when they are empty. */
const ALWAYS: readonly Group[] = ["needs_you", "working"];

export function StatusStrip({ show, onToggle }: { show: readonly Group[]; onToggle: (group: Group) => void }) {
  const status = useBoard((state) => state.status);
  const quotas = useMemo(() => tightest(status?.quotas ?? []), [status]);
  if (!status) return <div className="h-10 shrink-0 border-b border-line" />;
  return (
    <div className="flex h-10 shrink-0 items-center gap-0.5 overflow-x-auto border-b border-line px-2 whitespace-nowrap">
      {GROUPS.filter((group) => status.groups[group] || ALWAYS.includes(group)).map((group) => {
        const count = status.groups[group];
        const { state, word } = PARTS[group];
        return (
          <button
            key={group} type="button" aria-pressed={show.includes(group)} onClick={() => onToggle(group)} data-state={state}
            className="button-quiet border border-transparent aria-pressed:border-[var(--state)]/60 aria-pressed:bg-[var(--state)]/10 aria-pressed:text-text"
          >
            <StateIcon state={state} size={14} />
            <strong className={count ? "font-semibold text-text" : "font-medium"}>{count}</strong>
            {word(count)}
          </button>
        );
      })}
      <span aria-hidden className="mx-1.5 h-4 w-px bg-line" />
      <Link href="/usage" className="button-quiet" title="Cost of today's calls with a known price">
        <strong className="font-semibold text-text">{money(status.today.cost_usd)}</strong> today
        {status.today.unpriced_requests ? <span className="text-needs">+ {status.today.unpriced_requests} unpriced</span> : null}
      </Link>
      {quotas.map((quota) => <QuotaPart key={`${quota.agent}.${quota.limit}.${quota.window}`} quota={quota} />)}
      {status.budgets.map((budget) => <BudgetPart key={`${budget.project ?? ""}.${budget.period}`} budget={budget} />)}
    </div>
  );
}

/** The limit of each agent that is nearest to its end. */
function tightest(quotas: readonly Quota[]): Quota[] {
  const found = new Map<string, Quota>();
  for (const quota of quotas) {
    if (quota.expired) continue;
    const known = found.get(quota.agent);
    if (!known || quota.used_percent > known.used_percent) found.set(quota.agent, quota);
  }
  return [...found.values()];
}

export function windowName(minutes: number | null, name: string): string {
  if (!minutes) return name.replaceAll("_", " ");
  if (minutes % 10_080 === 0) return minutes === 10_080 ? "week" : `${minutes / 10_080} weeks`;
  if (minutes % 1440 === 0) return `${minutes / 1440}d`;
  return minutes % 60 ? `${minutes}m` : `${minutes / 60}h`;
}

function QuotaPart({ quota }: { quota: Quota }) {
  const label = `${quota.agent} plan limit, ${windowName(quota.window_minutes, quota.window)}: ${Math.round(quota.used_percent)} % used`;
  return (
    <Link href="/usage#limits" className="button-quiet" title={label}>
      {windowName(quota.window_minutes, quota.window)}
      <Bar value={quota.used_percent} label={label} className="w-10" />
      <strong className="font-semibold text-text">{Math.round(quota.used_percent)} %</strong>
      {quota.used_percent >= 75 && quota.resets_at ? <span>resets in <Until at={quota.resets_at} /></span> : null}
    </Link>
  );
}

function BudgetPart({ budget }: { budget: Budget }) {
  const name = `${budget.project ?? "Budget"}, ${budget.period}`;
  return (
    <Link href="/usage#limits" className={`button-quiet ${budget.over ? "text-failed" : ""}`} title={name}>
      {name}
      <strong className="font-semibold">{Math.round(budget.used_percent)} %</strong>
    </Link>
  );
}
