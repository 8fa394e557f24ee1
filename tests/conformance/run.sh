#!/usr/bin/env bash
# Runs the MCP conformance suite against this crate's HTTP stack and compares with baseline.txt.
# CONFORMANCE_DIR is where the suite is installed (target/conformance by default) and where the results stay.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
dir=${CONFORMANCE_DIR:-$root/target/conformance}
results=$dir/results

mkdir -p "$dir"
if ! cmp -s "$here/package.json" "$dir/package.json" || [ ! -d "$dir/node_modules" ]; then
    cp "$here/package.json" "$dir/package.json"
    (cd "$dir" && npm install --no-audit --no-fund --no-package-lock --loglevel=error)
fi
node=$dir/node_modules/node/bin/node
suite=$dir/node_modules/@modelcontextprotocol/conformance/dist/index.js

cargo build --quiet --manifest-path "$root/Cargo.toml" --example conformance
target=$(cargo metadata --manifest-path "$root/Cargo.toml" --format-version 1 --no-deps |
    "$node" -p 'JSON.parse(require("fs").readFileSync(0)).target_directory')

rm -rf "$results"
mkdir -p "$results"
"$target/debug/examples/conformance" --port 0 --sse-ping 1s --caller-rate off >"$results/address" 2>"$results/server.log" &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
    [ -s "$results/address" ] && break
    kill -0 "$server" 2>/dev/null || { cat "$results/server.log" >&2; exit 1; }
    sleep 0.1
done
url=$(cat "$results/address")

# One run: its name, then the suite's arguments. Prints each scenario that failed.
run() {
    local name=$1 out=$results/$1.txt required=
    shift
    [ "$1" != --requirements ] || required=$dir/node_modules/@modelcontextprotocol/conformance/requirements/$2.yaml
    (cd "$results" && "$node" "$suite" server --url "$url" "$@" -o "$results/$name" >"$out" 2>&1) || true
    "$node" "$here/summary.js" "$name" "$results/$name" "$out" ${required:+"$required"}
}

failed=$results/failed.txt
{
    run 2025-06-18 --spec-version 2025-06-18 --suite all
    run 2025-11-25 --spec-version 2025-11-25 --suite all
    run 2026-07-28 --spec-version 2026-07-28 --suite all
    run required-2025-11-25 --requirements 2025-11-25
    run required-2026-07-28 --requirements 2026-07-28
} | tee "$results/summary.txt"

grep '^FAILED ' "$results/summary.txt" | cut -d' ' -f2- | sort >"$failed" || true
grep -v -e '^#' -e '^$' "$here/baseline.txt" | sort >"$results/baseline" || true
new=$(comm -23 "$failed" "$results/baseline")
fixed=$(comm -13 "$failed" "$results/baseline")
[ -z "$new" ] || printf 'not in baseline.txt:\n%s\n' "$new"
[ -z "$fixed" ] || printf 'in baseline.txt, but passes:\n%s\n' "$fixed"
[ -z "$new$fixed" ]
