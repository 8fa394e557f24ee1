#!/usr/bin/env bash
# The official MCP clients against `serve --sandbox`: Python 1.x and 2.x (stdio too), TypeScript 1.x and 2.x, the
# Inspector's CLI.
#
# Usage: tests/clients/run.sh [path of the binary]
# The clients are installed under $CLIENTS_DIR (target/clients). Inside tests/ministack/run.sh, the accounts are ministack's
# instead of the sandbox's.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
. tests/lib.sh

binary=$(realpath "${1:-${CARGO_TARGET_DIR:-target}/debug/aws-ops-mcp}")
dir=${CLIENTS_DIR:-${CARGO_TARGET_DIR:-target}/clients}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

# current NAME FILE: whether what NAME stands for was installed from FILE as it is now.
current() { cmp -s "$2" "$dir/$1.installed"; }
installed() { cp "$2" "$dir/$1.installed"; }

for requirements in requirements requirements-1; do
    file=$here/$requirements.txt venv=$dir/${requirements/requirements/python}
    current "$requirements" "$file" && continue
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check -r "$file"
    installed "$requirements" "$file"
done
if ! current npm "$here/package.json"; then
    cp "$here/package.json" "$dir/"
    # No install scripts: the clients need none, and the Inspector's Node 22 comes as a package with the binary in it.
    (cd "$dir" && npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error)
    installed npm "$here/package.json"
fi
cp "$here/client.mjs" "$dir/"

port=$(free_port)
base=http://127.0.0.1:$port
MCP_AUTH_TOKEN=$(python3 -c 'import secrets; print(secrets.token_hex(32))')
export MCP_AUTH_TOKEN

# In an empty directory and environment: nobody's .env, credentials or accounts.
empty=$(mktemp -d)
# The rates are for people; these clients are faster.
unlimited=(--caller-rate off --caller-write-rate off)
server='' serve=(serve --sandbox --toolsets all "${unlimited[@]}")
settings=(PATH="$PATH" HOME="$empty" MCP_AUTH_TOKEN="$MCP_AUTH_TOKEN" MCP_HOST=127.0.0.1 MCP_PORT="$port")
if [[ -n ${TEST_AWS_ENDPOINT_URL:-} ]]; then
    serve=(serve --toolsets all "${unlimited[@]}")
    for name in $(compgen -e); do
        case $name in AWS_* | ACCOUNT_*) settings+=("$name=${!name}") ;; esac
    done
fi
trap '[[ -z $server ]] || end "$server"; rm -rf "$empty"' EXIT
(cd "$empty" && exec env -i "${settings[@]}" "$binary" "${serve[@]}") >"$dir/server.log" 2>&1 &
server=$!

wait_for "$base/readyz" "$server" "$dir/server.log"

# Node 22 for the Inspector, unless the machine's own is newer.
NODE=node
for candidate in "$dir"/node_modules/node-*/bin/node; do
    if [[ -x $candidate ]]; then NODE=$candidate; fi
done
INSPECTOR=$dir/node_modules/.bin/mcp-inspector
export NODE INSPECTOR
export STDIO_LOG=$dir/stdio.log

failed=()
stdio=()
if [[ ${serve[*]} == *--sandbox* ]]; then stdio=("$binary"); fi
"$dir/python/bin/python" "$here/client.py" "$base" "${stdio[@]}" || failed+=('Python 2.x')
"$dir/python-1/bin/python" "$here/client.py" "$base" "${stdio[@]}" || failed+=('Python 1.x')
node "$dir/client.mjs" "$base" || failed+=(TypeScript)
"$here/inspector.sh" "$base" || failed+=(Inspector)

if ((${#failed[@]})); then
    printf 'clients: failed: %s; the server'\''s log is %s\n' "${failed[*]}" "$dir/server.log"
    exit 1
fi
echo 'clients: all passed'
