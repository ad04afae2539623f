/** Gateways that can be chatted with: which are known, whether they are connected and why not; adding and removing one. */

import { useMutation, useQuery } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import { useState, type SyntheticEvent } from "react";
import { Link } from "wouter";
import { api, ApiError, queries, send } from "../lib/api";
import { useParams } from "../lib/params";
import { Dialog, Section } from "../ui/parts";
import { Answer } from "../usage/Usage";

interface Gateway {
  id: string;
  name: string;
  url: string;
  connected: boolean;
}

const LOGIN = "Changing something needs a login: open the link that the server printed when it started.";

function wordsOf(error: unknown): string {
  if (error instanceof ApiError && error.status === 401) return LOGIN;
  return error instanceof Error ? error.message : String(error);
}

function reload(): Promise<void> {
  return queries.invalidateQueries({ queryKey: ["gateways"] });
}

export function Gateways() {
  const [params, change] = useParams();
  const gateways = useQuery({ queryKey: ["gateways"], queryFn: () => api<Gateway[]>("/api/gateways"), refetchInterval: 15_000 });
  return (
    <Section title="Gateways" note="OpenClaw, to chat with its agents" aside={<button type="button" className="button" onClick={() => change({ gateway: "new" })}><Plus size={14} aria-hidden /> Add</button>}>
      <Answer query={gateways}>
        {(list) => (list.length ? <ul>{list.map((gateway) => <Row key={gateway.id} gateway={gateway} />)}</ul> : <p className="px-4 py-3 text-sm text-dim">None is known.</p>)}
      </Answer>
      {params.get("gateway") === "new" ? <Form onClose={() => change({ gateway: null })} /> : null}
    </Section>
  );
}

function Row({ gateway }: { gateway: Gateway }) {
  const path = `/api/gateways/${encodeURIComponent(gateway.id)}`;
  const status = useQuery({ queryKey: ["gateways", gateway.id], queryFn: () => api<{ connected: boolean; note: string | null }>(`${path}/status`), refetchInterval: 15_000 });
  const remove = useMutation({ mutationFn: () => send("DELETE", path), onSuccess: reload });
  const [isSure, setSure] = useState(false);
  const isConnected = status.data?.connected ?? gateway.connected;
  return (
    <li className="flex min-h-12 min-w-0 flex-wrap items-center gap-x-4 gap-y-1 border-b border-line/60 px-4 py-1.5 last:border-b-0">
      <div className="min-w-0 flex-1 basis-60">
        <p className="truncate"><Link href={`/chat/${encodeURIComponent(gateway.id)}`} className="hover:underline" dir="auto">{gateway.name}</Link> <span className="text-sm text-faint" dir="auto">{gateway.url}</span></p>
        <p className={`text-sm ${isConnected ? "text-faint" : "text-needs"}`} dir="auto">{isConnected ? "connected" : "not connected"}{status.data?.note ? `: ${status.data.note}` : ""}</p>
        {remove.error ? <p role="alert" className="text-sm text-failed">{wordsOf(remove.error)}</p> : null}
      </div>
      <button type="button" className={`button ${isSure ? "text-failed" : ""}`} disabled={remove.isPending} onBlur={() => setSure(false)} onClick={() => (isSure ? remove.mutate() : setSure(true))}>
        <Trash2 size={14} aria-hidden /> {isSure ? "Remove, with what was said" : "Remove"}
      </button>
    </li>
  );
}

function Form({ onClose }: { onClose: () => void }) {
  const [gateway, setGateway] = useState({ name: "", url: "ws://127.0.0.1:18789", token: "" });
  const save = useMutation({
    mutationFn: () => send("POST", "/api/gateways", { name: gateway.name, url: gateway.url, ...(gateway.token ? { token: gateway.token } : {}) }),
    onSuccess: async () => {
      await reload();
      onClose();
    },
  });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Dialog label="Add a gateway" onClose={onClose}>
      <form className="flex flex-col gap-3 p-5" onSubmit={submit}>
        <h2 className="text-base font-semibold">Add a gateway</h2>
        <label className="flex flex-col gap-1 text-sm text-dim">Name
          <input className="field text-text" required maxLength={200} autoFocus value={gateway.name} onChange={(event) => setGateway({ ...gateway, name: event.target.value })} />
        </label>
        <label className="flex flex-col gap-1 text-sm text-dim">Address
          <input className="field text-text" required inputMode="url" value={gateway.url} onChange={(event) => setGateway({ ...gateway, url: event.target.value })} />
        </label>
        <label className="flex flex-col gap-1 text-sm text-dim">Token
          <input className="field text-text" type="password" autoComplete="off" value={gateway.token} onChange={(event) => setGateway({ ...gateway, token: event.target.value })} />
        </label>
        <p className="text-sm text-faint">The token is kept in the data folder, which only you can read, and is never shown.</p>
        {save.error ? <p role="alert" className="text-sm text-failed">{wordsOf(save.error)}</p> : null}
        <div className="flex gap-2">
          <button type="submit" className="button button-primary" disabled={save.isPending}>Save</button>
          <button type="button" className="button" onClick={onClose}>Cancel</button>
        </div>
      </form>
    </Dialog>
  );
}
