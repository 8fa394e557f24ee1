"""One scripted conversation through the published mcp-proxy-for-aws and through aws-ops-mcp, answer by answer.

usage: compare.py CONTROL ENDPOINT FOLDER PUBLISHED OURS [--show]

CONTROL is the stand-in's switchboard, FOLDER has the AWS files. What must differ is normalised; every other difference is
either in DIFFERENCES, with its reason, or an error. So is a listed difference that does not show.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
import urllib.request

CONTROL, ENDPOINT, FOLDER, PUBLISHED, OURS = sys.argv[1:6]
SHOW = "--show" in sys.argv
PATIENCE = 20

# (scenario, step): why ours is another, and no worse.
DIFFERENCES = {
    ("main", "unknown tool"): "the endpoint's own words; the package lists the tools and answers itself",
    ("main", "elicitation"): "the endpoint's progress token is passed on; the package drops it",
    ("main", "unknown profile"): "the package wraps it in `Tool call … failed: … Please retry.`, but retrying can't help",
    ("main", "read what is not there"): "the endpoint's own words, with its data",
    ("main", "list prompts"): "as the endpoint wrote it; the package adds an empty list of arguments",
    ("main", "unknown prompt"): "the endpoint's own code; the package's is 0",
    ("main", "completion"): "works; the package does not relay it although the endpoint's capabilities name it",
    ("main", "unknown method"): "the endpoint's own answer, which has the code for it",
    ("main", "wrong params"): "the same without the empty `data`",
    ("main", "alive after it"): "a malformed line is answered with JSON-RPC's -32700; the package sends a log message that says nothing",
    ("read-only", "writes"): "the package wraps it in `Tool call … failed: … Please retry.`, but retrying can't help",
    ("read-only", "unknown"): "the package wraps it in `Tool call … failed: … Please retry.`, but retrying can't help",
    ("refused", "initialize"): "says what AWS said and what to do",
    ("no credentials", "initialize"): "says where they were looked for",
    ("faults", "expired"): "the same, and what AWS said",
    ("faults", "unauthorized"): "the same, and what the endpoint said",
    ("faults", "throttled"): "says what the endpoint said and what to do",
    ("faults", "session gone"): "works: the session is begun anew at once",
    ("faults", "session lost"): "works: the session is begun anew at once",
    ("faults", "healed once more"): "works; the package goes on with the session that the endpoint lost",
    ("faults", "html"): "says what the page says",
    ("faults", "redirect"): "other words",
    ("faults", "hang"): "says what took too long; the package says nothing",
}

# What only one side sends upstream, and why. Scenarios with faults are left out: what is repeated is up to each.
ONLY_PUBLISHED = {
    "tools/list": "the package lists the tools before it calls one that it does not know",
}
ONLY_OURS = {
    "completion/complete": "the package does not relay it",
    "logging/setLevel": "the package answers it itself",
    "no/such": "the package does not relay what it does not know",
    "tools/call no_such_tool": "the endpoint says what it does not know",
    "resources/read upstream://nowhere": "the endpoint says what it does not know",
    "prompts/get nothing": "the endpoint says what it does not know",
}


def control(**switches):
    data = json.dumps(switches).encode() if switches else None
    with urllib.request.urlopen(urllib.request.Request(CONTROL, data=data), timeout=10) as answer:
        return json.load(answer)


class Proxy:
    """A proxy as a child, spoken to in lines."""

    def __init__(self, command, args, env):
        own = {"PATH": os.environ["PATH"], "HOME": FOLDER, "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": f"{FOLDER}/config",
               "AWS_SHARED_CREDENTIALS_FILE": f"{FOLDER}/credentials", "AWS_REGION": "us-east-1", **env}
        self.child = subprocess.Popen([*command.split(), ENDPOINT, "--service", "aws-mcp", *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True, env=own, cwd=FOLDER)
        self.lines = queue.Queue()
        self.errors = []
        threading.Thread(target=lambda: [self.lines.put(line) for line in self.child.stdout], daemon=True).start()
        threading.Thread(target=lambda: self.errors.extend(self.child.stderr), daemon=True).start()
        self.notes = []

    def send(self, message):
        self.child.stdin.write((message if isinstance(message, str) else json.dumps(message)) + "\n")
        self.child.stdin.flush()

    def answer(self, id):
        """The answer to `id`; what comes before it is kept, or answered."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                line = self.lines.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                return {"timeout": True}
            message = json.loads(line)
            if "method" not in message and message.get("id") == id:
                return message
            if "method" in message and "id" in message:
                self.notes.append(("request", message))
                if message["method"] == "elicitation/create":
                    self.send({"jsonrpc": "2.0", "id": message["id"], "result": {"action": "accept", "content": {"name": "Ada"}}})
                else:
                    self.send({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32601, "message": "no"}})
            else:
                self.notes.append(("note", message))

    def end(self):
        began = time.monotonic()
        self.child.stdin.close()
        try:
            code = self.child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            code = "killed"
        return code, time.monotonic() - began


def call(name, arguments=None, **more):
    return ("tools/call", {"name": name, "arguments": arguments or {}, **more})


INITIALIZE = ("initialize", {"protocolVersion": "2025-11-25", "capabilities": {"elicitation": {}},
                             "clientInfo": {"name": "Compare Script", "version": "1.2.3"}})

# name: (flags, environment, switches before it, steps). A step is (name, method, params), or (name, line) for what is no request.
SCENARIOS = {
    "main": (["--metadata", "TEAM=sre", "--header", "x-tenant=acme", "--profile", "alpha", "beta"], {}, [], [
        ("initialize", *INITIALIZE),
        ("initialized", '{"jsonrpc":"2.0","method":"notifications/initialized"}'),
        ("ping", "ping", None),
        ("list tools", "tools/list", None),
        ("list tools with params", "tools/list", {}),
        ("call", *call("aws___run_script", {"code": "1"})),
        ("error result", *call("failing")),
        ("unknown tool", *call("no_such_tool")),
        ("wrong argument", *call("aws___list_regions", {"oops": 1})),
        ("missing argument", *call("aws___search_documentation")),
        ("image", *call("picture")),
        ("structured", *call("measured")),
        ("progress", *call("progressing", _meta={"progressToken": "p-1"})),
        ("no progress asked", *call("progressing")),
        ("elicitation", *call("asking")),
        ("user meta wins", *call("aws___run_script", {"code": "1"}, _meta={"TEAM": "other", "extra": 1})),
        ("other profile", *call("aws___run_script", {"code": "1", "aws_profile": "beta"})),
        ("default profile named", *call("aws___run_script", {"code": "1", "aws_profile": "alpha"})),
        ("unknown profile", *call("aws___run_script", {"code": "1", "aws_profile": "gamma"})),
        ("profile on another tool", *call("aws___list_regions", {"aws_profile": "beta"})),
        ("list resources", "resources/list", {}),
        ("list templates", "resources/templates/list", {}),
        ("read resource", "resources/read", {"uri": "upstream://welcome"}),
        ("read by template", "resources/read", {"uri": "upstream://regions/eu-west-1"}),
        ("read what is not there", "resources/read", {"uri": "upstream://nowhere"}),
        ("list prompts", "prompts/list", {}),
        ("get prompt", "prompts/get", {"name": "investigate", "arguments": {"service": "ec2"}}),
        ("unknown prompt", "prompts/get", {"name": "nothing"}),
        ("completion", "completion/complete", {"ref": {"type": "ref/prompt", "name": "investigate"}, "argument": {"name": "service", "value": "e"}}),
        ("log level", "logging/setLevel", {"level": "info"}),
        ("unknown method", "no/such", {}),
        ("wrong params", "tools/call", {"arguments": 5}),
        ("malformed line", "{oops"),
        ("alive after it", "ping", None),
    ]),
    "pages": ([], {"AWS_PROFILE": "alpha"}, [{"pages": True}], [("initialize", *INITIALIZE), ("list tools", "tools/list", {})]),
    "read-only": (["--read-only", "--profile", "alpha"], {}, [{"pages": False}], [
        ("initialize", *INITIALIZE),
        ("list tools", "tools/list", {}),
        ("reads", *call("aws___list_regions")),
        ("writes", *call("aws___run_script", {"code": "1"})),
        ("unknown", *call("no_such_tool")),
    ]),
    "old client": (["--profile", "alpha", "--disable-telemetry"], {}, [], [
        ("initialize", "initialize", {**INITIALIZE[1], "protocolVersion": "2024-11-05"}),
        ("call", *call("aws___list_regions")),
    ]),
    "refused": (["--profile", "wrong"], {}, [], [("initialize", *INITIALIZE)]),
    "no credentials": ([], {}, [], [("initialize", *INITIALIZE)]),
    "faults": (["--profile", "alpha", "--tool-timeout", "3"], {}, [], [
        ("initialize", *INITIALIZE),
        ("list tools", "tools/list", {}),
        ("expired", *call("aws___run_script", {"code": "1"}), {"fault": "expired", "on": "tools/call", "count": 2}),
        ("healed", *call("aws___run_script", {"code": "1"})),
        ("unauthorized", *call("aws___run_script", {"code": "1"}), {"fault": "unauthorized", "on": "tools/call"}),
        ("throttled", *call("aws___run_script", {"code": "1"}), {"fault": "throttled", "on": "tools/call"}),
        ("healed again", *call("aws___run_script", {"code": "1"})),
        ("session gone", *call("aws___run_script", {"code": "1"}), {"fault": "session-gone", "on": "tools/call"}),
        ("session lost", *call("aws___run_script", {"code": "1"}), {"fault": "session-lost", "on": "tools/call"}),
        ("healed once more", *call("aws___run_script", {"code": "1"})),
        ("html", *call("aws___run_script", {"code": "1"}), {"fault": "html", "on": "tools/call"}),
        ("redirect", *call("aws___run_script", {"code": "1"}), {"fault": "redirect", "on": "tools/call"}),
        ("hang", *call("aws___run_script", {"code": "1"}), {"fault": "hang", "on": "tools/call"}),
        ("healed in the end", *call("aws___run_script", {"code": "1"})),
    ]),
}


def converse(command, flags, env, steps):
    """What came back for each step, and what else came."""
    proxy = Proxy(command, flags, env)
    answers = {}
    for number, step in enumerate(steps, 1):
        name, rest = step[0], step[1:]
        if len(rest) == 1:
            proxy.send(rest[0])
            continue
        if len(rest) == 3:
            control(**rest[2])
        method, params = rest[:2]
        before = len(proxy.notes)
        message = {"jsonrpc": "2.0", "id": number, "method": method}
        if params is not None:
            message["params"] = params
        proxy.send(message)
        answers[name] = proxy.answer(number)
        answers[name].pop("id", None)
        if proxy.notes[before:]:
            answers[name]["before"] = proxy.notes[before:]
        if len(rest) == 3:
            control(recover=True)
    answers["end"] = proxy.end()
    return answers, proxy.errors


def norm(value):
    """Without what must differ: ids, who the server says it is, FastMCP's own marks, and what is absent or says the same."""
    if isinstance(value, dict):
        value = {k: norm(v) for k, v in value.items() if k not in ("serverInfo", "requestId", "ttlMs", "cacheScope")}
        meta = value.get("_meta")
        if isinstance(meta, dict):
            meta.pop("fastmcp", None)
            # Ours says in `initialize` who is behind it.
            meta.pop("aws-ops-mcp/endpoint", None)
            if not meta:
                del value["_meta"]
        if "method" in value and "id" in value:
            value.pop("id")
        if value.get("isError") is False:
            del value["isError"]
        if value.get("type") == "text" and value["text"].startswith('{"access_key"'):
            told = json.loads(value["text"])
            told["_meta"].pop("progressToken", None)
            told.update(session_id="…", user_agent=told["user_agent"].split(" ")[-1])
            value["text"] = told
        return value
    if isinstance(value, (list, tuple)):
        return [norm(v) for v in value]
    return value


def received():
    """What reached the upstream, without what must differ."""
    out = []
    for request in control()["requests"]:
        headers = dict(request["headers"])
        body = json.loads(request["body"]) if request["body"] else {}
        params = dict(body.get("params") or {})
        meta = dict(params.pop("_meta", None) or {})
        # FastMCP asks for progress whether or not the client did.
        meta.pop("progressToken", None)
        method = body.get("method") or ("answer" if body else request["method"])
        client = headers.get("user-agent", "").split(" ")[-1]
        if client.startswith(("mcp-proxy-for-aws/", "aws-ops-mcp/")):
            client = "nobody"
        if method in ("initialize", "notifications/initialized"):
            # FastMCP names itself, and knows of the client only after this.
            client = None
            params = {"protocolVersion": params.get("protocolVersion")} if params else {}
        scope = headers.get("authorization", "").split("Credential=")[-1].split(",")[0].split("/")
        name = params.get("name") if method in ("tools/call", "prompts/get") else params.get("uri")
        out.append({"what": f"{method} {name}" if name else method, "method": method, "account": request["account"],
                    "scope": [scope[0], *scope[2:]], "tenant": headers.get("x-tenant"), "client": client,
                    "accept": sorted(a.strip() for a in headers.get("accept", "").split(",")) if request["method"] == "POST" else None,
                    "session": "mcp-session-id" in headers, "version": headers.get("mcp-protocol-version"),
                    "has params": "params" in body, "meta": meta, "params": params})
    return out


def sent_differently(scenario, published, ours):
    """Each request that only one side sent, unless its kind is listed."""
    def left(these, those, listed):
        those = [json.dumps(r, sort_keys=True) for r in those]
        for request in these:
            text = json.dumps(request, sort_keys=True)
            if text in those:
                those.remove(text)
            elif request["what"] in listed or request["method"] in listed:
                seen.add(request["what"] if request["what"] in listed else request["method"])
            else:
                yield text
    for side, gone in (("published", left(published, ours, ONLY_PUBLISHED)), ("ours", left(ours, published, ONLY_OURS))):
        for request in gone:
            yield f"{scenario}: only {side} sent {request}"


seen: set[str] = set()


def main():
    wrong, shown = [], set()
    for scenario, (flags, env, switches, steps) in SCENARIOS.items():
        sides = {}
        for side, command in (("published", PUBLISHED), ("ours", OURS)):
            control(clear=True, recover=True)
            for switch in switches:
                control(**switch)
            answers, errors = converse(command, flags, env, steps)
            sides[side] = (answers, received(), errors)
        published, ours = sides["published"], sides["ours"]
        for name in ours[0]:
            if name == "end":
                continue
            a, b = norm(published[0][name]), norm(ours[0][name])
            if a != b:
                key = (scenario, name)
                shown.add(key)
                if key not in DIFFERENCES:
                    wrong.append(f"{scenario} / {name}:\n  published: {json.dumps(a)[:1500]}\n  ours:      {json.dumps(b)[:1500]}")
        if scenario not in ("faults",):
            wrong.extend(sent_differently(scenario, published[1], ours[1]))
        code, took = ours[0]["end"]
        if code != 0 or took > 3:
            wrong.append(f"{scenario}: ours ended with {code} after {took:.1f} s")
        if SHOW:
            for side, (answers, sent, errors) in sides.items():
                print(f"== {scenario}, {side}, ended {answers['end']}")
                for line in sent:
                    print("  ", json.dumps(line))
                print("".join(errors)[-2000:])
    steps = sum(len(steps) for _, _, _, steps in SCENARIOS.values())
    wrong.extend(f"{scenario} / {name} does not differ any more: take it off the list" for scenario, name in DIFFERENCES.keys() - shown)
    wrong.extend(f"{what} is sent by both: take it off the list" for what in (ONLY_PUBLISHED.keys() | ONLY_OURS.keys()) - seen)
    print("\n".join(wrong) or f"{steps} steps in {len(SCENARIOS)} conversations: the same but for {len(shown)} answers and {len(seen)} requests")
    for (scenario, name), reason in DIFFERENCES.items():
        print(f"  {scenario} / {name}: {reason}")
    return wrong


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
