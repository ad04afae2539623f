/** Chat with agents behind gateways. Looking on needs no login; saying something does. */

import { useQuery } from "@tanstack/react-query";
import { CircleStop, Plus, Send } from "lucide-react";
import { lazy, Suspense, useEffect, useRef, useState, type ReactNode } from "react";
import { Link, useLocation } from "wouter";
import { api, withParams } from "../lib/api";
import { useKeys } from "../lib/keys";
import { At, Empty, Failure, Loading, Select } from "../ui/parts";
import { chatActions, chatKey, NO_CHAT, openChat, useChats, type Approval, type Message } from "./store";

const Prose = lazy(() => import("../session/Prose"));

interface Gateway {
  id: string;
  name: string;
  url: string;
  connected: boolean;
}

interface GatewaySession {
  key: string;
  agentId?: string;
  label?: string;
  displayName?: string;
  derivedTitle?: string;
  model?: string;
  hasActiveRun?: boolean;
  channel?: string;
}

function chatPath(gateway: string, session?: string): string {
  return session ? `/chat/${encodeURIComponent(gateway)}/${encodeURIComponent(session)}` : `/chat/${encodeURIComponent(gateway)}`;
}

/** The key of a conversation that does not exist yet. */
function freshKey(agent: string): string {
  return `agent:${agent}:agentmon-${Date.now().toString(36)}`;
}

interface Place {
  gateway: string | null;
  session: string | null;
}

export default function Chat(place: Place) {
  return (
    <>
      <h1 className="sr-only">Chat</h1>
      <Gateways {...place} />
    </>
  );
}

function Gateways({ gateway, session }: Place) {
  const [, navigate] = useLocation();
  const gateways = useQuery({ queryKey: ["gateways"], queryFn: () => api<Gateway[]>("/api/gateways"), refetchInterval: 15_000 });
  if (gateways.error) return <Failure error={gateways.error} retry={() => void gateways.refetch()} />;
  if (!gateways.data) return <Loading />;
  const chosen = gateways.data.find(({ id }) => id === gateway) ?? gateways.data[0];
  if (!chosen) {
    return (
      <Empty title="No gateway is known">
        <p>Add an OpenClaw gateway in the <Link href="/settings?gateway=new" className="link">settings</Link>, with <code className="font-mono">agentmon gateways add</code>, or in agentmon&apos;s configuration.</p>
      </Empty>
    );
  }
  return (
    <div className="flex min-h-0 flex-1">
      <aside className={`flex w-72 shrink-0 flex-col border-e border-line max-md:w-full ${session ? "max-md:hidden" : ""}`} aria-label="Conversations">
        <div className="flex items-center gap-2 border-b border-line p-2">
          {gateways.data.length > 1 ? (
            <Select label="Gateway" all={chosen.name} value={chosen.id} options={gateways.data.map(({ id, name }) => ({ value: id, label: name }))} onChange={(id) => navigate(chatPath(id ?? chosen.id))} />
          ) : <span className="truncate px-1 font-medium" dir="auto">{chosen.name}</span>}
          <Connected gateway={chosen} />
        </div>
        <Conversations gateway={chosen} session={session} />
      </aside>
      {session ? <Conversation key={chatKey(chosen.id, session)} gateway={chosen} session={session} /> : (
        <div className="flex-1 max-md:hidden"><Empty title="Choose a conversation" /></div>
      )}
    </div>
  );
}

function Connected({ gateway }: { gateway: Gateway }) {
  const note = useChats((state) => state.notes[gateway.id]);
  const isConnected = note === undefined ? gateway.connected : note === null;
  return (
    <span className={`ms-auto flex items-center gap-1.5 text-xs ${isConnected ? "text-faint" : "text-needs"}`} title={note ?? gateway.url}>
      <span aria-hidden className={`size-1.5 rounded-full ${isConnected ? "bg-working" : "bg-needs"}`} />
      {isConnected ? "connected" : "reconnecting"}
    </span>
  );
}

/** The conversations that a gateway knows. */
function useConversations(gateway: string) {
  return useQuery({
    queryKey: ["gateway-sessions", gateway],
    queryFn: () => api<{ sessions: GatewaySession[] }>(withParams(`/api/gateways/${encodeURIComponent(gateway)}/sessions`, { limit: 200 })),
    refetchInterval: 15_000,
  });
}

function nameOf(row: GatewaySession): string {
  return row.displayName ?? row.label ?? row.derivedTitle ?? row.key;
}

function Conversations({ gateway, session }: { gateway: Gateway; session: string | null }) {
  const [, navigate] = useLocation();
  const list = useConversations(gateway.id);
  const agents = useQuery({
    queryKey: ["gateway-agents", gateway.id],
    queryFn: () => api<{ agents: { id: string; name?: string }[] | null; defaultAgentId: string | null }>(`/api/gateways/${encodeURIComponent(gateway.id)}/agents`),
    staleTime: 60_000,
  });
  const fresh = (agent: string) => navigate(chatPath(gateway.id, freshKey(agent)));
  return (
    <div className="min-h-0 flex-1 overflow-y-auto" tabIndex={0} role="region" aria-label="Conversations">
      <div className="flex flex-wrap gap-1 p-2">
        {(agents.data?.agents ?? []).slice(0, 6).map((agent) => (
          <button key={agent.id} type="button" className="button" onClick={() => fresh(agent.id)}><Plus size={13} aria-hidden /> <span dir="auto">{agent.name ?? agent.id}</span></button>
        ))}
      </div>
      {list.error ? <Failure error={list.error} retry={() => void list.refetch()} /> : null}
      {list.isPending ? <Loading lines={5} /> : null}
      <ul>
        {list.data?.sessions.map((row) => (
          <li key={row.key}>
            <Link href={chatPath(gateway.id, row.key)} aria-current={row.key === session ? "page" : undefined} className="flex min-h-11 flex-col justify-center px-3 py-1 hover:bg-hover aria-[current]:bg-hover">
              <span className="truncate" dir="auto">{nameOf(row)}{row.hasActiveRun ? <span className="text-working"> · answering</span> : null}</span>
              <span className="truncate text-xs text-faint" dir="auto">{[row.agentId, row.channel, row.model].filter(Boolean).join(" · ")}</span>
            </Link>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Conversation({ gateway, session }: { gateway: Gateway; session: string }) {
  const chat = useChats((state) => state.chats[chatKey(gateway.id, session)]) ?? NO_CHAT;
  const isOpen = useChats((state) => state.isOpen);
  const row = useConversations(gateway.id).data?.sessions.find(({ key }) => key === session);
  const [text, setText] = useState("");
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => openChat(gateway.id, session), [gateway.id, session]);
  const growing = Object.entries(chat.growing);
  const length = chat.messages.length + growing.reduce((sum, [, grown]) => sum + grown.length, 0);
  useEffect(() => {
    end.current?.scrollIntoView({ block: "end" });
  }, [length]);
  const first = chat.approvals[0];
  const decide = (decision: string) => {
    if (!first?.decisions.includes(decision)) return false;
    chatActions.approve(gateway.id, session, first.approvalId, decision);
    return undefined;
  };
  useKeys({ a: () => decide("allow-once"), d: () => decide("deny") });
  const send = () => {
    if (!text.trim()) return;
    chatActions.send(gateway.id, session, text);
    setText("");
  };
  return (
    <section className="flex min-w-0 flex-1 flex-col" aria-label="Conversation">
      <header className="flex min-h-11 items-center gap-2 border-b border-line px-4">
        <Link href={chatPath(gateway.id)} className="link md:hidden">All</Link>
        <h2 className="min-w-0 truncate font-medium" dir="auto" title={session}>{row ? nameOf(row) : session}</h2>
        {isOpen ? null : <span role="status" className="ms-auto text-xs text-needs">connecting</span>}
      </header>
      <div className="min-h-0 flex-1 overflow-y-auto p-4" data-scroller tabIndex={0} role="log" aria-label="Messages">
        <ol className="mx-auto flex max-w-3xl flex-col gap-3">
          {chat.messages.map((message) => <Said key={message.id} message={message} />)}
          {growing.map(([run, grown]) => <Bubble key={run} role="assistant" note="answering">{grown}</Bubble>)}
        </ol>
        {chat.isLoaded && !chat.messages.length && !growing.length ? <Empty title="Nothing was said yet" /> : null}
        <div ref={end} />
      </div>
      {chat.approvals.map((approval) => <Ask key={approval.approvalId} approval={approval} isFirst={approval === first} onDecide={(decision) => chatActions.approve(gateway.id, session, approval.approvalId, decision)} />)}
      {chat.error ? <p role="alert" className="border-t border-line px-4 py-1.5 text-sm text-failed" dir="auto">{chat.error}</p> : null}
      <form className="flex items-end gap-2 border-t border-line p-3" onSubmit={(event) => { event.preventDefault(); send(); }}>
        <textarea
          className="field max-h-40 min-h-9 flex-1 resize-none" rows={Math.min(6, text.split("\n").length)} aria-label="Message" placeholder="Message" value={text} dir="auto"
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => { if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) { event.preventDefault(); send(); } }}
        />
        {growing.length ? (
          <button type="button" className="button" onClick={() => chatActions.abort(gateway.id, session)}><CircleStop size={14} aria-hidden /> Stop</button>
        ) : null}
        <button type="submit" className="button button-primary" disabled={!isOpen || !text.trim()}><Send size={14} aria-hidden /> Send</button>
      </form>
    </section>
  );
}

function Said({ message }: { message: Message }) {
  const note = message.state === "sent" ? null : message.state === "pending" ? "on its way" : message.state === "failed" ? `failed${message.error ? `: ${message.error}` : ""}` : "stopped";
  return <Bubble role={message.role} note={note} at={message.at} failed={message.state === "failed"}>{message.text}</Bubble>;
}

function Bubble({ role, note, at, failed = false, children }: { role: string; note?: string | null; at?: string; failed?: boolean; children: string }) {
  const isUser = role === "user";
  return (
    <li className={isUser ? "ms-12 rounded-lg border border-line bg-raised px-3 py-2 shadow-[inset_3px_0_var(--accent)]" : "me-12"}>
      <p className="flex gap-2 text-xs text-faint">
        <span>{isUser ? "You" : role}</span>{at ? <At at={at} /> : null}{note ? <span className={failed ? "text-failed" : ""}>{note}</span> : null}
      </p>
      {isUser ? <p className="break-words whitespace-pre-wrap" dir="auto">{children}</p> : <Suspense fallback={<Plain>{children}</Plain>}><Prose text={children} /></Suspense>}
    </li>
  );
}

function Plain({ children }: { children: ReactNode }) {
  return <p className="break-words whitespace-pre-wrap" dir="auto">{children}</p>;
}

/** The keys that answer the first request. */
const KEYS: Record<string, string> = { "allow-once": "a", deny: "d" };

function Ask({ approval, isFirst, onDecide }: { approval: Approval; isFirst: boolean; onDecide: (decision: string) => void }) {
  const text = (value: unknown) => (typeof value === "string" ? value : value ? JSON.stringify(value) : "");
  return (
    <div data-state="needs_input" role="alert" className="flex flex-wrap items-center gap-2 border-t border-[var(--state)]/50 bg-[var(--state)]/8 px-4 py-2">
      <p className="min-w-0 flex-1 basis-64"><strong className="text-[var(--state)]">May it run this?</strong> <code className="font-mono text-sm break-words" dir="auto">{text(approval.command)}</code> <span className="text-sm text-faint" dir="auto">{text(approval.cwd)}</span></p>
      {approval.decisions.map((decision) => (
        <button key={decision} type="button" className={`button ${decision === "allow-once" ? "button-primary" : ""}`} onClick={() => onDecide(decision)}>{decision.replaceAll("-", " ")}{KEYS[decision] && isFirst ? <kbd aria-hidden className="max-md:hidden">{KEYS[decision]}</kbd> : null}</button>
      ))}
    </div>
  );
}
