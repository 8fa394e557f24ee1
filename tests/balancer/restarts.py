"""Two replicas behind a load balancer, restarted or killed under load.

Usage: restarts.py rolling|kill --binary B --upstream U (--nginx N | --haproxy H) [--times N] [--drain 2s] [--grace 20s] [--clients 16] [--logs DIRECTORY]
"""

import argparse
import asyncio
import os
import pathlib
import shutil
import sys
import tempfile
import time

import load as loads
import stage
import wire
from backend import Backend


# The load balancer learns of a killed process by its closed sockets, this much later at most, in seconds.
GONE = 0.2


async def rolling(load, balancer, replicas, times):
    """As Kubernetes does it: one by one, the next when the one before is ready again. Every exit must be an orderly one."""
    longest, moments = 0.0, []
    for n in range(times):
        replica = replicas[n % len(replicas)]
        began = time.monotonic()
        replica.terminate()
        await balancer.leaves(replica)
        code = await replica.stopped()
        assert code == 0, f"restart {n}: {replica.name} exited with {code}"
        moments.append((began, balancer.noticed[-1], time.monotonic() - began))
        longest = max(longest, time.monotonic() - began)
        await replica.start()
        await balancer.comes(replica)
    for call in load.failed()[:10]:
        if at := next((m for m in reversed(moments) if m[0] < call.ended), None):
            print(f"  {call.tool} failed {call.ended - at[0]:.2f} s after a SIGTERM that was noticed after {at[1]:.2f} s and obeyed after {at[2]:.2f} s")
    said = f"{times} restarts, the longest end took {longest:.1f} s, noticed at the latest after {max(balancer.noticed):.1f} s"
    return said, lambda call: False


async def kill(load, balancer, replicas, times):
    """kill -9: what was in flight may fail; what begins once the process is gone may not, but for GONE."""
    moments = []
    for n in range(times):
        replica = replicas[n % len(replicas)]
        await asyncio.sleep(0.5)
        before = time.monotonic()
        await replica.kill()
        moments.append((before, time.monotonic() + GONE))
        await asyncio.sleep(1)
        await replica.start()
        await balancer.comes(replica)
    during = lambda call, moment: call.began < moment[1] and call.ended > moment[0]
    most = max(sum(during(call, moment) for call in load.failed()) for moment in moments)
    said = f"{times} kills, at most {most} calls of {load.clients} clients failed with one"
    return said, lambda call: any(during(call, moment) for moment in moments)


async def main(a):
    stage.SETTINGS |= {"SHUTDOWN_DRAIN": a.drain, "SHUTDOWN_GRACE": a.grace}
    with tempfile.TemporaryDirectory(prefix="balancer-") as directory:
        async with Backend(a.upstream) as backend:
            replicas = [stage.Replica(a.binary, backend.env, directory, name) for name in ("a", "b")]
            try:
                await asyncio.gather(*(r.start() for r in replicas))
                balancer = stage.Nginx(a.nginx, replicas, directory) if a.nginx else stage.Haproxy(a.haproxy, replicas, directory)
                async with balancer:
                    return await trial(a, balancer, replicas, backend)
            finally:
                for replica in replicas:
                    await replica.kill()
                if a.logs:
                    shutil.copytree(directory, pathlib.Path(a.logs, f"{a.what}-{'nginx' if a.nginx else 'haproxy'}-{os.getpid()}"),
                                    ignore=lambda _, names: [n for n in names if not n.endswith(".log")])


async def trial(a, balancer, replicas, backend):
    client = wire.Client(balancer.port, next(iter(stage.CALLERS.values())), keep=False)
    bucket = (await client.legacy("list_buckets", account="staging"))["buckets"][0]["name"]
    async with loads.Load(balancer, bucket, a.clients) as load:
        await asyncio.sleep(1)
        said, excused = await {"rolling": rolling, "kill": kill}[a.what](load, balancer, replicas, a.times)
        await asyncio.sleep(1)
    doubled, lost, silent = await loads.reckon(load, backend)
    failed, unexcused = load.failed(), [call for call in load.failed() if not excused(call)]
    print(f"{type(balancer).__name__.lower()}, {a.what}: {said}; {loads.summary(load)}; {len(failed)} failed, "
          f"{len(unexcused)} of them without excuse, {len(doubled)} writes doubled, {len(lost)} lost, {len(silent)} done though told as failed")
    if failed:
        print("  failures:", loads.reasons(failed))
    assert len(load.calls) > a.times * 10, "that was no load"
    return not (unexcused or doubled or lost or (a.what == "rolling" and silent))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["rolling", "kill"])
    for flag in ("binary", "upstream", "nginx", "haproxy", "logs"):
        parser.add_argument(f"--{flag}")
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--drain", default="2s")
    parser.add_argument("--grace", default="20s")
    sys.exit(0 if asyncio.run(main(parser.parse_args())) else 1)
