/** Why a session is believed to be in its state: the verdict, what decided, all evidence, and how it came there. */

import { useQuery } from "@tanstack/react-query";
import { ArrowRight } from "lucide-react";
import { api } from "../lib/api";
import { duration } from "../lib/format";
import { reasonPhrase, stateWord } from "../lib/reason";
import type { Explanation, Session, Sign } from "../lib/types";
import { At, Failure, Loading, Section, Since, Until } from "../ui/parts";
import { StateMark } from "../ui/state";

const SOURCES: Record<string, string> = {
  control: "agentmon itself",
  live_file: "the agent's own status file",
  gateway: "the gateway",
  hook: "a hook",
  transcript: "the agent's transcript",
  row: "the agent's database",
  otlp: "its telemetry",
  statusline: "its status line",
  screen: "its screen",
  process: "the process table",
  coverage: "what can be seen at all",
  child: "a subagent",
};

const CONFIDENCE: Record<string, string> = {
  high: "said by whoever must know",
  medium: "said by a source that can miss something",
  low: "concluded from silence",
};

export default function Why({ session }: { session: Session }) {
  const explained = useQuery({
    queryKey: ["explain", session.id, session.state, session.reason, session.since, session.last_activity_at],
    queryFn: () => api<Explanation>(`/api/v1/sessions/${encodeURIComponent(session.id)}/explain`),
    placeholderData: (before) => before,
    refetchInterval: 15_000,
  });
  if (explained.error) return <Failure error={explained.error} retry={() => void explained.refetch()} />;
  if (!explained.data) return <Loading />;
  const { verdict, evidence, transitions } = explained.data;
  const decisive = new Set(verdict.decided_by.map((sign) => `${sign.at} ${sign.signal}`));
  return (
    <div className="min-h-0 flex-1 overflow-y-auto" data-scroller tabIndex={0} role="region" aria-label="Why">
      <div className="grid gap-3 p-4 max-md:p-2 lg:grid-cols-2">
        <section className="panel px-4 py-3 lg:col-span-2" aria-label="Verdict" data-state={verdict.state}>
          <p className="flex flex-wrap items-center gap-x-2 text-base">
            <StateMark state={verdict.state} liveness={verdict.liveness} />
            <span>{reasonPhrase(verdict.reason)}</span>
            <span className="text-dim">for <Since at={verdict.since} /></span>
          </p>
          {verdict.detail ? <p className="mt-1.5 rounded border border-line bg-sunken px-2 py-1 font-mono text-sm break-words" dir="auto">{verdict.detail}</p> : null}
          <dl className="mt-2 grid grid-cols-[auto_1fr] gap-x-4 gap-y-0.5 text-sm">
            <dt className="text-faint">Confidence</dt>
            <dd>{verdict.confidence}: {CONFIDENCE[verdict.confidence]}</dd>
            <dt className="text-faint">Process</dt>
            <dd>{verdict.liveness === "unknown" ? "nobody knows whether it lives" : verdict.liveness}{session.pid ? ` (pid ${session.pid})` : ""}</dd>
            <dt className="text-faint">Decided by</dt>
            <dd>
              <ul>
                {verdict.decided_by.map((sign, index) => (
                  <li key={index}><code className="font-mono text-xs">{sign.signal}</code> <span className="text-dim">from {SOURCES[sign.source] ?? sign.source}, at <At at={sign.at} /></span></li>
                ))}
                {verdict.decided_by.length ? null : <li className="text-dim">nothing: there is no evidence</li>}
              </ul>
            </dd>
            {verdict.next_deadline ? (
              <>
                <dt className="text-faint">Looked at again</dt>
                <dd>in <Until at={verdict.next_deadline} />, if nothing happens before</dd>
              </>
            ) : null}
          </dl>
        </section>
        <Section title="Evidence" note="the newest first; what decided is marked">
          <ol className="relative px-4 py-2">
            {evidence.map((sign, index) => <Evidence key={index} sign={sign} isDecisive={decisive.has(`${sign.at} ${sign.signal}`)} />)}
          </ol>
        </Section>
        <Section title="How it came there">
          <ol className="px-4 py-1">
            {transitions.map((step, index) => (
              <li key={index} className="border-b border-line/60 py-1.5 last:border-b-0">
                <p className="flex flex-wrap items-center gap-x-2">
                  <span className="w-16 shrink-0 text-xs text-faint"><At at={step.at} /></span>
                  <span className="text-dim">{stateWord(step.from)}</span>
                  <ArrowRight size={13} aria-label="to" role="img" className="text-faint rtl:rotate-180" />
                  <StateMark state={step.to} />
                  <span className="text-sm text-dim">{reasonPhrase(step.reason)}</span>
                  {Date.parse(step.at) - Date.parse(step.since) > 1000 ? (
                    <span className="text-xs text-faint">noticed {duration(Date.parse(step.at) - Date.parse(step.since))} later</span>
                  ) : null}
                </p>
                {step.detail ? <p className="ms-[72px] truncate font-mono text-xs text-faint" dir="auto" title={step.detail}>{step.detail}</p> : null}
              </li>
            ))}
            {transitions.length ? null : <li className="py-2 text-dim">No change of state was seen.</li>}
          </ol>
        </Section>
      </div>
    </div>
  );
}

function Evidence({ sign, isDecisive }: { sign: Sign; isDecisive: boolean }) {
  return (
    <li className="flex min-w-0 items-baseline gap-x-3 py-1 max-md:flex-wrap">
      <span className="w-16 shrink-0 text-xs text-faint"><At at={sign.at} /></span>
      <span aria-hidden className={`size-1.5 shrink-0 -translate-y-px rounded-full ${isDecisive ? "bg-accent" : "bg-strong"}`} />
      <code className={`min-w-0 font-mono text-xs break-words max-md:flex-1 ${isDecisive ? "font-semibold text-text" : "text-dim"}`} dir="auto">{sign.signal}</code>
      <span className="ms-auto shrink-0 text-xs text-faint max-md:basis-full max-md:ps-[86px]">{SOURCES[sign.source] ?? sign.source}{isDecisive ? <span className="sr-only"> (decided)</span> : null}</span>
    </li>
  );
}
