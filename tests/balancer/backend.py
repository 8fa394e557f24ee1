"""AWS for several replicas: one sandbox, and before it a relay that takes its time and writes down what was asked of AWS."""

import asyncio
import collections
import json
import random
import re
import urllib.parse

import wire

# Most answers come within this, in seconds; one in fifty takes SLOW, which is longer than the replicas drain.
QUICK, SLOW = (0.01, 0.12), 2.5


class Backend:
    """`asked` counts each write that arrived, by tool and name, as CloudTrail would; `operations` counts everything."""

    def __init__(self, program, delays=True):
        self.program, self.delays = program, delays
        self.asked, self.operations = collections.Counter(), collections.Counter()

    async def __aenter__(self):
        self.process = await asyncio.create_subprocess_exec(
            self.program, "--sandbox", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL)
        self.env = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
        while "AWS_ACCESS_KEY_ID" not in self.env:
            text = (await self.process.stdout.readline()).decode()
            assert text, f"{self.program} ended by itself"
            self.env |= dict(re.findall(r"\b(AWS_[A-Z_]+)=(\S+)", text))
        self.port = urllib.parse.urlsplit(self.env["AWS_ENDPOINT_URL"]).port
        self.server = await asyncio.start_server(self.relay, "127.0.0.1", 0, limit=4 << 20)
        self.env["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self.server.close()
        self.process.kill()
        await self.process.wait()

    async def relay(self, reader, writer):
        """One connection, request by request. What arrived is passed on, even if whoever sent it is gone by then: AWS does it too."""
        upstream = await asyncio.open_connection("127.0.0.1", self.port, limit=4 << 20)
        try:
            while True:
                first, headers, raw = await copy_head(reader)
                body = await copy_body(reader, headers)
                operation, name = what(first, headers, body)
                self.operations[operation] += 1
                if name:
                    self.asked[operation, name] += 1
                if self.delays:
                    await asyncio.sleep(SLOW if random.random() < 0.02 else random.uniform(*QUICK))
                upstream[1].write(raw + body)
                answer, headers, raw = await copy_head(upstream[0])
                bare = first.startswith("HEAD ") or answer.split()[1] in ("204", "304")
                writer.write(raw + (b"" if bare else await copy_body(upstream[0], headers)))
                await writer.drain()
        except (wire.Lost, OSError):
            pass
        finally:
            writer.close(), upstream[1].close()


async def copy_head(reader):
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise wire.Lost("the connection was closed") from error
    first, *lines = raw.decode("latin-1").split("\r\n")
    return first, {n.lower(): v.strip() for n, _, v in (text.partition(":") for text in lines if text)}, raw


async def copy_body(reader, headers):
    if "chunked" not in headers.get("transfer-encoding", ""):
        return await wire.exactly(reader, int(headers.get("content-length", 0)))
    raw = b""
    while True:
        size = await wire.line(reader)
        raw += size + b"\r\n" + await wire.exactly(reader, int(size.split(b";")[0], 16) + 2)
        if int(size.split(b";")[0], 16) == 0:
            return raw


def what(first, headers, body):
    """The operation, and for a write the name that tells it from every other."""
    method, target, _ = first.split(" ")
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    if operation == "CreateSecret":
        return operation, json.loads(body)["Name"]
    if operation:
        return operation, None
    if form := re.search(rb"\bAction=(\w+)", body):
        return form[1].decode(), None
    path = urllib.parse.unquote(target.partition("?")[0])
    return (("PutObject", path.rpartition("/")[2]) if method == "PUT" else (f"S3 {method}", None))
