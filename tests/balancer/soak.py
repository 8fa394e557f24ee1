"""500 SSE sessions on one replica for ten minutes: memory and descriptors must stay flat, also while sessions come and go.

Usage: soak.py --binary B --upstream U [--minutes 10] [--sessions 500] [--every 5] [--churn 10] [--logs DIRECTORY]

Every session calls a tool every few seconds; in each sample's time ten sessions end and ten others take their place. Not in .ci/run:
it takes its minutes.
"""

import argparse
import asyncio
import os
import pathlib
import random
import resource
import shutil
import statistics
import tempfile
import time

import stage
import wire
from backend import Backend

SAMPLE = 10
TOOLS = ["list_buckets", "get_caller_identity"]
# Calls of each session before the time begins: until then buffers grow to what they will be, and the heap with them.
WARM_UP = 50
# What may be gained over the whole time, by a straight line through the samples after the first tenth.
MEMORY, DESCRIPTORS = 0.03, 0.01


def taken(pid):
    """Resident memory in KiB, descriptors, threads."""
    fields = dict(text.split(":", 1) for text in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]), len(os.listdir(f"/proc/{pid}/fd")), int(fields["Threads"])


class Crowd:
    """The sessions; each a task that calls until it is told to end."""

    def __init__(self, port, every):
        self.port, self.every = port, every
        self.open, self.calls, self.failures = {}, 0, []
        self.per_caller = {token: 0 for token in stage.CALLERS.values()}

    async def join(self, begin=True):
        token = min(self.per_caller, key=self.per_caller.get)
        self.per_caller[token] += 1
        session = await wire.Sse(wire.Client(self.port, token)).open()
        self.open[session] = asyncio.create_task(self.live(session)) if begin else None

    def begin(self):
        for session in self.open:
            self.open[session] = asyncio.create_task(self.live(session))

    async def warm(self, session):
        for _ in range(WARM_UP):
            await session.call(random.choice(TOOLS), account="staging")

    async def live(self, session):
        try:
            while True:
                await asyncio.sleep(random.uniform(0, 2 * self.every))
                assert not session.ended.is_set(), "its stream ended"
                await session.call(random.choice(TOOLS), account="staging")
                self.calls += 1
        except (wire.Lost, wire.Failed, AssertionError, TimeoutError) as error:
            self.failures.append(f"{type(error).__name__}: {error}")

    async def leave(self, session):
        task = self.open.pop(session)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self.per_caller[session.stream.token] -= 1
        await session.close()


def gained(times, values):
    """What a straight line through the values gains over the time, as a part of their mean."""
    slope = statistics.linear_regression(times, values).slope
    return slope * (times[-1] - times[0]) / statistics.mean(values)


async def soak(a, replica):
    pid = replica.process.pid
    crowd = Crowd(replica.port, a.every)
    # One call, so that what is there once for all is there.
    client = wire.Client(replica.port, next(iter(stage.CALLERS.values())))
    await client.legacy("list_buckets", account="staging")
    client.close()
    await asyncio.sleep(1)
    before, *_ = taken(pid)
    for _ in range(a.sessions):
        await crowd.join(begin=False)
    await asyncio.sleep(1)
    opened, *_ = taken(pid)
    print(f"{a.sessions} sessions of {min(a.sessions, len(stage.CALLERS))} callers: {before} KiB before, {opened} KiB when open, "
          f"{(opened - before) / a.sessions:.1f} KiB a session")
    await asyncio.gather(*(crowd.warm(session) for session in crowd.open))
    print(f"after {WARM_UP} calls of each: {taken(pid)[0]} KiB, {(taken(pid)[0] - before) / a.sessions:.1f} KiB a session")
    crowd.begin()
    print(f"{'s':>5} {'RSS KiB':>8} {'fds':>6} {'threads':>7} {'sessions':>8} {'calls':>7} {'failed':>6}")
    samples, began = [], time.monotonic()
    while (now := time.monotonic() - began) < a.minutes * 60:
        memory, descriptors, threads = taken(pid)
        alive = sum(not session.ended.is_set() for session in crowd.open)
        samples.append((now, memory, descriptors))
        print(f"{now:5.0f} {memory:8} {descriptors:6} {threads:7} {alive:8} {crowd.calls:7} {len(crowd.failures):6}", flush=True)
        assert alive == a.sessions, f"{alive} of {a.sessions} streams are open"
        for session in random.sample(list(crowd.open), a.churn):
            await crowd.leave(session)
            await crowd.join()
        await asyncio.sleep(max(0, began + len(samples) * SAMPLE - time.monotonic()))
    steady = [sample for sample in samples if sample[0] >= a.minutes * 60 * 0.1]
    times, memory, descriptors = zip(*steady)
    grown = gained(times, memory), gained(times, descriptors)
    print(f"over the last {times[-1] - times[0]:.0f} s: RSS {min(memory)} to {max(memory)} KiB, gains {grown[0]:+.2%}; "
          f"descriptors {min(descriptors)} to {max(descriptors)}, gain {grown[1]:+.2%}; {crowd.calls} calls, "
          f"{len(crowd.failures)} failed, {len(samples) * a.churn} sessions replaced")
    failures, asked = list(crowd.failures), time.monotonic()
    for task in crowd.open.values():
        task.cancel()
    replica.terminate()
    code = await replica.stopped()
    ended = sum(session.ended.is_set() for session in crowd.open)
    print(f"SIGTERM with {len(crowd.open)} streams open: exit {code} after {time.monotonic() - asked:.1f} s, "
          f"{stage.SETTINGS['SHUTDOWN_DRAIN']} of them SHUTDOWN_DRAIN")
    for session in list(crowd.open):
        await crowd.leave(session)
    assert code == 0 and ended == a.sessions, f"exit {code}, {ended} streams were ended"
    assert not failures, failures[:5]
    assert grown[0] < MEMORY and grown[1] < DESCRIPTORS, "it grows"


async def main(a):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="soak-") as directory:
        async with Backend(a.upstream) as backend:
            replica = stage.Replica(a.binary, backend.env | {"MCP_STATELESS": "false"}, directory, "soak")
            try:
                await soak(a, await replica.start())
            finally:
                await replica.kill()
                if a.logs:
                    shutil.copytree(directory, pathlib.Path(a.logs, f"soak-{os.getpid()}"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for flag in ("binary", "upstream", "logs"):
        parser.add_argument(f"--{flag}")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--sessions", type=int, default=500)
    parser.add_argument("--every", type=float, default=5)
    parser.add_argument("--churn", type=int, default=10)
    asyncio.run(main(parser.parse_args()))
