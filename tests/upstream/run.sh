#!/usr/bin/env bash
# Runs a command while botocore checks every signature that the stand-in for AWS's MCP endpoints (examples/upstream) gets.
#
# Usage: tests/upstream/run.sh COMMAND…     e.g. tests/upstream/run.sh cargo test --locked --test it upstream
# The stand-in finds the verifier by BOTOCORE_VERIFIER, and takes a signature only if both opinions agree.
# botocore is installed under $UPSTREAM_DIR (target/upstream), in a virtual environment of its own.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
. tests/lib.sh
(($#)) || { sed -n '2,/^set/{s/^# \{0,1\}//p}' "$here/run.sh" >&2 && exit 2; }

dir=${UPSTREAM_DIR:-${CARGO_TARGET_DIR:-target}/upstream}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
if ! cmp -s "$here/requirements.txt" "$dir/installed"; then
    python3 -m venv --clear "$dir/venv"
    "$dir/venv/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$dir/installed"
fi

port=$(free_port)
verifier=
trap '[[ -z $verifier ]] || end "$verifier"' EXIT
"$dir/venv/bin/python" "$here/verifier.py" "$port" >"$dir/verifier.log" 2>&1 &
verifier=$!
export BOTOCORE_VERIFIER=http://127.0.0.1:$port/
wait_for "$BOTOCORE_VERIFIER" "$verifier" "$dir/verifier.log"

echo "botocore: $BOTOCORE_VERIFIER; running: $*"
"$@"

# A command whose signatures nobody checked has shown nothing.
asked=$("$dir/venv/bin/python" -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())' "$BOTOCORE_VERIFIER")
echo "botocore's answers: $asked"
[[ $asked != *'"yes": 0'* ]] || { echo 'botocore was never asked about a good signature' >&2 && exit 1; }
