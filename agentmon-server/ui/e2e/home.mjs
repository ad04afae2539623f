// Writes a home folder as Claude Code leaves it, as large as asked for: what the page can bear is tried on it.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const WORDS = "parse the tree walk checkout tax refund index shard queue retry token budget gather merge split render cache".split(" ");
const MODELS = ["claude-opus-4-5-20251101", "claude-sonnet-4-5-20250929", "claude-haiku-4-5-20251001"];
const PROJECTS = 37;
/** Blocks that the long session has in one round of its work. */
const ROUND = 5;

/** The same words for the same seed. */
export function words(seed, length) {
  let state = (seed * 7919 + 1) % 2147483648;
  return Array.from({ length }, () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return WORDS[state % WORDS.length];
  }).join(" ");
}

function uuid(index) {
  return `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`;
}

/** Lines of one session, each as the client writes it. */
function writer(home, index, ends) {
  const project = `project-${index % PROJECTS}`;
  const cwd = join(home, "projects", project);
  const lines = [];
  const id = uuid(index);
  let parent = null;
  let at = 0;
  const line = (body) => {
    const own = `${String(index).padStart(8, "0")}-0000-4000-8000-${String(lines.length).padStart(12, "0")}`;
    lines.push({
      parentUuid: parent, isSidechain: false, ...body, uuid: own, timestamp: null, userType: "external", entrypoint: "cli", cwd,
      sessionId: id, version: "2.1.329", gitBranch: "main",
    });
    parent = own;
  };
  const assistant = (block, reason) => {
    at += 1;
    const usage = { input_tokens: 20 + (index % 50), output_tokens: 100 + (at % 300), cache_read_input_tokens: 9000 + (index % 90) * 1000, cache_creation_input_tokens: 700 };
    const message = { id: `msg_${index}_${at}`, type: "message", role: "assistant", model: MODELS[index % MODELS.length], content: [block], stop_reason: reason, stop_sequence: null, usage };
    line({ message, requestId: `req_${index}_${at}`, type: "assistant" });
  };
  return {
    id,
    title: (text) => lines.push({ type: "ai-title", aiTitle: text, sessionId: id }),
    prompt: (text) => line({ type: "user", message: { role: "user", content: text } }),
    answer: (text) => assistant({ type: "text", text }, "end_turn"),
    tool: (name, input, output) => {
      const call = `toolu_${index}_${at}`;
      assistant({ type: "tool_use", id: call, name, input }, "tool_use");
      line({ type: "user", message: { role: "user", content: [{ tool_use_id: call, type: "tool_result", content: output, is_error: false }] } });
    },
    /** Writes the file. The last line is of the time that was given, those before a second apart. */
    end: () => {
      const folder = join(home, ".claude/projects", cwd.replaceAll(/[^A-Za-z0-9]/g, "-"));
      mkdirSync(folder, { recursive: true });
      const first = ends - lines.length * 1000;
      const text = lines.map((body, number) => {
        const told = "timestamp" in body ? { ...body, timestamp: new Date(first + number * 1000).toISOString() } : body;
        return JSON.stringify(told);
      });
      writeFileSync(join(folder, `${id}.jsonl`), `${text.join("\n")}\n`);
    },
  };
}

/**
 * Writes `sessions` short sessions of the last hours and, if `blocks` is more than none, a session of so many blocks. Returns
 * the ids as the agent knows them: all of the short ones, and that of the long one.
 */
export function writeHome(home, { sessions, blocks = 0 }) {
  const now = Date.now();
  const ids = [];
  for (let index = 0; index < sessions; index += 1) {
    const session = writer(home, index, now - 60_000 - index * 5000);
    session.title(words(index, 5));
    session.prompt(words(index + 1, 12));
    session.tool("Bash", { command: words(index + 2, 4) }, words(index + 3, 20));
    session.answer(words(index + 4, 20));
    session.end();
    ids.push(session.id);
  }
  if (!blocks) return { ids, long: null };
  const long = writer(home, 10_000_000, now - 30_000);
  long.title("The long session");
  for (let round = 0; round < blocks / ROUND; round += 1) {
    long.prompt(words(round, 30));
    long.tool("Bash", { command: words(round, 6), description: words(round + 1, 4) }, words(round + 2, 80));
    long.tool("Edit", { file_path: `/p/${round}.rs`, old_string: words(round, 12), new_string: words(round + 3, 14) }, "The file was changed.");
    long.tool("Grep", { pattern: words(round, 1) }, words(round + 5, 40));
    long.answer(`**${words(round, 3)}** ${words(round, 20 + (round % 60))}\n\n- ${words(round, 6)}\n- ${words(round + 1, 8)}`);
  }
  long.end();
  return { ids, long: long.id };
}
