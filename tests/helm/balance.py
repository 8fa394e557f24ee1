"""Two replicas behind nginx, which does what the chart's annotations for ingress-nginx ask of it.

Usage: balance.py BINARY NGINX DIRECTORY, the directory being run.sh's. The replicas are sandboxes.
"""

import http.client
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import yaml

from serve import INITIALIZE, TOKEN, environment, free_port, status

TIMES = 10
CONFIG = """
daemon off; worker_processes 1; pid {directory}/pid; error_log {directory}/error.log; events {{}}
http {{
  access_log off; client_body_temp_path {directory}/1; proxy_temp_path {directory}/2; fastcgi_temp_path {directory}/3;
  uwsgi_temp_path {directory}/4; scgi_temp_path {directory}/5;
  upstream replicas {{ {hash} server 127.0.0.1:{ports[0]}; server 127.0.0.1:{ports[1]}; }}
  server {{
    listen 127.0.0.1:{port}; client_max_body_size {notes[proxy-body-size]};
    location / {{
      proxy_pass http://replicas; proxy_http_version {notes[proxy-http-version]}; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_buffering {notes[proxy-buffering]}; proxy_read_timeout {notes[proxy-read-timeout]}s;
    }}
  }}
}}
"""


def sent(port, host, method, path, message=None):
    """The connection and the answer, of which the headers are there."""
    headers = {"Host": host, "Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json",
               "Accept": "application/json, text/event-stream"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, json.dumps(message) if message else None, headers)
    return connection, connection.getresponse()


def event(answer):
    """The data of a stream's next event."""
    while True:
        line = answer.readline().decode()
        assert line, "the stream ended"
        if line.startswith("data:"):
            return line[5:].strip()


def over_sse(port, host):
    """Whether a message reaches its stream, and its answer comes."""
    stream, answer = sent(port, host, "GET", "/sse")
    post, accepted = sent(port, host, "POST", event(answer), INITIALIZE)
    arrived = accepted.status == 202 and json.loads(event(answer))["id"] == 1
    stream.close(), post.close()
    return arrived


def over_mcp(port, host):
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_secrets", "arguments": {"account": "production"}}}
    post, answer = sent(port, host, "POST", "/mcp", call)
    succeeded = answer.status == 200 and json.loads(answer.read())["result"]["structuredContent"]["success"]
    post.close()
    return succeeded


def trial(binary, nginx, objects, hashed):
    """How many of TIMES get through over /sse, and over /mcp."""
    container = next(o for o in objects if o["kind"] == "Deployment")["spec"]["template"]["spec"]["containers"][0]
    notes = next(o for o in objects if o["kind"] == "Ingress")["metadata"]["annotations"]
    notes = {k.removeprefix("nginx.ingress.kubernetes.io/"): v for k, v in notes.items()}
    host = next(o for o in objects if o["kind"] == "Ingress")["spec"]["rules"][0]["host"]
    with tempfile.TemporaryDirectory() as directory:
        port, ports, running = free_port(), [free_port(), free_port()], []
        config = pathlib.Path(directory, "nginx.conf")
        by = f"hash {notes['upstream-hash-by']} consistent;" if hashed else ""
        config.write_text(CONFIG.format(directory=directory, hash=by, port=port, ports=ports, notes=notes))
        quiet = {"cwd": directory, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        try:
            for replica in ports:
                env = environment(objects, container, directory, replica) | {"SHUTDOWN_DRAIN": "off", "CALLER_RATE": "off"}
                running.append(subprocess.Popen([binary, "serve", "--sandbox"], env=env, **quiet))
            running.append(subprocess.Popen([nginx, "-c", config, "-p", directory, "-e", f"{directory}/error.log"], **quiet))
            until = time.monotonic() + 20
            while any(status(p, "/readyz", host) != 200 for p in [*ports, port]):
                assert time.monotonic() < until, pathlib.Path(directory, "error.log").read_text()
                time.sleep(0.1)
            return sum(over_sse(port, host) for _ in range(TIMES)), sum(over_mcp(port, host) for _ in range(TIMES))
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait()


if __name__ == "__main__":
    binary, nginx, out = sys.argv[1:]
    objects = [o for o in yaml.safe_load_all(pathlib.Path(out, "ingress-nginx.yaml").read_text()) if o]
    hashed, spread = trial(binary, nginx, objects, True), trial(binary, nginx, objects, False)
    print(f"two replicas behind nginx: /sse {hashed[0]}, /mcp {hashed[1]} of {TIMES}; without the hash {spread[0]} and {spread[1]}")
    assert hashed == (TIMES, TIMES), "the annotations keep a token's stream and messages together"
    assert spread[0] < TIMES and spread[1] == TIMES, "without them only /mcp works, or the test above shows nothing"
