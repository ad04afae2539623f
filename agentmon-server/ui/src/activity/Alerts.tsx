/** Alerts: what was raised, whether it is over, whether it reached somebody. */

import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { createStore, useStore } from "zustand";
import { send } from "../lib/api";
import { sessionPath } from "../lib/format";
import type { Alert, AlertRule } from "../lib/types";
import type { Listener } from "../live/connection";
import { useTopic } from "../live/live";
import { At, Empty, Failure, Loading } from "../ui/parts";

interface Told {
  alerts: Alert[];
  rules: AlertRule[];
}

function createAlerts() {
  const store = createStore<{ told: Told | null; error: string | null }>(() => ({ told: null, error: null }));
  const listener: Listener = {
    snapshot: (data) => store.setState({ told: data as Told, error: null }),
    error: (_code, message) => store.setState({ error: message }),
  };
  return { store, listener };
}

export function Alerts() {
  const [{ store, listener }] = useState(createAlerts);
  useTopic("alerts", listener);
  const { told, error } = useStore(store);
  const acknowledge = useMutation({ mutationFn: (id: number) => send("POST", `/api/v1/alerts/${id}/acknowledge`) });
  if (error) return <Failure error={new Error(error)} />;
  if (!told) return <Loading />;
  return (
    <div className="min-h-0 flex-1 overflow-y-auto" data-scroller tabIndex={0} role="region" aria-label="Alerts">
      {acknowledge.error ? <Failure error={acknowledge.error} /> : null}
      {told.alerts.length ? null : (
        <Empty title="No alert was raised">
          <p>
            {told.rules.length
              ? `${told.rules.length} rules watch: ${told.rules.map((rule) => rule.name).join(", ")}.`
              : "No rule is set. Rules stand in agentmon's configuration under [alerts]."}
          </p>
        </Empty>
      )}
      <ul>
        {told.alerts.map((alert) => {
          const isOpen = !alert.resolved_at;
          return (
            <li key={alert.id} data-state={isOpen ? "needs_input" : "idle"} className="flex min-w-0 flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-4 py-2">
              <span className={`w-20 shrink-0 text-sm ${isOpen ? "font-semibold text-[var(--state)]" : "text-faint"}`}>{isOpen ? "open" : "over"}</span>
              <span className="min-w-0 flex-1">
                <span className="font-medium" dir="auto">{alert.title ?? alert.rule}</span> <span className="text-dim" dir="auto">{alert.message}</span>
                {alert.detail ? <span className="block truncate font-mono text-xs text-faint" dir="auto">{alert.detail}</span> : null}
              </span>
              {alert.deliveries.filter((delivery) => delivery.state === "failed").map((delivery) => (
                <span key={delivery.channel} className="text-xs text-failed" title={delivery.error ?? undefined}>{delivery.channel} failed</span>
              ))}
              <span className="text-xs text-faint"><At at={alert.raised_at} /></span>
              {alert.session ? <Link href={sessionPath(alert.session)} className="button">Open</Link> : null}
              {isOpen && !alert.acknowledged_at ? (
                <button type="button" className="button" disabled={acknowledge.isPending} onClick={() => acknowledge.mutate(alert.id)}>Acknowledge</button>
              ) : null}
            </li>
          );
        })}
      </ul>
    </div>
  );
}
