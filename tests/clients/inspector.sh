#!/usr/bin/env bash
# The scenario of the README with the Inspector's command line, over both transports: the exit code is its verdict.
#
# Usage: MCP_AUTH_TOKEN=… NODE=… INSPECTOR=… inspector.sh http://127.0.0.1:8000
set -euo pipefail

base=${1%/}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
# Nothing of the user's own Inspector is read or written.
export HOME=$tmp MCP_CATALOG_PATH=$tmp/mcp.json
failures=0

# inspect ARGUMENT…: one request. Its result is in $out, its exit code in $code.
inspect() {
    code=0
    out=$(timeout 60 "$NODE" "$INSPECTOR" --cli "$base/$transport" --header "Authorization: Bearer $MCP_AUTH_TOKEN" \
        --method "$@" 2>"$tmp/stderr") || code=$?
}

call() {
    local tool=$1
    shift
    inspect tools/call --tool-name "$tool" "$@"
}

# check WHAT EXIT_CODE TEXT…: the last request ended with that code and said each text.
check() {
    local what=$1 want=$2 text
    shift 2
    for text in "$@"; do
        if [[ $out$(<"$tmp/stderr") != *"$text"* ]]; then
            what+=", but not: $text" want=never
            break
        fi
    done
    if [[ $code == "$want" ]]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf '  FAILED Inspector %s: %s (exit code %s): %.600s %.600s\n' "$transport" "$what" "$code" "$out" "$(<"$tmp/stderr")"
    fi
}

for transport in sse mcp; do
    passed=0 failed=0 secret=clients/inspector-$transport-$$
    inspect tools/list --strict
    check 'lists portable tools' 0 '"list_secrets"' '"delete_secret"' '"outputSchema"' '"destructiveHint"'
    call list_secrets --tool-arg account=production
    check 'lists the secrets of production' 0 222222222222
    production=$out
    call list_secrets --tool-arg account=staging
    check 'lists the secrets of staging' 0 333333333333
    [[ $out != "$production" ]] || code=same
    check 'they differ' 0
    call create_secret --tool-arg account=development "name=$secret" secret_string=not-a-secret
    check 'creates one in development' 0 444444444444
    call get_secret_value --tool-arg account=development "secret_id=$secret"
    check 'reads it back' 0 not-a-secret
    call delete_secret --tool-args-json "{\"account\": \"development\", \"secret_id\": \"$secret\", \"recovery_window_in_days\": 7}"
    check 'deletes it' 0
    call get_secret_value --tool-arg account=development "secret_id=$secret"
    check 'reads the clear error afterwards' 5 InvalidRequestException
    printf 'Inspector %s %s: %d passed, %d failed\n' "$("$NODE" "$INSPECTOR" --cli --version)" "$transport" "$passed" "$failed"
    failures=$((failures + failed))
done
((failures == 0))
