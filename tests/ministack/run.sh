#!/usr/bin/env bash
# Runs a command against ministack, an AWS emulator that is not ours, seeded to resemble the sandbox.
#
# Usage: tests/ministack/run.sh COMMAND…     e.g. tests/ministack/run.sh cargo test --locked --test it
# The command finds the endpoint, the base identity's keys and the target roles in its environment (see seed.py).
# The emulator is installed under $MINISTACK_DIR (target/ministack), in a virtual environment of its own: it pins botocore.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
. tests/lib.sh
(($#)) || { sed -n '2,/^set/{s/^# \{0,1\}//p}' "$here/run.sh" >&2 && exit 2; }

dir=${MINISTACK_DIR:-${CARGO_TARGET_DIR:-target}/ministack}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
if ! cmp -s "$here/requirements.txt" "$dir/installed"; then
    python3 -m venv --clear "$dir/venv"
    "$dir/venv/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$dir/installed"
fi

port=$(free_port)
endpoint=http://127.0.0.1:$port
empty=$(mktemp -d)
emulator=
trap '[[ -z $emulator ]] || end "$emulator"; rm -rf "$empty"' EXIT

# Its default is to listen on every interface. AUTH makes it enforce signatures, trust, identity and session policies, and
# CLOUDTRAIL_RECORDING remember calls.
(cd "$empty" && exec env -i PATH="$PATH" HOME="$empty" TMPDIR="$empty" BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" \
    AUTH=true MINISTACK_ACCOUNT_ID=111111111111 CLOUDTRAIL_RECORDING=1 SFTP_ENABLED=0 IOT_MTLS_ENABLED=0 \
    "$dir/venv/bin/ministack") >"$dir/ministack.log" 2>&1 &
emulator=$!

wait_for "$endpoint/_ministack/health" "$emulator" "$dir/ministack.log"

(umask 077 && env -u AWS_PROFILE AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null \
    "$dir/venv/bin/python" "$here/seed.py" "$endpoint" >"$dir/env")
# Nothing of the user's own AWS settings reaches the command.
while IFS= read -r name; do
    case $name in AWS_CA_BUNDLE) ;; AWS_* | ACCOUNT_*) unset "$name" ;; esac
done < <(compgen -e)
while IFS= read -r line; do export "${line?}"; done <"$dir/env"
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true

echo "ministack: $endpoint, seeded; running: $*"
"$@"
