#!/usr/bin/env bash
# Builds the image and runs the server at http://localhost:8100/sse and /mcp, with docker or podman.
#
#   ./docker-start.sh             with the settings of .env, the environment's AWS_*, ACCOUNT_* and MCP_*, and ~/.aws (mounted
#                                 read-only)
#   ./docker-start.sh --sandbox   with several AWS accounts inside the server: no AWS, no Rust needed
#   ./docker-start.sh logs        what it says (-f to follow)
#   ./docker-start.sh stop        end it
#   ./docker-start.sh build       the image alone (--sandbox: the one with the sandbox)
#
# PORT (8100), CONTAINER_ENGINE (docker or podman) and READY_TIMEOUT (60 seconds) can be set. IMAGE names a finished image to
# run instead of building one. IMAGE_ARCH (amd64 or arm64) builds for another machine than this one, as aws-ops-mcp:$IMAGE_ARCH.
set -euo pipefail
cd "$(dirname "$0")"

NAME=aws-ops-mcp
PORT=${PORT:-8100}
READY_TIMEOUT=${READY_TIMEOUT:-60}
TOKEN_FILE=${XDG_STATE_HOME:-$HOME/.local/state}/aws-ops-mcp/token

fail() {
    printf 'docker-start.sh: %s\n' "$*" >&2
    exit 1
}

usage() { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p;}' "$0"; }

find_engine() {
    local candidate
    for candidate in ${CONTAINER_ENGINE:-docker podman}; do
        if "$candidate" info >/dev/null 2>&1; then
            ENGINE=$candidate
            return
        fi
    done
    fail "needs docker or podman, installed and running"
}

build() {
    if [[ -n ${IMAGE:-} ]]; then return; fi
    local tag=${IMAGE_ARCH:-latest} features=ec2
    if [[ $SANDBOX == yes ]]; then tag=sandbox${IMAGE_ARCH:+-$IMAGE_ARCH} features=ec2,sandbox; fi
    IMAGE=$NAME:$tag
    local arguments=(-t "$IMAGE" --build-arg "FEATURES=$features" --build-arg "VERSION=$(version)")
    arguments+=(--build-arg "REVISION=$(revision)" --build-arg "SOURCE=$(source_url)")
    if [[ -n ${IMAGE_ARCH:-} ]]; then
        arguments+=(--platform "linux/$IMAGE_ARCH")
        # Podman 4 doesn't say it by itself.
        if "$ENGINE" --version | grep -q podman; then
            arguments+=(--build-arg "BUILDPLATFORM=linux/$("$ENGINE" info --format '{{.Host.Arch}}')")
        fi
    fi
    echo "Building $IMAGE; the first time takes several minutes."
    "$ENGINE" build "${arguments[@]}" .
}

version() { sed -n '/^version = /{s/.*"\(.*\)".*/\1/p;q;}' Cargo.toml; }

# What is built, for the image's label, and whether it is what git has.
revision() { git describe --always --abbrev=40 --exclude '*' --dirty 2>/dev/null || true; }

# Where the source is, for the image's label: never with credentials that the remote's URL may hold, never a path.
source_url() {
    git config --get remote.origin.url 2>/dev/null |
        sed -nE 's#^git@([^:]+):#https://\1/#; s#^(https?://)[^/@]*@#\1#; s#\.git$##; /^https?:/p' || true
}

# Takes the settings of .env into the environment, where those that are set already win.
read_dotenv() {
    local line name value
    [[ -f .env ]] || return 0
    while IFS= read -r line || [[ -n $line ]]; do
        [[ $line =~ ^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$ ]] || continue
        name=${BASH_REMATCH[2]} value=${BASH_REMATCH[3]%$'\r'}
        case $value in
            \"*\") value=${value#\"} value=${value%\"} ;;
            \'*\') value=${value#\'} value=${value%\'} ;;
        esac
        [[ -n ${!name+set} ]] || export "$name=$value"
        SETTINGS+=("$name")
    done <.env
}

# The token of the environment or of .env, or one of our own that a restart keeps.
find_token() {
    # shellcheck disable=SC2016 # the user's shell expands it
    TOKEN_HINT='$MCP_AUTH_TOKEN' TOKEN_PLACE='the MCP_AUTH_TOKEN that you set'
    if [[ -z ${MCP_AUTH_TOKEN:-} ]]; then
        if [[ ! -s $TOKEN_FILE ]]; then
            mkdir -p "$(dirname "$TOKEN_FILE")"
            (umask 077 && od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$TOKEN_FILE")
        fi
        MCP_AUTH_TOKEN=$(<"$TOKEN_FILE")
        TOKEN_HINT="\$(cat $TOKEN_FILE)" TOKEN_PLACE="in $TOKEN_FILE"
    fi
    export MCP_AUTH_TOKEN
}

# What the server may see of this machine: its settings by name (no value appears in a process list), ~/.aws, the registry.
give_settings() {
    local name label=''
    SETTINGS=()
    read_dotenv
    while IFS= read -r name; do
        case $name in AWS_* | ACCOUNT_* | MCP_*) SETTINGS+=("$name") ;; esac
    done < <(compgen -e)
    if command -v selinuxenabled >/dev/null && selinuxenabled; then label=,z; fi
    for name in ${SETTINGS[@]+"${SETTINGS[@]}"}; do
        case $name in
            # These are the container's own, or name files of this machine.
            MCP_HOST | MCP_PORT | MCP_AUTH_TOKEN | PUBLIC_URL | AWS_CA_BUNDLE | AWS_CONFIG_FILE | AWS_SHARED_CREDENTIALS_FILE) ;;
            *) RUN+=(-e "$name") ;;
        esac
    done
    if [[ -f ${ACCOUNT_REGISTRY:-} ]]; then
        RUN+=(-v "$(cd "$(dirname "$ACCOUNT_REGISTRY")" && pwd)/$(basename "$ACCOUNT_REGISTRY"):/accounts.json:ro$label")
        RUN+=(-e ACCOUNT_REGISTRY=/accounts.json)
    fi
    [[ -d $HOME/.aws ]] || return 0
    # Beneath the root, because only user 65532 may enter the image's own home.
    RUN+=(-v "$HOME/.aws:/.aws:ro$label" -e HOME=/)
    if (($(id -u) != 0)); then
        # Only their owner may read these files, so the server runs as their owner.
        RUN+=(--user "$(id -u):$(id -g)")
        if "$ENGINE" --version | grep -q podman; then RUN+=(--userns=keep-id); fi
    elif [[ -n $(find "$HOME/.aws" -type f ! -perm -o=r | head -n 1) ]]; then
        echo "You are root, and the server is not: it can't read the files in $HOME/.aws that only root can read."
    fi
}

# ready: whether GET /readyz answers 200. Needs neither curl nor wget.
ready() {
    local status=''
    {
        printf 'GET /readyz HTTP/1.1\r\nHost: localhost:%s\r\nConnection: close\r\n\r\n' "$PORT" >&3
        read -r -t 2 status <&3
    } 3<>"/dev/tcp/127.0.0.1/$PORT" 2>/dev/null || true
    [[ $status == HTTP/1.1\ 200* ]]
}

running() { [[ $("$ENGINE" inspect -f '{{.State.Running}}' "$NAME" 2>/dev/null) == true ]]; }

wait_until_ready() {
    local until=$((SECONDS + READY_TIMEOUT)) why="is not ready after $READY_TIMEOUT seconds"
    while ((SECONDS < until)); do
        if (ready) 2>/dev/null; then return; fi
        if ! running; then
            why='ended at its start'
            break
        fi
        sleep 0.3
    done
    printf '\nThe server %s. It said last:\n' "$why" >&2
    "$ENGINE" logs --tail 20 "$NAME" >&2 || true
    fail "no server at http://localhost:$PORT ($ENGINE logs $NAME says more)"
}

print_clients() {
    local url=http://localhost:$PORT bearer="Authorization: Bearer $TOKEN_HINT"
    cat <<TEXT

aws-ops-mcp is ready: $url/sse and $url/mcp
Its token is $TOKEN_PLACE

Claude Code
  claude mcp add --transport http aws-ops $url/mcp --header "$bearer"
  claude mcp add --transport sse aws-ops $url/sse --header "$bearer"

Cursor (~/.cursor/mcp.json; start it with MCP_AUTH_TOKEN set)
  {"mcpServers": {"aws-ops": {"url": "$url/mcp", "headers": {"Authorization": "Bearer \${env:MCP_AUTH_TOKEN}"}}}}

VS Code (.vscode/mcp.json; asks for the token once)
  {"inputs": [{"id": "token", "type": "promptString", "description": "aws-ops-mcp token", "password": true}],
   "servers": {"aws-ops": {"type": "http", "url": "$url/mcp", "headers": {"Authorization": "Bearer \${input:token}"}}}}

MCP Inspector
  npx @modelcontextprotocol/inspector --cli $url/mcp --header "$bearer" --method tools/list
  npx @modelcontextprotocol/inspector --cli $url/sse --header "$bearer" --method tools/list

What it says: ./docker-start.sh logs      End it: ./docker-start.sh stop
TEXT
}

start() {
    build
    RUN=(-d --name "$NAME" -p "127.0.0.1:$PORT:8000" --read-only --cap-drop=ALL --security-opt=no-new-privileges)
    local serve=(serve)
    if [[ $SANDBOX == yes ]]; then
        serve+=(--sandbox)
    else
        give_settings
    fi
    find_token
    export PUBLIC_URL=${PUBLIC_URL:-http://localhost:$PORT}
    RUN+=(-e MCP_AUTH_TOKEN -e PUBLIC_URL -e MCP_HOST=0.0.0.0 -e MCP_PORT=8000)
    "$ENGINE" rm -f "$NAME" >/dev/null 2>&1 || true
    "$ENGINE" run "${RUN[@]}" "$IMAGE" "${serve[@]}" >/dev/null
    wait_until_ready
    print_clients
}

# All of it is read before it runs: a build takes minutes, in which the file may change.
main() {
    SANDBOX=no COMMAND=start REST=()
    while (($#)); do
        case $1 in
            --sandbox) SANDBOX=yes ;;
            -h | --help | help)
                usage
                exit
                ;;
            start | stop | build) COMMAND=$1 ;;
            logs)
                COMMAND=logs
                shift
                REST=("$@")
                break
                ;;
            *) fail "unknown argument: $1 (see --help)" ;;
        esac
        shift
    done

    find_engine
    case $COMMAND in
        start) start ;;
        build) build ;;
        logs) "$ENGINE" logs ${REST[@]+"${REST[@]}"} "$NAME" ;;
        stop)
            if "$ENGINE" inspect "$NAME" >/dev/null 2>&1; then
                "$ENGINE" stop -t 30 "$NAME" >/dev/null
                "$ENGINE" rm "$NAME" >/dev/null
                echo 'stopped'
            else
                echo 'not running'
            fi
            ;;
    esac
}

main "$@"
exit
