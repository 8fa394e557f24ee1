"""The replicas, and the load balancers in front of them."""

import asyncio
import pathlib
import secrets
import signal
import time

import wire

# As for Ctrl-C: whoever ends a script ends what it started.
signal.signal(signal.SIGTERM, signal.default_int_handler)
# As long after a SIGTERM as Kubernetes takes to tell its proxies, in seconds.
ENDPOINTS = 0.1
CALLERS = {f"caller{n}": secrets.token_hex(32) for n in range(32)}
# The load is meant to meet restarts, not limits.
SETTINGS = {
    "TOOLSETS": "all",
    "MCP_AUTH_TOKENS": ",".join(f"{name}={token}" for name, token in CALLERS.items()),
    "ACCOUNT_STAGING_ROLE_ARN": "arn:aws:iam::333333333333:role/aws-ops-target",
    "MCP_STATELESS": "true", "SHUTDOWN_DRAIN": "2s", "SHUTDOWN_GRACE": "20s", "LOG_FORMAT": "json",
    "ASSUME_ROLE_RATE": "off", "CALLER_RATE": "off", "CALLER_WRITE_RATE": "off", "MAX_IN_FLIGHT_PER_CALLER": "off",
    "MAX_READS_IN_FLIGHT": "off", "MAX_WRITES_IN_FLIGHT": "off",
}


class Replica:
    """One process of the real binary, on the same port after each start."""

    def __init__(self, binary, env, directory, name):
        self.binary, self.env, self.directory, self.name = binary, env, pathlib.Path(directory), name
        self.port, self.process, self.up = wire.free_port(), None, False

    async def start(self):
        env = SETTINGS | self.env | {"MCP_PORT": str(self.port), "HOME": str(self.directory)}
        with (self.directory / f"{self.name}.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                self.binary, "serve", env=env, cwd=self.directory, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + 30
        while await wire.status(self.port, "/readyz") != 200:
            assert self.process.returncode is None and time.monotonic() < until, self.log()
            await asyncio.sleep(0.05)
        return self

    def log(self):
        return f"{self.name} is not ready; its log ends with:\n" + (self.directory / f"{self.name}.log").read_text()[-2000:]

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    async def stopped(self):
        """Until it has ended by itself; its exit code."""
        async with asyncio.timeout(40):
            return await self.process.wait()

    async def kill(self):
        if self.process and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


class Nginx:
    """Has no health checks of its own, so it is told, as ingress controllers are by Kubernetes. What has been sent is not sent again:
    `proxy_next_upstream` leaves POST alone by default. `max_fails=0` is ingress-nginx's default. A reload closes clients' idle connections, so clients don't keep theirs."""

    keep = False

    def __init__(self, program, replicas, directory):
        self.program, self.replicas, self.directory = program, list(replicas), pathlib.Path(directory)
        self.port, self.there, self.noticed = wire.free_port(), list(replicas), []

    def configure(self):
        servers = " ".join(f"server 127.0.0.1:{r.port} max_fails=0;" for r in self.there)
        (self.directory / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; pid {self.directory}/nginx.pid; error_log {self.directory}/nginx.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path {self.directory}/1; proxy_temp_path {self.directory}/2; fastcgi_temp_path {self.directory}/3;
  uwsgi_temp_path {self.directory}/4; scgi_temp_path {self.directory}/5;
  upstream replicas {{ {servers} keepalive 32; }}
  server {{
    listen 127.0.0.1:{self.port}; client_max_body_size 4m;
    location / {{
      proxy_pass http://replicas; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_buffering off; proxy_read_timeout 120s; proxy_send_timeout 120s;
    }}
  }}
}}
""")

    async def __aenter__(self):
        self.configure()
        self.process = await asyncio.create_subprocess_exec(
            self.program, "-c", self.directory / "nginx.conf", "-p", self.directory, "-e", self.directory / "nginx.log",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL)
        await answers(self)
        return self

    async def __aexit__(self, *_):
        self.process.terminate()
        await self.process.wait()

    def reload(self):
        self.configure()
        self.process.send_signal(signal.SIGHUP)

    async def leaves(self, replica):
        began = time.monotonic()
        await asyncio.sleep(ENDPOINTS)
        self.there.remove(replica)
        self.reload()
        self.noticed.append(time.monotonic() - began)

    async def comes(self, replica):
        if replica not in self.there:
            self.there.append(replica)
            self.reload()
        await asyncio.sleep(0.3)


class Haproxy:
    """Asks /readyz itself, as an ALB does, and finds out by itself. A request that was sent is not sent again (`retry-on conn-failure`)."""

    keep = True

    def __init__(self, program, replicas, directory):
        self.program, self.replicas, self.directory = program, list(replicas), pathlib.Path(directory)
        self.port, self.socket, self.noticed = wire.free_port(), self.directory / "haproxy.sock", []

    async def __aenter__(self):
        servers = "\n  ".join(f"server {r.name} 127.0.0.1:{r.port} check" for r in self.replicas)
        (self.directory / "haproxy.cfg").write_text(f"""
global
  stats socket {self.socket}
defaults
  mode http
  timeout connect 2s
  timeout client 120s
  timeout server 120s
  retries 2
  retry-on conn-failure
  option redispatch
frontend clients
  bind 127.0.0.1:{self.port}
  default_backend replicas
backend replicas
  balance roundrobin
  option httpchk
  http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host localhost
  timeout check 2s
  default-server inter 100ms fall 2 rise 1
  {servers}
""")
        self.process = await asyncio.create_subprocess_exec(
            self.program, "-db", "-f", self.directory / "haproxy.cfg", stdout=asyncio.subprocess.DEVNULL,
            stderr=(self.directory / "haproxy.log").open("wb"))
        await answers(self)
        return self

    async def __aexit__(self, *_):
        self.process.terminate()
        await self.process.wait()

    async def leaves(self, replica):
        self.noticed.append(await self.until(replica, False))

    async def comes(self, replica):
        """Until its check has passed: as a rollout waits for the ALB with pod readiness gates."""
        await self.until(replica, True)

    async def until(self, replica, up):
        """The seconds until its checks say so."""
        began = time.monotonic()
        while (passed := time.monotonic() - began) < 10:
            reader, writer = await asyncio.open_unix_connection(self.socket)
            writer.write(b"show servers state replicas\n")
            states = [text.split() for text in (await reader.read()).decode().splitlines()[2:] if text.strip()]
            writer.close()
            if any(s[3] == replica.name and (s[5] == "2") == up for s in states):
                return passed
            await asyncio.sleep(0.05)
        raise AssertionError(f"haproxy does not see that {replica.name} is {'up' if up else 'down'}")


async def answers(balancer):
    until = time.monotonic() + 10
    while await wire.status(balancer.port, "/readyz") != 200:
        assert balancer.process.returncode is None and time.monotonic() < until, f"{balancer.program} does not answer"
        await asyncio.sleep(0.05)
    for replica in balancer.replicas:
        await balancer.comes(replica)
