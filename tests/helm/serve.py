"""Starts the server with the variables of each rendered case, asks it what a kubelet and clients ask, and ends it as Kubernetes does.

Usage: serve.py BINARY DIRECTORY, the directory being run.sh's. Nothing is asked of AWS.
"""

import concurrent.futures
import json
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import yaml

# For Secrets that the case says exist.
TOKEN = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize",
              "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "chart", "version": "1"}}}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def status(port, path, host, token=None):
    """The HTTP status, or None where nobody answers."""
    headers = {"Host": host, "Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = json.dumps(INITIALIZE).encode() if path == "/mcp" else None
    try:
        with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers), timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def environment(objects, container, directory, port):
    """The container's variables, with Secrets and mounts filled in as the kubelet would."""
    secrets = {}
    for o in objects:
        if o["kind"] == "Secret":
            secrets[o["metadata"]["name"]] = o["stringData"]
    registries = [o for o in objects if o["kind"] == "ConfigMap" and o["metadata"]["name"].endswith("-registry")]
    env = {}
    for variable in container["env"]:
        name, reference = variable["name"], variable.get("valueFrom", {}).get("secretKeyRef")
        if reference:
            given = f"alice={TOKEN[1:]}7" if name == "MCP_AUTH_TOKENS" else TOKEN
            env[name] = secrets.get(reference["name"], {}).get(reference["key"], given)
        else:
            env[name] = variable["value"]
    if "ACCOUNT_REGISTRY" in env:
        file = pathlib.Path(directory, "accounts.json")
        file.write_text(registries[0]["data"]["accounts.json"] if registries else '[{"name": "a", "id": "222222222222"}]')
        env["ACCOUNT_REGISTRY"] = str(file)
    return env | {"MCP_HOST": "127.0.0.1", "MCP_PORT": str(port)}


def run(binary, path):
    objects = [o for o in yaml.safe_load_all(path.read_text()) if o]
    deployment = next(o for o in objects if o["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    container = pod["containers"][0]
    service = f"{deployment['metadata']['name']}.ops:8000"
    with tempfile.TemporaryDirectory() as directory:
        port = free_port()
        env = environment(objects, container, directory, port)
        log = pathlib.Path(directory, "log")
        with log.open("w") as stderr:
            server = subprocess.Popen([binary, *container["args"]], env=env, cwd=directory, stderr=stderr, stdout=subprocess.DEVNULL)
        try:
            until = time.monotonic() + 20
            while status(port, "/readyz", "localhost") != 200 and server.poll() is None and time.monotonic() < until:
                time.sleep(0.1)
            said = lambda: f"{path.stem}: {log.read_text()[:2000]}"
            assert server.poll() is None, said()
            token = env["MCP_AUTH_TOKEN"] if "MCP_AUTH_TOKEN" in env else env["MCP_AUTH_TOKENS"].split(",")[0].split("=")[1]
            # The kubelet names the pod's address; clients the Service or the public name.
            assert status(port, container["readinessProbe"]["httpGet"]["path"], "10.0.0.5:8000") == 200, said()
            assert status(port, container["livenessProbe"]["httpGet"]["path"], "10.0.0.5:8000") == 200, said()
            # There is no Redis here: a session can't be opened, and the answer says so.
            opens = 503 if "STATE_URL" in env else 200
            assert status(port, "/mcp", service, token) == opens, said()
            assert status(port, "/mcp", service) == 401, said()
            assert status(port, "/mcp", "evil.example.com", token) == 403, said()
            if "PUBLIC_URL" in env:
                assert status(port, "/mcp", env["PUBLIC_URL"].removeprefix("https://"), token) == opens, said()
            server.send_signal(signal.SIGTERM)
            asked = time.monotonic()
            if env["SHUTDOWN_DRAIN"] != "off":
                while status(port, "/readyz", "localhost") == 200 and time.monotonic() < asked + 2:
                    time.sleep(0.05)
                assert status(port, "/readyz", "localhost") == 503, "still accepts, and is not ready"
            assert server.wait(pod["terminationGracePeriodSeconds"]) == 0, said()
            assert token not in log.read_text()
        finally:
            server.kill()
            server.wait()
    return path.stem


def metrics(binary, out):
    """Has the server do a bit of everything on its own AWS accounts, and writes what a scrape then finds, for promtool to judge."""
    port, scraped = free_port(), free_port()
    env = {"MCP_PORT": str(port), "METRICS_PORT": str(scraped), "MCP_AUTH_TOKEN": TOKEN, "AWS_MCP_ENDPOINT": "off", "TOOLSETS": "all"}
    with tempfile.TemporaryDirectory() as directory:
        server = subprocess.Popen([binary, "serve", "--sandbox"], env=env, cwd=directory, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            until = time.monotonic() + 20
            while status(port, "/readyz", "localhost") != 200 and time.monotonic() < until:
                time.sleep(0.1)
            assert status(port, "/mcp", "localhost", TOKEN) == 200 and status(port, "/mcp", "localhost") == 401
            headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
            for name, arguments in [
                ("list_buckets", {"accounts": ["all"]}),
                ("get_secret_value", {"account": "production", "secret_id": "payments/db/primary"}),
                ("delete_object", {"account": "production", "bucket": "acme-prod-config-222222222222", "key": "flags.json"}),
                ("list_buckets", {"account": "nobody"}),
            ]:
                message = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
                request = urllib.request.Request(f"http://127.0.0.1:{port}/mcp", json.dumps(message).encode(), headers)
                urllib.request.urlopen(request, timeout=20).read()
            with urllib.request.urlopen(f"http://127.0.0.1:{scraped}/metrics", timeout=5) as answer:
                text = answer.read().decode()
        finally:
            server.kill()
            server.wait()
    for expected in ('tool="list_buckets"', 'outcome="access_denied"', 'outcome="ok"'):
        assert expected in text, f"{expected} is not in what was scraped:\n{text}"
    pathlib.Path(out, "live.metrics").write_text(text)


if __name__ == "__main__":
    binary, out = sys.argv[1:]
    metrics(binary, out)
    files = sorted(pathlib.Path(out).glob("*.yaml"))
    with concurrent.futures.ThreadPoolExecutor(len(files)) as pool:
        print("served with the variables of:", *pool.map(lambda p: run(binary, p), files))
