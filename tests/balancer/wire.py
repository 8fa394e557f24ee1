"""HTTP/1.1 and MCP over it, on asyncio and nothing else, so that each failure is told apart and none is repeated silently."""

import asyncio
import itertools
import json
import re
import socket

MODERN = "2026-07-28"
IDS = itertools.count(1)


class Lost(Exception):
    """The connection ended before the answer did."""


class Failed(Exception):
    """An answer that is no success."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Answer:
    """A response whose head was read; the body is still on the wire."""

    def __init__(self, reader, status, headers):
        self.reader, self.status, self.headers = reader, status, headers

    async def pieces(self):
        if "chunked" in self.headers.get("transfer-encoding", ""):
            while size := int((await line(self.reader)).split(b";")[0], 16):
                yield await exactly(self.reader, size)
                await line(self.reader)
            await line(self.reader)
        elif "content-length" in self.headers:
            yield await exactly(self.reader, int(self.headers["content-length"]))
        elif self.status not in (204, 304):
            while piece := await self.reader.read(65536):
                yield piece

    async def body(self):
        return b"".join([piece async for piece in self.pieces()])

    async def events(self):
        """The data of each event; comments are left out."""
        rest = b""
        async for piece in self.pieces():
            *lines, rest = (rest + piece).split(b"\n")
            for text in lines:
                if text.startswith(b"data:") and (data := text[5:].strip()):
                    yield data.decode()

    async def message(self):
        """The JSON-RPC answer, however it comes."""
        if "text/event-stream" in self.headers.get("content-type", ""):
            async for data in self.events():
                message = json.loads(data)
                if "result" in message or "error" in message:
                    return message
            raise Lost("the stream ended before the answer")
        body = await self.body()
        if self.status != 200:
            raise Failed(f"{self.status} {text_of(body)}")
        return json.loads(body)


def text_of(body):
    """What a body says, without a load balancer's HTML."""
    return " ".join(re.sub(r"<[^>]*>", " ", body.decode(errors="replace")).split())[:250]


async def line(reader):
    text = await reader.readline()
    if not text.endswith(b"\n"):
        raise Lost("the connection was closed")
    return text.rstrip(b"\r\n")


async def exactly(reader, size):
    try:
        return await reader.readexactly(size)
    except asyncio.IncompleteReadError as error:
        raise Lost("the connection was closed amid a body") from error


async def head(reader):
    """The first line and the headers, names in lower case."""
    first = (await line(reader)).decode()
    headers = {}
    while text := await line(reader):
        name, _, value = text.decode().partition(":")
        headers[name.lower()] = value.strip()
    return first, headers


class Client:
    """One caller. `keep` says whether its connection is used again for the next request."""

    def __init__(self, port, token, keep=True, host="localhost"):
        self.port, self.token, self.keep, self.host, self.streams = port, token, keep, host, None

    def close(self):
        if self.streams:
            self.streams[1].close()
        self.streams = None

    async def send(self, method, path, body=None, **headers):
        """Sends on a connection of its own, or on the kept one; never twice."""
        if self.streams and self.streams[0].at_eof():
            self.close()
        try:
            if not self.streams:
                self.streams = await asyncio.open_connection("127.0.0.1", self.port, limit=4 << 20)
            reader, writer = self.streams
            data = b"" if body is None else json.dumps(body).encode()
            lines = {"host": self.host, "authorization": f"Bearer {self.token}", "accept": "application/json, text/event-stream"}
            lines |= {"content-type": "application/json", "content-length": str(len(data))} if body is not None else {}
            lines |= {name.replace("_", "-"): value for name, value in headers.items()}
            writer.write(f"{method} {path} HTTP/1.1\r\n{''.join(f'{n}: {v}{chr(13)}{chr(10)}' for n, v in lines.items())}\r\n".encode() + data)
            await writer.drain()
            first, answer = await head(reader)
        except (OSError, Lost) as error:
            self.close()
            raise Lost(f"no answer: {error}") from error
        return Answer(reader, int(first.split()[1]), answer)

    async def message(self, path, body, **headers):
        """POSTs a JSON-RPC request; its answer."""
        try:
            answer = await self.send("POST", path, body, **headers)
            message = await answer.message()
            if not self.keep or answer.headers.get("connection") == "close":
                self.close()
            return message
        except BaseException:
            self.close()
            raise

    async def modern(self, tool, **arguments):
        """A call of 2026-07-28, which brings everything along."""
        meta = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo": {"name": "balancer", "version": "1"}}
        body = request("tools/call", {"name": tool, "arguments": arguments, "_meta": meta})
        return data_of(await self.message("/mcp", body, mcp_protocol_version=MODERN, mcp_method="tools/call", mcp_name=tool))

    async def legacy(self, tool, session=None, **arguments):
        """A call of 2025-06-18, without a session unless one is named."""
        headers = {"mcp_protocol_version": "2025-06-18"} | ({"mcp_session_id": session} if session else {})
        return data_of(await self.message("/mcp", call(tool, arguments), **headers))

    async def initialize(self):
        """Opens a session; its id."""
        answer = await self.send("POST", "/mcp", INITIALIZE)
        await answer.message()
        session = answer.headers.get("mcp-session-id")
        if not session:
            raise Failed("initialize gave no session")
        accepted = await self.send("POST", "/mcp", INITIALIZED, mcp_session_id=session, mcp_protocol_version="2025-06-18")
        await accepted.body()
        return session


class Sse:
    """A session over /sse: a stream, and messages that are posted beside it."""

    def __init__(self, client):
        self.stream, self.posts = client, Client(client.port, client.token, keep=client.keep, host=client.host)
        self.waiting, self.ended, self.task = {}, asyncio.Event(), None

    async def open(self):
        answer = await self.stream.send("GET", "/sse")
        if answer.status != 200:
            raise Failed(f"/sse: {answer.status} {text_of(await answer.body())}")
        events = answer.events()
        self.endpoint = await anext(events)
        self.task = asyncio.create_task(self.read(events))
        await self.ask(INITIALIZE | {"id": next(IDS)})
        await self.post(INITIALIZED)
        return self

    async def read(self, events):
        try:
            async for data in events:
                message = json.loads(data)
                if waits := self.waiting.pop(message.get("id"), None):
                    waits.set_result(message)
        except (OSError, Lost):
            pass
        finally:
            self.ended.set()
            for waits in self.waiting.values():
                if not waits.done():
                    waits.set_exception(Lost("the stream ended before the answer"))

    async def post(self, body):
        answer = await self.posts.send("POST", self.endpoint, body)
        text = await answer.body()
        if not self.posts.keep:
            self.posts.close()
        if answer.status != 202:
            raise Failed(f"{answer.status} {text_of(text)}")

    async def ask(self, body):
        waits = self.waiting[body["id"]] = asyncio.get_running_loop().create_future()
        try:
            await self.post(body)
        except BaseException:
            self.waiting.pop(body["id"], None)
            raise
        # Not wait_for, which can swallow a cancellation.
        async with asyncio.timeout(60):
            return await waits

    async def call(self, tool, **arguments):
        return data_of(await self.ask(call(tool, arguments)))

    async def close(self):
        self.stream.close(), self.posts.close()
        if self.task:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)


INITIALIZE = {"jsonrpc": "2.0", "id": 0, "method": "initialize",
              "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "balancer", "version": "1"}}}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}


def request(method, params):
    return {"jsonrpc": "2.0", "id": next(IDS), "method": method, "params": params}


def call(tool, arguments):
    return request("tools/call", {"name": tool, "arguments": arguments})


def data_of(message):
    """What a successful tool call returned."""
    if "error" in message:
        raise Failed(json.dumps(message["error"])[:300])
    content = message["result"].get("structuredContent") or {}
    if not content.get("success"):
        raise Failed(json.dumps(content.get("error") or message["result"])[:300])
    return content["data"]


async def status(port, path, token=None):
    """The HTTP status of a GET, or None where nobody answers."""
    client = Client(port, token or "none", keep=False)
    try:
        async with asyncio.timeout(5):
            return (await client.send("GET", path)).status
    except (Lost, TimeoutError):
        return None
    finally:
        client.close()
