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
        cat | grep -aoE '"[A-Za-z_][A-Za-z0-9_./:-]{0,30}":?' | sort -u |
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

find "$fixtures/gemini/legacy" -name 'session-*.json' | seeds gemini_document
find "$fixtures/opencode/storage" -name '*.json' | seeds opencode_files
find "$fixtures/opencode/storage/message" "$fixtures/opencode/storage/part" -name '*.json' | seeds database_rows
find "$fixtures/openclaw" -name '*.jsonl*' ! -name '*.zst' -exec head -q -n 8 {} + | each_line database_rows
find "$fixtures/otlp" -type f ! -name '*.gz' ! -name expected.json | seeds otlp
mkdir -p corpus/events_api corpus/claude_statusline corpus/agentmon_export corpus/openclaw_gateway
printf '%s' '{"session_id":"s","agent_type":"codex","event_type":"tool_use","tool_name":"Bash","tokens_in":5,"metadata":{"a":1}}' |
    tee corpus/events_api/one | sed 's/.*/{"events":[&,&]}/' >corpus/events_api/batch
printf '%s' '{"session_id":"s","model":{"id":"claude-opus-5-5","display_name":"Opus"},"cost":{"total_cost_usd":1.5},"context_window":{"total_input_tokens":20000,"context_window_size":200000},"rate_limits":{"five_hour":{"used_percentage":42,"resets_at":4102444800}}}' \
    >corpus/claude_statusline/one
printf '%s\n' '{"schema":"agentmon.export.session.v1","state":"failed","reason":"crashed(Bash)","detail":null,"since":"2026-11-20T10:30:00.000Z","facts":{"key":{"agent":"codex","native_id":"a"},"started_at":1795168800000,"title":{"kind":"first_prompt","at":1795168800000,"text":"Go"},"cwd":{"at":1795168800000,"value":"/p"}}}' \
    '{"schema":"agentmon.export.call.v1","key":"0282b71147070f18","at":"2026-11-20T10:00:00.000Z","agent":"codex","native_id":"a","model":"m","input_tokens":7,"output_tokens":10,"cache_read_tokens":100,"cache_creation_5m_tokens":0,"cache_creation_1h_tokens":0,"reasoning_tokens":0,"mode":"standard","web_searches":0,"reported_usd":0.5,"source":"transcript","credit":5}' \
    '{"schema":"agentmon.export.event.v1","at":"2026-11-20T10:00:00.000Z","agent":"codex","native_id":"a","kind":"tool_use","status":"success","tool":"Bash","duration_ms":3,"text":"ls","truncated":false,"key":"8000000000000007","credit":5,"call":null,"model_call":"0282b71147070f18"}' \
    >corpus/agentmon_export/all
printf '%s' '{"type":"event","event":"agent","payload":{"runId":"r","sessionKey":"agent:main:main","stream":"tool","ts":1795168800000,"data":{"phase":"start","name":"exec","toolCallId":"c"}},"seq":4}' \
    >corpus/openclaw_gateway/tool

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
cp dictionaries/gemini_chat dictionaries/gemini_document
find "$fixtures/opencode/storage" "$sources/opencode" -type f -exec cat {} + | dictionary opencode_files
cat dictionaries/opencode_files dictionaries/openclaw_transcript | sort -u >dictionaries/database_rows
find "$fixtures/otlp" "$sources/otlp" -type f ! -name '*.gz' -exec cat {} + | dictionary otlp
cat ../src/ingest/events_api.rs ../src/ingest/events_api/*.rs corpus/events_api/* | dictionary events_api
cat "$sources/claude_code/statusline.rs" corpus/claude_statusline/* | dictionary claude_statusline
cat "$sources/exported.rs" corpus/agentmon_export/* | dictionary agentmon_export
find "$sources/openclaw/gateway" -name '*.rs' -exec cat {} + | cat - corpus/openclaw_gateway/* | dictionary openclaw_gateway
printf '' | dictionary fields
for capture in "$fixtures"/openclaw/gateway/*.jsonl; do
    sed -n 's/^{"dir":"recv","frame":\(.*\)}$/\1/p' "$capture" >"corpus/frames"
    each_line openclaw_gateway <corpus/frames
    joined openclaw_gateway "$capture" <corpus/frames
done
rm -f corpus/frames
