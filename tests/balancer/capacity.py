"""What one replica spends on a call: its own CPU time, and what it asks of AWS. Prints the table of docs/operations.md; judges nothing.

Usage: capacity.py --binary B --upstream U [--calls 3000]

The CPU time is the process's own, so it says little of what else the machine does; the calls a second, measured beside it, are of
this machine, this client and the sandbox all together.
"""

import argparse
import asyncio
import collections
import itertools
import os
import pathlib
import tempfile
import time

import stage
import wire
from backend import Backend

CLIENTS = 16
TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    """Seconds of CPU that the process has used."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


async def measure(name, backend, replica, calls, speak, tool, arguments):
    """`calls` calls of a tool by CLIENTS callers, after a few that warm it up."""
    clients = [wire.Client(replica.port, token) for token in list(stage.CALLERS.values())[:CLIENTS]]
    for turn in range(2):
        before, began, asked = cpu(replica.process.pid), time.monotonic(), collections.Counter(backend.operations)
        share = (calls if turn else CLIENTS * 5) // CLIENTS

        async def work(client):
            for _ in range(share):
                await getattr(client, speak)(tool, **arguments())

        await asyncio.gather(*(work(client) for client in clients))
    done, took, spent = share * CLIENTS, time.monotonic() - began, cpu(replica.process.pid) - before
    asked = {operation: count / done for operation, count in sorted((backend.operations - asked).items())}
    of_aws = ", ".join(f"{operation} {count:.2f}" for operation, count in asked.items()) or "none"
    for client in clients:
        client.close()
    print(f"| {name} | {spent / done * 1000:.2f} ms | {done / spent:.0f} | {done / took:.0f} | {of_aws} |", flush=True)


async def main(args):
    names = itertools.count()
    staging = lambda: {"account": "staging"}
    secret = lambda: {"account": "staging", "name": f"capacity-{next(names)}", "secret_string": "x"}
    with tempfile.TemporaryDirectory(prefix="capacity-") as directory:
        async with Backend(args.upstream, delays=False) as backend:
            replica = stage.Replica(args.binary, backend.env, directory, "capacity")
            try:
                await replica.start()
                print("| call | CPU | calls a second of one core | measured | requests to AWS for each call |\n|---|--:|--:|--:|---|")
                for name, speak, tool, arguments, share in [
                    ("`list_accounts`, nothing asked of AWS", "modern", "list_accounts", dict, 1),
                    ("the same by an older client", "legacy", "list_accounts", dict, 1),
                    ("`list_buckets`, signed in", "modern", "list_buckets", staging, 1),
                    ("`list_secrets`, signed in", "modern", "list_secrets", staging, 1),
                    ("`create_secret`", "modern", "create_secret", secret, 3),
                ]:
                    await measure(name, backend, replica, args.calls // share, speak, tool, arguments)
            finally:
                await replica.kill()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary")
    parser.add_argument("--upstream")
    parser.add_argument("--calls", type=int, default=3000)
    asyncio.run(main(parser.parse_args()))
