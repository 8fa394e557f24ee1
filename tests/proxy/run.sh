#!/usr/bin/env bash
# The published mcp-proxy-for-aws and `aws-ops-mcp proxy`, each in front of the stand-in for AWS's MCP endpoints: one scripted
# conversation, answer by answer, and what reached the endpoint. Fails on any difference that compare.py does not list.
#
# Usage: tests/proxy/run.sh [--bench | --show]
# --bench measures both instead (tests/proxy/bench.py); PROXY_BINARY names a program to use instead of the debug build.
# The package is installed under $PROXY_DIR (target/proxy), in a virtual environment of its own.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
. tests/lib.sh

target=${CARGO_TARGET_DIR:-target}
dir=${PROXY_DIR:-$target/proxy}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
if ! cmp -s "$here/requirements.txt" "$dir/installed"; then
    python3 -m venv --clear "$dir/venv"
    "$dir/venv/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$dir/installed"
fi

cargo build -q --locked --bin aws-ops-mcp --example upstream
ours=${PROXY_BINARY:-$PWD/$target/debug/aws-ops-mcp}
[[ $target != /* || -n ${PROXY_BINARY:-} ]] || ours=$target/debug/aws-ops-mcp

folder=$(mktemp -d)
upstream=
trap '[[ -z $upstream ]] || end "$upstream"; rm -rf "$folder"' EXIT
port=$(free_port)
"$target/debug/examples/upstream" --port "$port" >"$dir/upstream.log" 2>&1 &
upstream=$!
wait_for "http://127.0.0.1:$port/_upstream" "$upstream" "$dir/upstream.log"

cat >"$folder/config" <<'END'
[profile alpha]
region = eu-west-1
[profile beta]
region = us-west-2
[profile wrong]
region = us-east-1
END
cat >"$folder/credentials" <<'END'
[alpha]
aws_access_key_id = AKIAUPSTREAM111111111111
aws_secret_access_key = made-up-secret-of-111111111111
[beta]
aws_access_key_id = AKIAUPSTREAM222222222222
aws_secret_access_key = made-up-secret-of-222222222222
[wrong]
aws_access_key_id = AKIAUPSTREAM111111111111
aws_secret_access_key = nonsense
END

script=compare.py
if [[ ${1:-} == --bench ]]; then
    script=bench.py
    shift
fi
timeout 120 python3 "$here/$script" "http://127.0.0.1:$port/_upstream" "http://127.0.0.1:$port/mcp" "$folder" \
    "$dir/venv/bin/mcp-proxy-for-aws" "$ours proxy" "$@"
