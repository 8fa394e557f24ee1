"""How long each proxy takes from its start to the first answer of tools/list, and for a call after that.

usage: bench.py CONTROL ENDPOINT FOLDER PUBLISHED OURS
"""

import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request

CONTROL, ENDPOINT, FOLDER, PUBLISHED, OURS = sys.argv[1:6]
STARTS, CALLS = 10, 200
INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}


class Proxy:
    def __init__(self, command):
        env = {"PATH": os.environ["PATH"], "HOME": FOLDER, "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "us-east-1",
               "AWS_CONFIG_FILE": f"{FOLDER}/config", "AWS_SHARED_CREDENTIALS_FILE": f"{FOLDER}/credentials"}
        self.child = subprocess.Popen([*command.split(), ENDPOINT, "--service", "aws-mcp", "--profile", "alpha"], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env, cwd=FOLDER)

    def send(self, **message):
        self.child.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self.child.stdin.flush()

    def ask(self, id, method, params):
        self.send(id=id, method=method, params=params)
        while True:
            message = json.loads(self.child.stdout.readline())
            if message.get("id") == id:
                assert "result" in message, message
                return message

    def end(self):
        self.child.stdin.close()
        self.child.wait(timeout=20)


def once(command, calls=0):
    """Seconds to the first list, and those of each call."""
    began = time.perf_counter()
    proxy = Proxy(command)
    proxy.ask(1, "initialize", INITIALIZE)
    proxy.send(method="notifications/initialized")
    proxy.ask(2, "tools/list", {})
    start, times = time.perf_counter() - began, []
    for number in range(calls):
        began = time.perf_counter()
        proxy.ask(3 + number, "tools/call", {"name": "aws___list_regions", "arguments": {}})
        times.append(time.perf_counter() - began)
    proxy.end()
    return start, times


def main():
    results = {}
    for name, command in (("mcp-proxy-for-aws 1.7.0", PUBLISHED), ("aws-ops-mcp proxy", OURS)):
        once(command)  # file caches, and Python's compiled files
        starts = [once(command)[0] for _ in range(STARTS)]
        calls = once(command, CALLS)[1]
        urllib.request.urlopen(urllib.request.Request(CONTROL, data=b'{"clear": true}'), timeout=10).close()
        results[name] = statistics.median(starts), statistics.median(calls), sorted(calls)[len(calls) * 95 // 100]
    print("| | start to first `tools/list` | `tools/call`, p50 | p95 |\n|---|--:|--:|--:|")
    for name, (start, p50, p95) in results.items():
        print(f"| {name} | {start * 1000:.0f} ms | {p50 * 1000:.1f} ms | {p95 * 1000:.1f} ms |")
    (theirs, their_call, _), (ours, our_call, _) = results.values()
    print(f"\nratio: start {theirs / ours:.0f}, call {their_call / our_call:.1f}")


if __name__ == "__main__":
    main()
