import { describe, expect, it } from "vitest";
import { parts } from "../search/snippet";
import { isNews } from "../app/attention";
import { safeUrl } from "../session/Prose";
import { session } from "../board/view.test";
import { seriesOf, stacked } from "../usage/series";
import { hasAnsi, parseAnsi } from "./ansi";
import { withParams } from "./api";
import { csv } from "./csv";
import { ago, bytes, count, duration, money, span } from "./format";
import { best } from "./fuzzy";
import { addKeys, handle } from "./keys";
import { counts, linesOf } from "./lines";
import { activity, parseReason, quote, reasonPhrase, resumeCommand } from "./reason";
import type { UsageRow } from "./types";

describe("figures", () => {
  it.each([[null, "–"], [0, "$0"], [0.00001, "<$0.0001"], [0.0042, "$0.0042"], [1.005, "$1.00"], [12.4, "$12.40"], [1234.5, "$1,235"]])("money %s", (usd, told) => {
    expect(money(usd)).toBe(told);
  });
  it.each([[999, "999"], [1000, "1.00k"], [12_345, "12.3k"], [999_499, "999k"], [999_999, "1.00M"], [4_560_000, "4.56M"], [2e9, "2.00B"]])("count %s", (n, told) => {
    expect(count(n)).toBe(told);
  });
  it.each([[812, "812ms"], [4250, "4.2s"], [200_000, "3m 20s"], [7_500_000, "2h 5m"], [270_000_000, "3d 3h"]])("duration %s", (ms, told) => {
    expect(duration(ms)).toBe(told);
  });
  it("ages do not flicker and tell nonsense as unknown", () => {
    const now = Date.parse("2026-11-21T12:00:00Z");
    expect(ago("2026-11-21T11:59:57Z", now)).toBe("now");
    expect(ago("2026-11-21T11:58:00Z", now)).toBe("2m");
    expect(ago("yesterday", now)).toBe("–");
    expect(span(-5)).toBe("0s");
    expect(bytes(1_092_662)).toBe("1.0 MiB");
  });
});

describe("reasons", () => {
  it("are told in words, also those that are not known", () => {
    expect(parseReason("tool(mcp__a(b))")).toEqual({ word: "tool", about: "mcp__a(b)" });
    expect(reasonPhrase("permission(Bash)")).toBe("may it use Bash?");
    expect(reasonPhrase("subagents(3)")).toBe("3 subagents work");
    expect(reasonPhrase("from_the_future(x)")).toBe("from the future(x)");
    expect(activity(session("a", "needs_you", 1, { detail: "rm -rf /", reason: "permission(Bash)" }))).toBe("rm -rf /");
  });

  it("give no command that a hostile id or folder could bend", () => {
    const of = (native_id: string, cwd: string | null) => resumeCommand(session("a", "rest", 1, { native_id, cwd }));
    expect(of("0a-b", "/home/me/app")).toBe("cd /home/me/app && claude --resume 0a-b");
    expect(of("0a-b", "/it's $(here)")).toBe(`cd '/it'\\''s $(here)' && claude --resume 0a-b`);
    expect(of("a; rm -rf /", null)).toBeNull();
    expect(of("--dangerous", null)).toBeNull();
    expect(quote("")).toBe("''");
  });
});

describe("terminal output", () => {
  it("keeps colours and drops everything else of a terminal's language", () => {
    const pieces = parseAnsi("\u001b[1;31merror\u001b[0m: \u001b[38;5;208mwarm\u001b[39m \u001b[38;2;1;2;300mtrue\u001b[m\u001b]0;title\u0007\u001b[2J\u001b[Hend\u0007");
    expect(pieces.map(({ text, fg, bold }) => [text, fg, bold])).toEqual([
      ["error", "var(--c1)", true], [": ", null, false], ["warm", "rgb(255 135 0)", false], [" ", null, false], ["true", "rgb(1 2 255)", false], ["end", null, false],
    ]);
  });
  it("shows the last version of a line that was written over", () => {
    expect(parseAnsi("10 %\r50 %\r100 %\r\ndone").map(({ text }) => text).join("")).toBe("100 %\ndone");
    expect(hasAnsi("plain")).toBe(false);
  });
  it("is not stalled by what never ends", () => {
    expect(parseAnsi(`\u001b]0;${"x".repeat(50_000)}`)).toEqual([]);
    expect(parseAnsi(`\u001b[${"1;".repeat(20_000)}`).length).toBeLessThan(3);
  });
});

describe("differences", () => {
  it("show what changed with a little around it", () => {
    const before = Array.from({ length: 20 }, (_, at) => `line ${at}`).join("\n");
    const lines = linesOf({ path: "a", hunks: [{ old: before, new: before.replace("line 10", "line ten") }] });
    expect(counts(lines)).toEqual({ added: 1, removed: 1 });
    expect(lines.filter(({ type }) => type === "same")).toHaveLength(6);
    expect(counts(linesOf({ path: "a", hunks: [{ old: "", new: "a\nb\n" }] }))).toEqual({ added: 2, removed: 0 });
    expect(counts(linesOf({ path: null, patch: "--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n z" }))).toEqual({ added: 1, removed: 1 });
  });
});

describe("CSV", () => {
  it("quotes what must be, and never holds a formula", () => {
    expect(csv(["a", "b"], [['say "hi"', -1], ["=HYPERLINK(1)", null], ["two\nlines", 0.5]])).toBe('a,b\r\n"say ""hi""",-1\r\n\'=HYPERLINK(1),\r\n"two\nlines",0.5\r\n');
  });
});

describe("addresses", () => {
  it("leave out what is empty, in one order", () => {
    expect(withParams("/x", { b: "1 2", a: null, c: ["p", "q"], d: false, aa: true })).toBe("/x?aa=true&b=1+2&c=p%2Cq");
  });
  it("of links are those of the web alone", () => {
    expect(safeUrl("https://a.example/x")).toBe("https://a.example/x");
    for (const url of ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", " vbscript:x", "file:///etc/passwd", "/relative"]) expect(safeUrl(url)).toBe("");
  });
});

describe("snippets", () => {
  it("count characters, not code units", () => {
    expect(parts("a🙂bcd", [[2, 3], [1, 2], [4, 5]])).toEqual([
      { text: "a🙂", isMatch: false }, { text: "b", isMatch: true }, { text: "c", isMatch: false }, { text: "d", isMatch: true },
    ]);
  });
});

describe("the palette", () => {
  it("finds by letters in order, better where words begin", () => {
    const names = ["Rename accounts", "Go to Usage", "Fix the parser", "Parse usage rows"];
    expect(best("usage", names, (name) => name, 2)).toEqual(["Go to Usage", "Parse usage rows"]);
    expect(best("ftp", names, (name) => name, 5)).toEqual(["Fix the parser"]);
    expect(best("zzz", names, (name) => name, 5)).toEqual([]);
  });
});

describe("charts", () => {
  const row = (period: string, model: string, cost: number) => ({ period, model, cost_usd: cost, total_tokens: 1 }) as UsageRow;
  it("have a place for every day, the largest series first, and the rest as one", () => {
    const many = Array.from({ length: 12 }, (_, at) => row("2026-11-03", `m${at}`, at));
    const series = seriesOf([row("2026-11-01", "m11", 1), ...many], "model", "cost");
    expect(series.periods).toEqual(["2026-11-01", "2026-11-02", "2026-11-03"]);
    expect(series.names).toEqual(["m11", "m10", "m9", "m8", "m7", "m6", "m5", "others"]);
    expect(series.values[0]).toEqual([1, 0, 11]);
    expect(series.totals.at(-1)).toBe(0 + 1 + 2 + 3 + 4);
    expect(stacked([[1, 2], [10, 20]])).toEqual([[11, 22], [10, 20]]);
  });
});

describe("news", () => {
  it("are what just came to need somebody", () => {
    const now = 1_000_000;
    const idle = session("a", "rest", 900);
    const asks = session("a", "needs_you", 990, { state: "needs_input" });
    expect(isNews(idle, asks, now)).toBe(true);
    expect(isNews(asks, asks, now)).toBe(false);
    expect(isNews(undefined, session("a", "failed", 10, { state: "failed" }), now)).toBe(false);
    expect(isNews(undefined, session("a", "limited", 990, { state: "limited" }), now)).toBe(false);
  });
});

describe("keys", () => {
  const event = (key: string, target: EventTarget, init: KeyboardEventInit = {}) => {
    const made = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...init });
    Object.defineProperty(made, "target", { value: target });
    handle(made);
    return made.defaultPrevented;
  };

  it("go to the newest layer that takes them, and in sequences", () => {
    const done: string[] = [];
    const leaves = [
      addKeys({ current: { j: () => done.push("below j"), "g u": () => done.push("usage") } }),
      addKeys({ current: { j: () => (done.length ? false : done.push("above j")) } }),
    ];
    for (const key of ["j", "j", "g", "u", "u"]) event(key, document.body);
    expect(done).toEqual(["above j", "below j", "usage"]);
    leaves.forEach((leave) => leave());
    expect(event("j", document.body)).toBe(false);
  });

  it("are left to fields, buttons and modifiers", () => {
    const field = document.createElement("input");
    const button = document.createElement("button");
    const leave = addKeys({ current: { j: () => true, Enter: () => true } });
    expect(event("j", document.body)).toBe(true);
    expect(event("j", field)).toBe(false);
    expect(event("Enter", button)).toBe(false);
    expect(event("j", document.body, { ctrlKey: true })).toBe(false);
    leave();
  });
});
