/** What a session cost, and how that is known. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { api } from "../lib/api";
import { duration, money, percent, sessionPath, titleOf, whole } from "../lib/format";
import type { ModelUsage, Session, SessionDetail, Spent, Tokens } from "../lib/types";
import { Bar, Failure, Loading, Section } from "../ui/parts";
import { DataTable } from "../ui/DataTable";

export default function CostTab({ session }: { session: Session }) {
  const detail = useQuery({
    queryKey: ["session", session.id, session.usage.requests],
    queryFn: () => api<SessionDetail>(`/api/v1/sessions/${encodeURIComponent(session.id)}`),
    placeholderData: (before) => before,
  });
  if (detail.error) return <Failure error={detail.error} retry={() => void detail.refetch()} />;
  if (!detail.data) return <Loading />;
  const { models, reported, unattributed, tools, children } = detail.data;
  const family = children.reduce((sum, child) => sum + (child.cost_usd ?? 0), session.cost_usd ?? 0);
  return (
    <div className="min-h-0 flex-1 overflow-y-auto" data-scroller tabIndex={0} role="region" aria-label="Cost">
      <div className="flex flex-col gap-3 p-4 max-md:p-2">
        <div className="panel flex flex-wrap items-baseline gap-x-8 gap-y-2 px-4 py-3">
          <Figure name="This session" value={money(session.cost_usd)} />
          {children.length ? <Figure name={`With ${children.length} subagents`} value={money(family)} /> : null}
          <Figure name="Model calls" value={whole(session.usage.requests)} />
          <Figure name="Tokens" value={whole(session.usage.total_tokens)} />
          {session.blocked_ms ? <Figure name="Waited for you" value={duration(session.blocked_ms)} /> : null}
          <p className="basis-full text-sm text-dim">
            Cost is tokens of each model call times the list price on its day. Input, cache and output do not overlap; reasoning is a part of output.
            {session.usage.unpriced_requests ? (
              <strong className="text-needs"> {session.usage.unpriced_requests} calls have no known price and are not in the sum.</strong>
            ) : null}
          </p>
        </div>
        <Section title="By model"><Models label="Cost by model" models={models} total={session.usage} /></Section>
        {unattributed.length ? (
          <Section title="Beyond its calls" note="what the agent counted, and no call on record explains">
            <Models label="Not explained by calls" models={unattributed.map((row) => ({ ...row, requests: 0, unpriced_requests: 0 }))} total={session.usage} />
          </Section>
        ) : null}
        {reported.length ? (
          <Section title="As the agent reports" note="its own figures, for comparison; not added">
            <Models label="Reported by the agent" models={reported} total={session.usage} />
          </Section>
        ) : null}
        {children.length ? (
          <Section title="Subagents">
            <DataTable
              label="Cost of subagents" rows={children} rowKey={(child) => child.id}
              columns={[
                { name: "Session", value: (child) => titleOf(child), cell: (child) => <Link href={sessionPath(child.id)} className="hover:underline" dir="auto">{titleOf(child)}</Link> },
                { name: "Model", value: (child) => child.model ?? "" },
                { name: "Calls", value: (child) => child.usage.requests, numeric: true },
                { name: "Tokens", value: (child) => child.usage.total_tokens, numeric: true },
                { name: "Cost", value: (child) => child.cost_usd, cell: (child) => money(child.cost_usd), numeric: true },
              ]}
            />
          </Section>
        ) : null}
        {tools.length ? (
          <Section title="Tools">
            <DataTable
              label="Tools" rows={tools} rowKey={(tool) => tool.tool}
              columns={[
                { name: "Tool", value: (tool) => tool.tool },
                { name: "Calls", value: (tool) => tool.calls, numeric: true },
                { name: "Errors", value: (tool) => tool.errors, numeric: true, cell: (tool) => <span className={tool.errors ? "text-failed" : ""}>{tool.errors}</span> },
                { name: "Time", value: (tool) => tool.duration_ms, numeric: true, cell: (tool) => (tool.duration_ms ? duration(tool.duration_ms) : "–") },
              ]}
            />
          </Section>
        ) : null}
      </div>
    </div>
  );
}

export function Figure({ name, value }: { name: string; value: string }) {
  return (
    <p className="flex flex-col">
      <span className="text-xs text-faint">{name}</span>
      <span className="text-lg font-semibold">{value}</span>
    </p>
  );
}

type Row = Tokens & Pick<Spent, "requests" | "unpriced_requests"> & { model: string; cost_usd: number | null };

function Models({ label, models, total }: { label: string; models: readonly Row[] | readonly ModelUsage[]; total: Spent }) {
  return (
    <DataTable
      label={label} rows={models as readonly Row[]} rowKey={(row) => row.model}
      columns={[
        { name: "Model", value: (row) => row.model },
        { name: "Calls", value: (row) => row.requests, numeric: true },
        { name: "Input", value: (row) => row.input_tokens, numeric: true },
        { name: "Cache read", value: (row) => row.cache_read_tokens, numeric: true },
        { name: "Cache write", value: (row) => row.cache_creation_tokens, numeric: true },
        { name: "Output", value: (row) => row.output_tokens, numeric: true },
        { name: "of it reasoning", value: (row) => row.reasoning_tokens, numeric: true },
        {
          name: "Cost", value: (row) => row.cost_usd, numeric: true,
          cell: (row) => (row.unpriced_requests ? <span className="text-needs">{row.cost_usd === null ? "unpriced" : `${money(row.cost_usd)}+`}</span> : money(row.cost_usd)),
        },
        {
          name: "Share", value: (row) => percent(row.cost_usd ?? 0, total.cost_usd ?? 0),
          cell: (row) => <Bar tone="plain" value={percent(row.cost_usd ?? 0, total.cost_usd ?? 0)} label={`${Math.round(percent(row.cost_usd ?? 0, total.cost_usd ?? 0))} % of the cost`} />,
        },
      ]}
    />
  );
}
