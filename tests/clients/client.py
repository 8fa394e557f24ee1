"""The scenario of the README with the official Python client, over every transport and era it speaks.

Usage: MCP_AUTH_TOKEN=… python client.py http://127.0.0.1:8000 [path of the binary, for stdio]

Runs with `mcp` 1.x (initialize handshake) and 2.x (that one, and the stateless 2026-07-28 era).
"""

import asyncio
import json
import os
import sys
import uuid
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from mcp import ClientSession, StdioServerParameters, stdio_client
from mcp.client.sse import sse_client

try:
    from mcp import Client
    from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client
except ImportError:
    Client = None
    from mcp.client.streamable_http import streamablehttp_client

BASE, BINARY = sys.argv[1].rstrip("/"), next(iter(sys.argv[2:]), None)
PRODUCTION, STAGING, DEVELOPMENT = "222222222222", "333333333333", "444444444444"
EXPECTED_TOOLS = {
    "get_caller_identity", "list_accounts",
    "list_secrets", "get_secret_value", "create_secret", "update_secret", "delete_secret",
    "list_hosted_zones", "list_resource_record_sets", "change_resource_record_sets", "get_change",
    "list_buckets", "list_objects", "head_object", "get_object", "put_object", "delete_object",
}  # fmt: skip


@asynccontextmanager
async def connected(era: str, transport: str):
    """A connected client; `era` is `initialize`, or the version that the stateless client must have negotiated."""
    headers = {"Authorization": f"Bearer {os.environ['MCP_AUTH_TOKEN']}"}
    async with AsyncExitStack() as stack:
        if transport == "stdio":
            log = stack.enter_context(open(os.environ.get("STDIO_LOG", os.devnull), "a"))
            stream = stdio_client(StdioServerParameters(command=BINARY, args=["stdio", "--sandbox", "--toolsets", "all"], env={}), errlog=log)
        elif transport == "sse":
            stream = sse_client(f"{BASE}/sse", headers=headers)
        elif Client is None:
            stream = streamablehttp_client(f"{BASE}/mcp", headers=headers)
        else:
            http = await stack.enter_async_context(create_mcp_http_client(headers=headers))
            stream = streamable_http_client(f"{BASE}/mcp", http_client=http)
        if Client is None:
            streams = await stack.enter_async_context(stream)
            session = await stack.enter_async_context(ClientSession(streams[0], streams[1]))
            await session.initialize()
            yield session
            return
        client = await stack.enter_async_context(Client(stream, mode="legacy" if era == "initialize" else "auto"))
        if era != "initialize" and client.protocol_version != era:
            raise AssertionError(f"negotiated {client.protocol_version}, not {era}")
        yield client


class Scenario:
    """Counts what held and what did not; goes on after a failed check."""

    def __init__(self, title: str):
        self.title, self.passed, self.failed = title, 0, 0

    def check(self, what: str, holds: bool, seen: object = ""):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print(f"  FAILED {self.title}: {what}: {str(seen)[:600]}")

    async def call(self, client, tool: str, **arguments):
        """The reply of a tool call, once its text and its flag have been seen to say the same as its structure."""
        result = (await client.call_tool(tool, arguments)).model_dump(by_alias=True, mode="json")
        reply = result.get("structuredContent") or {}
        text = [block["text"] for block in result["content"] if block["type"] == "text"]
        self.check(f"{tool}: the text is the reply", bool(text) and json.loads(text[0]) == reply, text)
        self.check(f"{tool}: isError says the same as success", bool(result["isError"]) is not reply.get("success"), reply)
        return reply

    async def run(self, client):
        await self.tools(client)
        await self.accounts_differ(client)
        await self.life_of_a_secret(client)
        await self.clear_refusals(client)

    async def tools(self, client):
        listed = (await client.list_tools()).model_dump(by_alias=True, mode="json")["tools"]
        tools = {tool["name"]: tool for tool in listed}
        self.check("the tools are there", EXPECTED_TOOLS <= tools.keys(), EXPECTED_TOOLS - tools.keys())
        for name, tool in tools.items():
            complete = tool["description"] and tool["inputSchema"]["type"] == "object" and tool["outputSchema"]
            self.check(f"{name}: described, with both schemas", bool(complete), tool)
            self.check(f"{name}: annotated", (tool["annotations"] or {}).get("readOnlyHint") is not None, tool)
        hint = lambda tool, key: (tools.get(tool, {}).get("annotations") or {}).get(key)
        self.check("list_secrets only reads", hint("list_secrets", "readOnlyHint") is True)
        self.check("delete_secret destroys", hint("delete_secret", "destructiveHint") is True)

    async def accounts_differ(self, client):
        accounts = await self.call(client, "list_accounts")
        self.check("the workload accounts", {PRODUCTION, STAGING, DEVELOPMENT} <= words(accounts.get("data")), accounts)
        seen = {}
        for name, number in (("production", PRODUCTION), ("staging", STAGING)):
            identity = await self.call(client, "get_caller_identity", account=name)
            self.check(f"{name}: acts in its account", number in words(identity.get("data")), identity)
            secrets = await self.call(client, "list_secrets", account=name)
            self.check(f"{name}: its secrets", number in words(secrets.get("data")), secrets)
            self.check(f"{name}: its receipt", receipt(secrets) == number, secrets)
            seen[name] = json.dumps(secrets.get("data"))
        self.check("production and staging differ", seen["production"] != seen["staging"], seen)
        self.check("nothing of staging in production", STAGING not in seen["production"], seen["production"])

    async def life_of_a_secret(self, client):
        name, value = f"clients/python-{uuid.uuid4()}", f"value {uuid.uuid4()}"
        created = await self.call(client, "create_secret", account="development", name=name, secret_string=value)
        self.check("created", created.get("success") is True, created)
        self.check("created in development", receipt(created) == DEVELOPMENT, created)
        read = await self.call(client, "get_secret_value", account="development", secret_id=name)
        self.check("read back", value in json.dumps(read.get("data")), read.get("error"))
        elsewhere = await self.call(client, "get_secret_value", account="production", secret_id=name)
        self.check("not in production", aws_code(elsewhere) == "ResourceNotFoundException", elsewhere)
        deleted = await self.call(
            client, "delete_secret", account="development", secret_id=name, recovery_window_in_days=7
        )
        self.check("deleted", deleted.get("success") is True, deleted)
        gone = await self.call(client, "get_secret_value", account="development", secret_id=name)
        self.check("reading it afterwards fails clearly", aws_code(gone) == "InvalidRequestException", gone)

    async def clear_refusals(self, client):
        unknown = await self.call(client, "list_secrets", account="no-such-account")
        self.check("an unknown account is named", "no-such-account" in json.dumps(unknown.get("error")), unknown)
        error = unknown.get("error") or {}
        self.check("with a code and a message", bool(error.get("code") and error.get("message")), unknown)


def receipt(reply: dict) -> str | None:
    return (reply.get("receipt") or {}).get("account_id")


def aws_code(reply: dict) -> str | None:
    return (reply.get("error") or {}).get("aws_code")


def words(value: object) -> set[str]:
    """Every word or number of a JSON value, so that an account's id is found inside an ARN too."""
    spaced = "".join(c if c.isalnum() or c == "-" else " " for c in json.dumps(value))
    return set(spaced.split())


def wrong_token_is_refused(scenario: Scenario, transport: str):
    """Without the client, which would try more than once: ten wrong tokens in a minute are all that an address has."""
    request = Request(f"{BASE}/{transport}", headers={"Authorization": f"Bearer {'0' * 64}"})
    try:
        status, challenge = urlopen(request, timeout=10).status, ""
    except HTTPError as refusal:
        status, challenge = refusal.code, refusal.headers.get("WWW-Authenticate", "")
    scenario.check("a wrong token is refused", status == 401 and challenge.startswith("Bearer"), (status, challenge))


def flat(error: BaseException) -> str:
    parts = [repr(error), *map(flat, getattr(error, "exceptions", ()))]
    return " ".join(parts + ([flat(error.__cause__)] if error.__cause__ else []))


async def main() -> int:
    eras = [("initialize", "sse"), ("initialize", "mcp")]
    if Client is not None:
        eras.append(("2026-07-28", "mcp"))
    if BINARY:
        eras += [(era, "stdio") for era, transport in eras if transport == "mcp"]
    failures = 0
    for era, transport in eras:
        scenario = Scenario(f"Python mcp {version('mcp')} {transport} {era}")
        try:
            async with asyncio.timeout(60), connected(era, transport) as client:
                await scenario.run(client)
        except Exception as error:
            scenario.check("no exception", False, flat(error))
        if era == "initialize" and transport != "stdio":
            wrong_token_is_refused(scenario, transport)
        print(f"{scenario.title}: {scenario.passed} passed, {scenario.failed} failed", flush=True)
        failures += scenario.failed
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
