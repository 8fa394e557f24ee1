# What the test scripts share. Sourced from the repository's root.
# shellcheck shell=bash

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

answers() { python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=2)' "$1" 2>/dev/null; }

# wait_for URL PID LOG: until the process answers there; if it doesn't, its log's end.
wait_for() {
    for _ in {1..150}; do
        if answers "$1"; then return; fi
        kill -0 "$2" 2>/dev/null || break
        sleep 0.2
    done
    printf '%s does not answer; %s ends with:\n' "$1" "$3" >&2
    tail -n 20 "$3" >&2
    return 1
}

# end PID: ends a child and waits for it.
end() {
    kill "$1" 2>/dev/null || return 0
    wait "$1" 2>/dev/null || true
}
