/** The way from a session of OpenClaw to its chat, behind the gateway that knows it. */

import { useQuery } from "@tanstack/react-query";
import { MessageSquare } from "lucide-react";
import { Link, useLocation } from "wouter";
import { api, withParams } from "../lib/api";
import { useKeys } from "../lib/keys";
import type { Session } from "../lib/types";

interface Gateway {
  id: string;
  connected: boolean;
}

interface Row {
  key: string;
  agentId?: string;
  sessionId?: string;
}

const LIMIT = 200;

/** Where a session can be talked to; `null` if no gateway that is connected knows it. */
async function chatOf(id: string): Promise<string | null> {
  for (const gateway of await api<Gateway[]>("/api/gateways")) {
    if (!gateway.connected) continue;
    const { sessions } = await api<{ sessions: Row[] }>(withParams(`/api/gateways/${encodeURIComponent(gateway.id)}/sessions`, { limit: LIMIT }));
    const row = sessions.find(({ agentId, sessionId }) => `${agentId ?? ""}/${sessionId ?? ""}` === id);
    if (row) return `/chat/${encodeURIComponent(gateway.id)}/${encodeURIComponent(row.key)}`;
  }
  return null;
}

export function ChatLink({ session }: { session: Session }) {
  const [, navigate] = useLocation();
  const { data: path } = useQuery({ queryKey: ["chat-of", session.native_id], queryFn: () => chatOf(session.native_id), staleTime: 60_000, retry: false });
  useKeys({ c: () => (path ? navigate(path) : false) });
  return path ? <Link href={path} className="button"><MessageSquare size={14} aria-hidden /> Chat</Link> : null;
}
