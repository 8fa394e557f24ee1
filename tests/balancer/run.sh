#!/usr/bin/env bash
# Two replicas of the real binary behind nginx and haproxy, over one sandbox: rolling restarts under load, kill -9, and
# sessions that are shared over Redis.
#
# Usage: tests/balancer/run.sh [--restarts N] [rolling|kill|sessions]…     all three, with 10 restarts, unless told otherwise
# The programs are those of $CARGO_TARGET_DIR (target), or BINARY and UPSTREAM (`cargo build --example upstream`). nginx,
# haproxy and Redis are unpacked under $BALANCER_DIR (target/ci/balancer) where they are missing; the replicas' logs stay there.
# The soak is a script of its own, since it takes ten minutes: tests/balancer/soak.py.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

restarts=10 what=()
while (($#)); do
    case $1 in
    --restarts) restarts=$2 && shift ;;
    rolling | kill | sessions) what+=("$1") ;;
    *) sed -n '2,/^set/{s/^# \{0,1\}//p}' "$here/run.sh" >&2 && exit 2 ;;
    esac
    shift
done
((${#what[@]})) || what=(rolling kill sessions)

built=${CARGO_TARGET_DIR:-target}/debug
binary=$(realpath "${BINARY:-$built/aws-ops-mcp}")
upstream=$(realpath "${UPSTREAM:-$built/examples/upstream}")
dir=${BALANCER_DIR:-${CARGO_TARGET_DIR:-target}/ci/balancer}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

# debian COMMAND PACKAGE: where the command is, or where the package was unpacked with what it needs: installed, it would
# start a server.
debian() {
    local unpacked=$dir/$2 archive
    if command -v "$1"; then return; fi
    if [[ ! -d $unpacked ]]; then
        local options=(-qq -y --no-install-recommends --download-only -o Debug::NoLocking=true -o "Dir::Cache::archives=$dir/$2.debs")
        mkdir -p "$dir/$2.debs/partial"
        { apt-get install "${options[@]}" "$2" || { apt-get update -qq && apt-get install "${options[@]}" "$2"; }; } >&2
        for archive in "$dir/$2.debs"/*.deb; do dpkg-deb -x "$archive" "$unpacked.new"; done
        mv "$unpacked.new" "$unpacked"
    fi
    find "$unpacked/usr" -name "$1" -perm -u+x ! -type d | head -n 1
}

# Libraries that came unpacked are found beside those of the system.
libraries() { find "$dir" -type d -path '*/usr/lib/*-linux-gnu' | paste -sd:; }

run() { LD_LIBRARY_PATH=$(libraries) python3 "$here/$1.py" "${@:2}" --binary "$binary" --upstream "$upstream" --logs "$dir/logs"; }

nginx=$(debian nginx nginx)
haproxy=$(debian haproxy haproxy)
redis=$(debian redis-server redis-server)
rm -rf "$dir/logs"
failed=()
for each in "${what[@]}"; do
    case $each in
    rolling)
        run restarts rolling --times "$restarts" --nginx "$nginx" || failed+=('rolling behind nginx')
        run restarts rolling --times "$restarts" --haproxy "$haproxy" || failed+=('rolling behind haproxy')
        # Were no call in flight when a replica ends, the two above would show nothing.
        if run restarts rolling --times 2 --drain off --grace 10ms --nginx "$nginx"; then
            failed+=('without SHUTDOWN_GRACE no call was lost: the load meets no restart')
        else
            echo 'that was the control: calls must fail where SHUTDOWN_GRACE is 10ms'
        fi
        ;;
    kill)
        run restarts kill --times 4 --nginx "$nginx" || failed+=('kill behind nginx')
        run restarts kill --times 4 --haproxy "$haproxy" || failed+=('kill behind haproxy')
        ;;
    sessions)
        if "$binary" serve --help | grep -q STATE_URL; then
            run sessions --nginx "$nginx" --redis "$redis" || failed+=(sessions)
        else
            echo 'sessions: skipped, this binary knows no STATE_URL'
        fi
        ;;
    esac
done
if ((${#failed[@]})); then
    printf 'balancer: failed: %s; logs are in %s\n' "$(IFS=';' && echo "${failed[*]}")" "$dir/logs"
    exit 1
fi
echo 'balancer: all passed'
