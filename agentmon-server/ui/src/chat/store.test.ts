import { describe, expect, it } from "vitest";
import { NO_CHAT, take, type Message } from "./store";

const said = (id: number, text: string, role = "assistant"): Message => ({ id, at: `2026-11-21T12:00:0${id}Z`, role, text, state: "sent" });

describe("a chat", () => {
  it("grows answers by run, and ends them by their stored message", () => {
    let chat = take(NO_CHAT, { type: "history", messages: [said(1, "hi", "user")] });
    chat = take(chat, { type: "delta", runId: "a", text: "Hel" });
    chat = take(chat, { type: "delta", runId: "b", text: "other" });
    chat = take(chat, { type: "delta", runId: "a", text: "lo" });
    expect(chat.growing).toEqual({ a: "Hello", b: "other" });
    chat = take(chat, { type: "delta", runId: "a", text: "Hello there", replace: true });
    chat = take(chat, { type: "final", runId: "a", message: said(2, "Hello there") });
    expect(chat.growing).toEqual({ b: "other" });
    expect(chat.messages.map(({ text }) => text)).toEqual(["hi", "Hello there"]);
    chat = take(chat, { type: "aborted", runId: "b", message: null });
    expect(chat.growing).toEqual({});
  });

  it("shows a message once however often it is told", () => {
    let chat = take(NO_CHAT, { type: "message", message: said(2, "b") });
    chat = take(chat, { type: "sent", message: said(2, "b") });
    chat = take(chat, { type: "history", messages: [said(1, "a"), said(2, "b")] });
    expect(chat.messages.map(({ id }) => id)).toEqual([1, 2]);
  });

  it("knows what became of a message, however late it is told that it was sent", () => {
    const mine = (id: number, runId: string): Message => ({ ...said(id, "hi", "user"), runId, state: "pending" });
    let chat = take(NO_CHAT, { type: "message", message: mine(1, "a") });
    chat = take(chat, { type: "final", runId: "a", message: said(2, "Hello") });
    chat = take(chat, { type: "sent", runId: "a", message: mine(1, "a") });
    chat = take(chat, { type: "message", message: mine(3, "b") });
    chat = take(chat, { type: "error", runId: "b", message: null, error: "not connected" });
    chat = take(chat, { type: "message", message: mine(4, "c") });
    expect(chat.messages.map(({ state, error }) => [state, error])).toEqual([["sent", undefined], ["sent", undefined], ["failed", "not connected"], ["pending", undefined]]);
  });

  it("asks for approval until it is resolved", () => {
    let chat = take(NO_CHAT, { type: "approval", approvalId: "x", command: "ls", decisions: ["allow-once", 7, "deny"] });
    expect(chat.approvals).toEqual([{ approvalId: "x", command: "ls", cwd: undefined, decisions: ["allow-once", "deny"] }]);
    chat = take(chat, { type: "approval_resolved", approvalId: "x" });
    expect(chat.approvals).toEqual([]);
  });
});
