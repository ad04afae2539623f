/** Work that somebody tracks by hand: agents that leave no files, tasks outside of this machine. */

import { useMutation, useQuery } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import { useState, type SyntheticEvent } from "react";
import { api, ApiError, queries, send } from "../lib/api";
import { count, span } from "../lib/format";
import { useParams } from "../lib/params";
import { serverNow } from "../lib/clock";
import { Bar, Dialog, Empty, Failure, Loading } from "../ui/parts";
import { StateIcon } from "../ui/state";
import type { State } from "../lib/types";

const STATUSES = ["pending", "running", "idle", "paused", "completed", "error", "stopped"] as const;
type Status = (typeof STATUSES)[number];

const STATES: Record<Status, State> = {
  pending: "queued", running: "working", idle: "idle", paused: "idle", completed: "completed", error: "failed", stopped: "terminated",
};

interface Agent {
  id: string;
  name: string;
  label: string | null;
  model: string;
  task: string | null;
  status: Status;
  progress: number;
  startTime: number | null;
  endTime: number | null;
  tokensIn: number;
  tokensOut: number;
}

type Draft = Pick<Agent, "name" | "model" | "task" | "status" | "progress">;

const FRESH: Draft = { name: "", model: "", task: null, status: "running", progress: 0 };

function reload(): Promise<void> {
  return queries.invalidateQueries({ queryKey: ["agents"] });
}

export default function Agents() {
  const [params, change] = useParams();
  const agents = useQuery({ queryKey: ["agents"], queryFn: () => api<Agent[]>("/api/agents"), refetchInterval: 5000 });
  const edited = params.get("edit");
  const agent = agents.data?.find(({ id }) => id === edited);
  const close = () => change({ new: null, edit: null });
  return (
    <div className="min-h-0 flex-1 overflow-y-auto" data-scroller tabIndex={0} role="region" aria-label="Work tracked by hand">
      <div className="mx-auto flex max-w-5xl flex-col gap-3 p-4 max-md:p-2">
        <div className="flex items-center gap-3">
          <h1 className="text-lg font-semibold">Tracked by hand</h1>
          <button type="button" className="button ms-auto" onClick={() => change({ new: "1" })}><Plus size={14} aria-hidden /> Track work</button>
        </div>
        {agents.error ? <Failure error={agents.error} retry={() => void agents.refetch()} /> : null}
        {agents.isPending ? <Loading /> : null}
        {agents.data && !agents.data.length ? (
          <Empty title="Nothing is tracked by hand"><p>For agents that leave no files and for tasks elsewhere: post to <code className="font-mono">/api/agents</code>, or add one here.</p></Empty>
        ) : null}
        <ul className="flex flex-col gap-2">{agents.data?.map((row) => <Row key={row.id} agent={row} onEdit={() => change({ edit: row.id })} />)}</ul>
      </div>
      {params.has("new") ? <Form draft={FRESH} id={null} onClose={close} /> : null}
      {agent ? <Form draft={agent} id={agent.id} onClose={close} /> : null}
    </div>
  );
}

function Row({ agent, onEdit }: { agent: Agent; onEdit: () => void }) {
  const state = STATES[agent.status];
  return (
    <li className="panel flex min-w-0 flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5" data-state={state}>
      <span className="inline-flex w-28 shrink-0 items-center gap-1.5 font-medium text-[var(--state)]"><StateIcon state={state} /> {agent.status}</span>
      <div className="min-w-0 flex-1 basis-48">
        <p className="truncate font-medium" dir="auto">{agent.label ?? agent.name}</p>
        {agent.task ? <p className="truncate text-sm text-dim" dir="auto" title={agent.task}>{agent.task}</p> : null}
      </div>
      <span className="truncate text-sm text-dim">{agent.model}</span>
      <span className="inline-flex items-center gap-2 text-sm">
        <Bar tone="plain" value={agent.progress} label={`Progress: ${agent.progress} %`} className="h-2 w-28" />
        <span className="w-10 text-end">{agent.progress} %</span>
      </span>
      <span className="w-24 text-end text-sm text-dim">{count(agent.tokensIn + agent.tokensOut)} tokens</span>
      {agent.startTime ? <span className="w-14 text-end text-sm text-dim">{span((agent.endTime ?? serverNow()) - agent.startTime)}</span> : null}
      <button type="button" className="button" onClick={onEdit}>Edit</button>
    </li>
  );
}

function Form({ draft, id, onClose }: { draft: Draft; id: string | null; onClose: () => void }) {
  const [agent, setAgent] = useState<Draft>({ name: draft.name, model: draft.model, task: draft.task, status: draft.status, progress: draft.progress });
  const done = async () => {
    await reload();
    onClose();
  };
  const save = useMutation({ mutationFn: () => (id ? send("PATCH", `/api/agents/${encodeURIComponent(id)}`, agent) : send("POST", "/api/agents", agent)), onSuccess: done });
  const remove = useMutation({ mutationFn: () => send("DELETE", `/api/agents/${encodeURIComponent(id ?? "")}`), onSuccess: done });
  const error = save.error ?? remove.error;
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Dialog label={id ? "Edit tracked work" : "Track work"} onClose={onClose}>
      <form className="flex flex-col gap-3 p-5" onSubmit={submit}>
        <h2 className="text-base font-semibold">{id ? "Edit tracked work" : "Track work"}</h2>
        <label className="flex flex-col gap-1 text-sm text-dim">Name
          <input className="field text-text" required maxLength={200} autoFocus value={agent.name} onChange={(event) => setAgent({ ...agent, name: event.target.value })} />
        </label>
        <label className="flex flex-col gap-1 text-sm text-dim">Model
          <input className="field text-text" value={agent.model} onChange={(event) => setAgent({ ...agent, model: event.target.value })} />
        </label>
        <label className="flex flex-col gap-1 text-sm text-dim">Task
          <textarea className="field text-text" rows={3} value={agent.task ?? ""} onChange={(event) => setAgent({ ...agent, task: event.target.value || null })} />
        </label>
        <div className="flex flex-wrap gap-4">
          <label className="flex flex-col gap-1 text-sm text-dim">Status
            <select className="field text-text" value={agent.status} onChange={(event) => setAgent({ ...agent, status: STATUSES.find((status) => status === event.target.value) ?? "running" })}>
              {STATUSES.map((status) => <option key={status}>{status}</option>)}
            </select>
          </label>
          <label className="flex flex-1 flex-col gap-1 text-sm text-dim">Progress: {agent.progress} %
            <input type="range" min={0} max={100} className="min-h-7 accent-[var(--accent)]" value={agent.progress} onChange={(event) => setAgent({ ...agent, progress: Number(event.target.value) })} />
          </label>
        </div>
        {error ? <p role="alert" className="text-sm text-failed">{error instanceof ApiError && error.status === 401 ? "Changing something needs a login: open the link that the server printed when it started." : error.message}</p> : null}
        <div className="flex items-center gap-2">
          <button type="submit" className="button button-primary" disabled={save.isPending}>Save</button>
          <button type="button" className="button" onClick={onClose}>Cancel</button>
          {id ? <button type="button" className="button ms-auto text-failed" disabled={remove.isPending} onClick={() => remove.mutate()}><Trash2 size={14} aria-hidden /> Delete</button> : null}
        </div>
      </form>
    </Dialog>
  );
}
