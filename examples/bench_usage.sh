#!/usr/bin/env bash
# Measures agentmon beside ccusage 20 on a large home folder and prints a table (see docs/performance.md).
#
#   examples/bench_usage.sh [--rounds N] [--size-mb N] [--corpus HOME] ...
#
# A corpus is generated unless one is named: with traps where the generator is at hand, plain elsewhere. A corpus that is
# named must hold expected.json; three of its files are appended to for a moment and cut back.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
work=${BENCH_DIR:-$target/bench_usage}
mkdir -p "$work"

cargo build --release --locked -p agentmon-cli
cargo build --release --locked -p agentmon-examples --example bench_usage

options=(--agentmon "$target/release/agentmon" --work "$work")

peer=$work/node_modules/@ccusage/ccusage-linux-x64/bin/ccusage
if [[ $(uname -sm) == "Linux x86_64" ]] && command -v npm >/dev/null; then
  [[ -f $peer ]] || npm install --silent --no-audit --no-fund --prefix "$work" @ccusage/ccusage-linux-x64@20
  chmod +x "$peer"
  options+=(--peer "$peer")
else
  echo "SKIPPED: the peer (needs npm and Linux x86_64); ratios are left out" >&2
fi

size=1024
for ((index = 1; index < $#; index++)); do
  if [[ ${!index} == --size-mb ]]; then next=$((index + 1)) size=${!next}; fi
done
generator=../shared/bench/gen_corpus.py
if [[ " $* " != *" --corpus "* && -f $generator ]] && command -v python3 >/dev/null; then
  corpus=$work/corpus-$size
  [[ -f $corpus/expected.json ]] || python3 "$generator" --out "$corpus" --size-mb "$size" --prices ../shared/pricing/reference.json
  options+=(--corpus "$corpus")
fi

"$target/release/examples/bench_usage" "${options[@]}" "$@"
