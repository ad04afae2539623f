#!/bin/sh
# Fills corpus/ and dictionaries/ from the recordings of the tests. Run it again at will.
set -eu
cd "$(dirname "$0")"
fixtures=../tests/fixtures
limit=20000

# Copies files that fit the length limit whole, and of longer ones the beginning that does.
seeds() {
    mkdir -p "corpus/$1"
    while IFS= read -r file; do
        name=$(printf %s "$file" | cksum | cut -d' ' -f1)
        head -c "$limit" "$file" >"corpus/$1/$name"
    done
}

# One input for each line of standard input.
each_line() {
    mkdir -p "corpus/$1"
    while IFS= read -r line; do
        name=$(printf %s "$line" | cksum | cut -d' ' -f1)
        printf %s "$line" | head -c "$limit" >"corpus/$1/$name"
    done
}

# The lines of one recording as one input of several records.
joined() {
    mkdir -p "corpus/$1"
    name=$(cksum "$2" | cut -d' ' -f1)
    tr '\n' '\036' | head -c "$limit" >"corpus/$1/all-$name"
}

# Every field name, every short word and the signs that keep records apart.
dictionary() {
    mkdir -p dictionaries
    {
        printf '"{}"\n"[]"\n"null"\n"true"\n"\\x0a"\n"\\x1e"\n"\\x22"\n"\\x5c"\n"-1"\n"1e308"\n"18446744073709551615"\n'
        cat | grep -oE '"[A-Za-z_][A-Za-z0-9_./:-]{0,30}":?' | sort -u |
            sed 's/"/\\"/g; s/.*/"&"/'
    } >"dictionaries/$1"
}

find "$fixtures/claude_code" -name '*.jsonl' -path '*/projects/*' | seeds claude_transcript
find "$fixtures/codex" -name '*.jsonl' ! -path '*/hooks/*' | seeds codex_rollout
find "$fixtures/gemini/tmp" -name '*.jsonl' | seeds gemini_chat
find "$fixtures/openclaw" -name '*.jsonl*' ! -name '*.zst' | seeds openclaw_transcript
find "$fixtures/openclaw" -name sessions.json | seeds openclaw_sessions
find "$fixtures/claude_code" -name '*.meta.json' | seeds claude_live

further="$fixtures/further/home"
find "$further/.copilot" -name '*.jsonl' | seeds copilot_events
find "$further/.qwen" -name '*.jsonl' | seeds qwen_chat
find "$further/.kimi-code" -name '*.jsonl' | seeds kimi_wire
find "$further/.factory" -name '*.jsonl' | seeds droid_session
find "$further/.cline" "$further/.config" -name '*messages.json' | seeds cline_documents
find "$further" -name state.json -o -name '*.settings.json' | seeds further_snapshots
find "$further/.cline" -name '*.json' ! -name '*.messages.json' | seeds further_snapshots

for timeline in "$fixtures"/claude_code/timelines/*.jsonl; do
    sed -n 's/^{.*"source":"hook","data":\(.*\)}$/\1/p' "$timeline" | tee "corpus/hooks" | each_line claude_hook
    joined claude_hook "$timeline" <corpus/hooks
    sed -n 's/^{.*"source":"session-file",.*"data":\(.*\)}$/\1/p' "$timeline" | tee "corpus/hooks" | each_line claude_live
    joined claude_live "$timeline" <corpus/hooks
done
for run in "$fixtures"/codex/hooks/*.jsonl; do
    sed -n 's/^{.*"data":\(.*\)}$/\1/p' "$run" | tee "corpus/hooks" | each_line codex_hook
    joined codex_hook "$run" <corpus/hooks
done
rm corpus/hooks

find "$fixtures" -name '*.jsonl' -exec head -q -n 12 {} + | awk 'length < 3000' | each_line fields

cat "$fixtures"/claude_code/timelines/*.jsonl ../src/source/claude_code/hook/*.rs ../src/source/claude_code/hook.rs | dictionary claude_hook
cat "$fixtures"/claude_code/timelines/*.jsonl ../src/source/claude_code/live.rs ../src/source/claude_code/jobs.rs | dictionary claude_live
cat "$fixtures"/codex/hooks/*.jsonl ../src/source/codex/hook.rs | dictionary codex_hook
find "$fixtures/claude_code" ../src/source/claude_code -type f -exec cat {} + | dictionary claude_transcript
find "$fixtures/codex" ../src/source/codex -type f ! -name '*.zst' -exec cat {} + | dictionary codex_rollout
find "$fixtures/gemini" ../src/source/gemini -type f -exec cat {} + | dictionary gemini_chat
find "$fixtures/openclaw" ../src/source/openclaw -type f ! -name '*.zst' -exec cat {} + | dictionary openclaw_transcript
sources=../src/source
find "$further/.copilot" -type f -exec cat {} + | cat - "$sources/copilot.rs" | dictionary copilot_events
find "$further/.qwen" -type f -exec cat {} + | cat - "$sources/qwen.rs" | dictionary qwen_chat
find "$further/.kimi-code" -type f -exec cat {} + | cat - "$sources/kimi.rs" | dictionary kimi_wire
find "$further/.factory" -type f -exec cat {} + | cat - "$sources/droid.rs" | dictionary droid_session
find "$further/.cline" "$further/.config" "$sources/cline" -type f -exec cat {} + | dictionary cline_documents
find "$further" -name '*.json' -exec cat {} + | dictionary further_snapshots
cp dictionaries/openclaw_transcript dictionaries/openclaw_sessions
printf '' | dictionary fields
for capture in "$fixtures"/openclaw/gateway/*.jsonl; do
    sed -n 's/^{"dir":"recv","frame":\(.*\)}$/\1/p' "$capture" >"corpus/frames"
    each_line openclaw_gateway <corpus/frames
    joined openclaw_gateway "$capture" <corpus/frames
done
rm -f corpus/frames
cat "$fixtures"/openclaw/gateway/*.jsonl | dictionary openclaw_gateway
