/** Plan limits, budgets, and the windows of five hours with burn rate and projection. */

import { useQuery } from "@tanstack/react-query";
import { windowName } from "../board/StatusStrip";
import { api, withParams } from "../lib/api";
import { agentName, count, money, percent } from "../lib/format";
import { useClock } from "../lib/clock";
import type { UsageBlock, UsageReport } from "../lib/types";
import { Ago, Bar, Empty, Failure, Loading, Section, Until } from "../ui/parts";

export function Limits() {
  const report = useQuery({
    queryKey: ["usage", "blocks"],
    queryFn: () => api<UsageReport>(withParams("/api/v1/usage", { report: "blocks", since: "2d", by: "none" })),
    refetchInterval: 30_000,
  });
  if (report.error) return <Section title="Limits"><Failure error={report.error} retry={() => void report.refetch()} /></Section>;
  if (!report.data) return <Section title="Limits"><Loading lines={4} /></Section>;
  const { quotas = [], budgets = [], blocks = [] } = report.data;
  const open = blocks.filter((block) => block.is_active);
  return (
    <Section title="Limits">
      <div id="limits" className="flex flex-col gap-4 p-4">
        {quotas.length || budgets.length || open.length ? null : (
          <Empty title="No limit is known"><p>Agents report the limits of their plan while they work. Budgets of your own stand in agentmon&apos;s configuration.</p></Empty>
        )}
        {quotas.length ? (
          <ul className="flex flex-col gap-2">
            {quotas.map((quota) => {
              const label = `${agentName(quota.agent)}, ${windowName(quota.window_minutes, quota.window)}`;
              return (
                <li key={`${quota.agent}.${quota.limit}.${quota.window}`} className={`flex flex-wrap items-center gap-x-3 text-sm ${quota.expired ? "text-faint" : ""}`}>
                  <span className="w-44 truncate">{label}{quota.plan ? <span className="text-faint"> {quota.plan}</span> : null}</span>
                  <Bar value={quota.used_percent} label={`${label}: ${Math.round(quota.used_percent)} % used`} className="h-2 w-40 max-sm:flex-1" />
                  <strong className="w-12 text-end font-semibold">{Math.round(quota.used_percent)} %</strong>
                  <span className="text-dim">
                    {quota.expired ? "over since" : quota.resets_at ? "resets in" : "told"}{" "}
                    {quota.expired ? <Ago at={quota.resets_at} /> : quota.resets_at ? <Until at={quota.resets_at} /> : <><Ago at={quota.at} /> ago</>}
                  </span>
                </li>
              );
            })}
          </ul>
        ) : null}
        {budgets.length ? (
          <ul className="flex flex-col gap-2">
            {budgets.map((budget) => {
              const label = `${budget.project ?? "All projects"}, ${budget.period}`;
              return (
                <li key={label} className="flex flex-wrap items-center gap-x-3 text-sm">
                  <span className="w-44 truncate" dir="auto">{label}</span>
                  <Bar value={budget.used_percent} label={`${label}: ${Math.round(budget.used_percent)} % of the budget`} className="h-2 w-40 max-sm:flex-1" />
                  <strong className={`w-12 text-end font-semibold ${budget.over ? "text-failed" : ""}`}>{Math.round(budget.used_percent)} %</strong>
                  <span className="text-dim">{money(budget.spent_usd)} of {money(budget.limit_usd)}</span>
                </li>
              );
            })}
          </ul>
        ) : null}
        {open.map((block) => <Window key={`${block.agent}.${block.start}`} block={block} />)}
      </div>
    </Section>
  );
}

function Window({ block }: { block: UsageBlock }) {
  const now = useClock((state) => Math.floor(state.now / 60_000) * 60_000);
  const [start, end] = [Date.parse(block.start), Date.parse(block.end)];
  return (
    <div className="text-sm">
      <p className="flex flex-wrap items-center gap-x-3">
        <span className="w-44 truncate">{agentName(block.agent)}, 5 h window</span>
        <Bar tone="plain" value={percent(now - start, end - start)} label="Time passed of the window" className="h-2 w-40 max-sm:flex-1" />
        <strong className="w-12 text-end font-semibold">{money(block.cost_usd)}</strong>
        <span className="text-dim">ends in <Until at={block.end} /></span>
      </p>
      {block.burn_rate && block.projection ? (
        <p className="mt-0.5 text-faint">
          {money(block.burn_rate.cost_usd_per_hour)} an hour, {count(block.burn_rate.tokens_per_minute)} tokens a minute. At this rate {money(block.projection.cost_usd)} and{" "}
          {count(block.projection.total_tokens)} tokens when it ends.
        </p>
      ) : null}
    </div>
  );
}
