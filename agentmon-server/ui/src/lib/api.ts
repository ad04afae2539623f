/** Questions to the server. An answer that is no success becomes an `ApiError` with the server's own words. */

import { QueryClient } from "@tanstack/react-query";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export type Params = Record<string, string | number | boolean | null | undefined | readonly string[]>;

/** A path with parameters; empty ones are left out, and the order is always the same. */
export function withParams(path: string, params: Params = {}): string {
  const query = new URLSearchParams();
  for (const name of Object.keys(params).sort()) {
    const value = params[name];
    if (value === null || value === undefined || value === "" || value === false) continue;
    const text = Array.isArray(value) ? value.join(",") : String(value);
    if (text) query.set(name, text);
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

export async function api<T>(path: string, init?: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new ApiError(0, "The server does not answer. Is `agentmon serve` still running?");
  }
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, errorText(body) ?? `The server answered ${response.status}`);
  return body as T;
}

/** Sends JSON. */
export function send<T>(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: unknown): Promise<T> {
  return api<T>(path, {
    method,
    ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
}

/** `{"error":"..."}` or `{"error":{"message":"..."}}`. */
function errorText(body: unknown): string | null {
  if (typeof body !== "object" || body === null || !("error" in body)) return null;
  const { error } = body;
  if (typeof error === "string") return error;
  if (typeof error === "object" && error !== null && "message" in error && typeof error.message === "string") {
    return error.message;
  }
  return null;
}

export const queries = new QueryClient({
  defaultOptions: {
    // The server is mostly this machine's own: it answers without any network.
    mutations: { networkMode: "always" },
    queries: {
      networkMode: "always",
      staleTime: 10_000,
      refetchOnWindowFocus: true,
      // What was refused stays refused.
      retry: (failures, error) =>
        failures < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
    },
  },
});
