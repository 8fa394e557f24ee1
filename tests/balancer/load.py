"""Concurrent clients that read and write, and the reckoning: what they were told against what AWS was asked."""

import asyncio
import collections
import dataclasses
import itertools
import time

import stage
import wire


@dataclasses.dataclass
class Call:
    """One call. `failure` is what its client got in place of a success."""
    tool: str
    name: str | None
    began: float
    ended: float = 0.0
    failure: str | None = None


class Load:
    """`clients` of them, each a caller of its own, one call after the other; every third call is a write with a name of its own."""

    def __init__(self, balancer, bucket, clients=16):
        self.balancer, self.bucket, self.clients = balancer, bucket, clients
        self.calls, self.names, self.over = [], itertools.count(), False

    async def __aenter__(self):
        tokens = itertools.cycle(stage.CALLERS.values())
        self.tasks = [asyncio.create_task(self.client(n, next(tokens))) for n in range(self.clients)]
        return self

    async def __aexit__(self, *_):
        self.over = True
        await asyncio.gather(*self.tasks)

    async def client(self, number, token):
        client = wire.Client(self.balancer.port, token, keep=self.balancer.keep)
        speak = client.modern if number % 2 else client.legacy
        for turn in itertools.count(number):
            if self.over:
                return client.close()
            call = Call(*self.choose(turn), began=time.monotonic())
            try:
                async with asyncio.timeout(60):
                    await speak(call.tool, **self.arguments(call))
            except (wire.Lost, wire.Failed, TimeoutError, KeyError, ValueError) as error:
                call.failure = f"{type(error).__name__}: {error}"
                client.close()
            call.ended = time.monotonic()
            self.calls.append(call)

    def choose(self, turn):
        match turn % 6:
            case 0: return "create_secret", f"restart-{next(self.names)}"
            case 3: return "put_object", f"restart-{next(self.names)}"
            case 1 | 4: return "list_buckets", None
            case 2: return "get_caller_identity", None
            case _: return "list_secrets", None

    def arguments(self, call):
        extra = {"create_secret": {"name": call.name, "secret_string": "x"},
                 "put_object": {"bucket": self.bucket, "key": call.name, "body": "x"},
                 "list_secrets": {"max_results": 5}}
        return {"account": "staging"} | extra.get(call.tool, {})

    def failed(self):
        return [call for call in self.calls if call.failure]


OPERATIONS = {"create_secret": "CreateSecret", "put_object": "PutObject"}


async def reckon(load, backend):
    """What of the writes is amiss: asked of AWS twice, told as done and not there."""
    client = wire.Client(load.balancer.port, next(iter(stage.CALLERS.values())), keep=False)
    secrets = {s["name"] for s in await everything(client, "list_secrets", "secrets")}
    objects = {o["key"] for o in await everything(client, "list_objects", "objects", bucket=load.bucket, prefix="restart-")}
    there = {"create_secret": secrets, "put_object": objects}
    doubled, lost, silent = [], [], []
    for call in load.calls:
        if call.name:
            times = backend.asked[OPERATIONS[call.tool], call.name]
            if times > 1:
                doubled.append((call, times))
            if not call.failure and (times == 0 or call.name not in there[call.tool]):
                lost.append(call)
            if call.failure and call.name in there[call.tool]:
                silent.append(call)
    return doubled, lost, silent


async def everything(client, tool, field, **arguments):
    """All pages of a list."""
    items, token = [], {}
    while True:
        data = await client.legacy(tool, account="staging", max_results=1000, **arguments, **token)
        items += data[field]
        if not data.get("next_token"):
            return items
        token = {"next_token": data["next_token"]}


def summary(load):
    writes = sum(1 for call in load.calls if call.name)
    times = sorted(call.ended - call.began for call in load.calls)
    return (f"{len(load.calls)} calls of {load.clients} clients ({writes} writes), p50 {times[len(times) // 2] * 1000:.0f} ms, "
            f"longest {times[-1]:.1f} s")


def reasons(calls):
    return dict(collections.Counter(f"{call.tool}: {call.failure[:120]}" for call in calls).most_common(8))
