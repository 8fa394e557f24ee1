"""Sessions that replicas share over Redis (STATE_URL): on another replica, over a restart, beside /sse, and while Redis is away.

Usage: sessions.py --binary B --upstream U --nginx N --redis R [--logs DIRECTORY]
"""

import argparse
import asyncio
import contextlib
import os
import pathlib
import shutil
import tempfile
import time

import stage
import wire
from backend import Backend

ALICE, BOB = list(stage.CALLERS.values())[:2]
CALL = ("get_caller_identity",)


class Redis:
    """Writes down what it holds, so that a restart loses nothing."""

    def __init__(self, program, directory):
        self.program, self.directory, self.port, self.process = program, directory, wire.free_port(), None

    async def start(self):
        log = pathlib.Path(self.directory, "redis.log").open("ab")
        with log:
            self.process = await asyncio.create_subprocess_exec(
                self.program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory), "--save", "",
                "--appendonly", "yes", "--appendfsync", "always", stdout=log, stderr=log)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(b"PING\r\n")
                pong = await reader.readline()
                writer.close()
                if pong == b"+PONG\r\n":
                    return
            await asyncio.sleep(0.05)
        raise AssertionError("Redis does not answer")

    async def stop(self):
        if self.process and self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()


def at(replica, token=ALICE):
    return wire.Client(replica.port, token, keep=False)


async def told(awaitable):
    """The text of a failure that must come."""
    try:
        await awaitable
    except wire.Failed as error:
        return str(error)
    raise AssertionError("it succeeded")




async def over_replicas(a, b):
    session = await at(a).initialize()
    for replica in (a, b, a):
        await at(replica).legacy(*CALL, session=session, account="staging")
    for replica in (a, b):
        refused = await told(at(replica, BOB).legacy(*CALL, session=session, account="staging"))
        assert refused.startswith("404"), refused
    a.terminate()
    assert await a.stopped() == 0
    await at(b).legacy(*CALL, session=session, account="staging")
    await a.start()
    await at(a).legacy(*CALL, session=session, account="staging")
    await a.kill()
    await at(b).legacy(*CALL, session=session, account="staging")
    await a.start()
    await at(a).legacy(*CALL, session=session, account="staging")
    ended = await at(b).send("DELETE", "/mcp", mcp_session_id=session, mcp_protocol_version="2025-06-18")
    assert ended.status in (200, 202, 204), ended.status
    refused = await told(at(a).legacy(*CALL, session=session, account="staging"))
    assert refused.startswith("404"), refused
    print("a session of /mcp: used on both replicas, after SIGTERM and kill -9 of the one that it began on, "
          "ended on the other; to another caller 404")


async def over_sse(a, b):
    session = await wire.Sse(at(a)).open()
    await session.call(*CALL, account="staging")
    session.posts = at(b)
    for _ in range(10):
        await session.call(*CALL, account="staging")
    session.posts = at(b, BOB)
    refused = await told(session.call(*CALL, account="staging"))
    assert refused.startswith("404"), refused
    await session.close()
    print("a stream of /sse on one replica, its messages sent to the other: 10 of 10 calls; another caller's message: 404")


async def balanced(balancer, replicas):
    """Sessions of both transports by turns over both replicas; those of /mcp live through restarts under load."""
    streams = [await wire.Sse(wire.Client(balancer.port, ALICE, keep=False)).open() for _ in range(8)]
    for stream in streams * 5:
        await stream.call(*CALL, account="staging")
    await replicas[0].kill()
    # The load balancer passes on that the connection is gone; a client then connects again, to whoever is there.
    ended = [stream for stream in streams if stream.ended.is_set() or not await still(stream)]
    again = [await wire.Sse(wire.Client(balancer.port, ALICE, keep=False)).open() for _ in ended]
    for stream in [s for s in streams if s not in ended] + again:
        await stream.call(*CALL, account="staging")
    for stream in streams + again:
        await stream.close()
    await replicas[0].start()
    clients = [wire.Client(balancer.port, token, keep=False) for token in list(stage.CALLERS.values())[:8]]
    sessions = [await client.initialize() for client in clients]
    over, calls, failures = asyncio.Event(), [0], []

    async def use(client, session):
        while not over.is_set():
            calls[0] += 1
            try:
                await client.legacy(*CALL, session=session, account="staging")
            except (wire.Failed, wire.Lost) as error:
                failures.append(str(error))

    async with asyncio.TaskGroup() as group:
        for client, session in zip(clients, sessions):
            group.create_task(use(client, session))
        for replica in replicas * 2:
            replica.terminate()
            await balancer.leaves(replica)
            assert await replica.stopped() == 0
            await replica.start()
            await balancer.comes(replica)
        over.set()
    print(f"behind nginx by turns: {len(streams)} streams of /sse, {len(streams) * 5} calls, {len(ended)} opened again after kill -9 of "
          f"their replica; {len(sessions)} sessions of /mcp over "
          f"{len(replicas) * 2} restarts: {calls[0]} calls, {len(failures)} failed {failures[:3]}")
    assert not failures


async def still(stream):
    """Whether the stream is open, a moment later."""
    try:
        async with asyncio.timeout(0.2):
            await stream.ended.wait()
    except TimeoutError:
        return True
    return False


async def without_redis(a, b, redis):
    session = await at(a).initialize()
    stream = await wire.Sse(at(a)).open()
    stream.posts = at(b)
    await stream.call(*CALL, account="staging")
    await redis.stop()
    for replica in (a, b):
        for _ in range(5):
            await at(replica).modern(*CALL, account="staging")
            await at(replica).legacy(*CALL, account="staging")
    said = {await told(at(b).legacy(*CALL, session=session, account="staging")), await told(at(a).initialize()),
            await told(stream.call(*CALL, account="staging")), await told(wire.Sse(at(a)).open())}
    assert all("503" in text for text in said), said
    await redis.start()
    began = time.monotonic()
    await recovered(lambda: at(b).legacy(*CALL, session=session, account="staging"))
    of_session = time.monotonic() - began
    await recovered(lambda: stream.call(*CALL, account="staging"))
    of_stream = time.monotonic() - began
    await stream.close()
    print(f"without Redis: stateless calls 20 of 20; the rest {sorted(said)}; after its restart the session works again after "
          f"{of_session:.1f} s, the stream after {of_stream:.1f} s")


async def recovered(attempt):
    until = time.monotonic() + 15
    while True:
        try:
            return await attempt()
        except wire.Failed:
            assert time.monotonic() < until, "it does not recover"
            await asyncio.sleep(0.1)


async def main(args):
    with tempfile.TemporaryDirectory(prefix="sessions-") as directory:
        redis = Redis(args.redis, directory)
        async with Backend(args.upstream) as backend:
            shared = {"MCP_STATELESS": "false", "STATE_URL": f"redis://127.0.0.1:{redis.port}"}
            replicas = [stage.Replica(args.binary, backend.env | shared, directory, name) for name in ("a", "b")]
            try:
                await redis.start()
                await asyncio.gather(*(replica.start() for replica in replicas))
                await over_replicas(*replicas)
                await over_sse(*replicas)
                async with stage.Nginx(args.nginx, replicas, directory) as balancer:
                    await balanced(balancer, replicas)
                await without_redis(*replicas, redis)
            finally:
                for replica in replicas:
                    await replica.kill()
                await redis.stop()
                if args.logs:
                    shutil.copytree(directory, pathlib.Path(args.logs, f"sessions-{os.getpid()}"),
                                    ignore=lambda _, names: [n for n in names if not n.endswith(".log")])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for flag in ("binary", "upstream", "nginx", "redis", "logs"):
        parser.add_argument(f"--{flag}")
    asyncio.run(main(parser.parse_args()))
