"""See run.sh. Usage: check.py ENGINE, with IMAGE, EMULATOR and SBOM in the environment."""

import io
import json
import os
import re
import struct
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
import zlib

ENGINE = sys.argv[1]
IMAGE = os.environ["IMAGE"]
EMULATOR = os.environ["EMULATOR"]
MOST_BYTES = 40_000_000
BINARY = "aws-ops-mcp"
TOKEN = "image-test-0123456789abcdef0123456789abcdef"
PATIENCE = 60
HARDENED = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"]


def engine(*arguments, check=True, text=True):
    done = subprocess.run([ENGINE, *arguments], capture_output=True, text=text)
    if check and done.returncode:
        sys.exit(f"{ENGINE} {' '.join(arguments)}: {done.stderr or done.stdout}")
    return done


def must(condition, what, found=""):
    if not condition:
        sys.exit(f"image: {what}{f': {found}' if found != '' else ''}")
    print(f"ok: {what}")


def options(*more):
    """What comes before the image's name in `run`: hardened, and through the emulator if there is one."""
    emulated = ["-v", f"{EMULATOR}:/qemu:ro", "--entrypoint", "/qemu"] if EMULATOR else []
    return [*HARDENED, *more, *emulated, IMAGE, *([f"/{BINARY}"] if EMULATOR else [])]


def image_settings():
    image = json.loads(engine("image", "inspect", IMAGE).stdout)[0]
    config = image["Config"]
    must(image["Size"] < MOST_BYTES, f"{image['Size'] / 1e6:.1f} MB, less than {MOST_BYTES / 1e6:.0f}", image["Size"])
    must(config["User"] == "65532:65532", "runs as 65532:65532", config["User"])
    must(config["Entrypoint"] == [f"/{BINARY}"] and config["Cmd"] == ["serve"], "serves by default")
    must("MCP_HOST=0.0.0.0" in config["Env"] and "8000/tcp" in config["ExposedPorts"], "0.0.0.0:8000")
    labels = {k.removeprefix("org.opencontainers.image."): v for k, v in (config["Labels"] or {}).items()}
    with open("Cargo.toml") as manifest:
        version = re.search(r'^version = "(.*)"$', manifest.read(), re.M)[1]
    must(labels.get("version") == version and labels.get("licenses") == "Apache-2.0", "version and licence are labels", labels)
    must({"title", "description", "source", "revision"} <= set(labels), "source and revision are labels", labels)
    return image["Architecture"]


def files():
    container = engine("create", IMAGE).stdout.strip()
    try:
        exported = engine("export", container, text=False).stdout
    finally:
        engine("rm", container)
    binary, programs = None, []
    with tarfile.open(fileobj=io.BytesIO(exported)) as archive:
        for member in archive:
            if not member.isfile():
                continue
            content = archive.extractfile(member).read()
            name = member.name.removeprefix("./")
            if content[:4] == b"\x7fELF" or content[:2] == b"#!":
                programs.append(name)
            if name == BINARY:
                binary = content
                must(member.uid == 0 and not member.mode & 0o022, "its user can't change the binary", oct(member.mode))
    must(programs == [BINARY], "no shell: the binary is the only program", programs)
    return binary


def section(elf, wanted):
    """The content of a section of a 64-bit little-endian ELF file, if it has one."""
    at, = struct.unpack_from("<Q", elf, 0x28)
    size, count, names_index = struct.unpack_from("<HHH", elf, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", elf, at + i * size) for i in range(count)]
    names = headers[names_index][4]
    for name, _, _, _, offset, length in headers:
        start = names + name
        if elf[start:elf.index(b"\0", start)] == wanted:
            return elf[offset:offset + length]
    return None


def contents(binary, architecture):
    machine, = struct.unpack_from("<H", binary, 18)
    must({62: "amd64", 183: "arm64"}.get(machine) == architecture, f"binary and image are {architecture}", machine)
    count, = struct.unpack_from("<H", binary, 56)
    segments = [struct.unpack_from("<I", binary, 64 + i * 56)[0] for i in range(count)]
    must(3 not in segments, "static: it asks for no loader")
    listed = section(binary, b".dep-v0")
    must(listed is not None, "the binary lists its dependencies")
    packages = json.loads(zlib.decompress(listed))["packages"]
    # Macros count as needed for the build only, there; they are in the SBOM all the same.
    listed = {(p["name"], p["version"]) for p in packages}
    must(not [name for name, _ in listed if name.startswith("awsim")], "no sandbox among its dependencies")
    if os.environ["SBOM"]:
        with open(os.environ["SBOM"]) as file:
            described = {(c["name"], c["version"]) for c in json.load(file)["components"]}
        must(described <= listed, f"it lists the SBOM's {len(described)} crates", sorted(described - listed))


def ask(port, path, body=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
        request.add_header("Accept", "application/json, text/event-stream")
        request.add_header("Authorization", f"Bearer {TOKEN}")
        request.add_header("Mcp-Session-Id", "of-the-platform")
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        return response.status, response.read()


def until_healthy(container, port):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            return ask(port, "/healthz")[0]
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    sys.exit(f"image: no answer: {engine('logs', container).stderr}")


def served():
    settings = ["MCP_STATELESS=true", f"MCP_AUTH_TOKEN={TOKEN}", "AWS_EC2_METADATA_DISABLED=true"]
    flags = [part for setting in settings for part in ("-e", setting)]
    arguments = options("-d", "-p", "127.0.0.1::8000", *flags)
    container = engine("run", *arguments, *(["serve"] if EMULATOR else [])).stdout.strip()
    try:
        port = engine("port", container, "8000/tcp").stdout.split()[0].rsplit(":", 1)[1]
        must(until_healthy(container, port) == 200, "/healthz answers, with a read-only root and without capabilities")
        client = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "image", "version": "1"}}
        for method, params in (("initialize", client), ("tools/list", {}),
                               ("tools/call", {"name": "list_accounts", "arguments": {}})):
            status, answer = ask(port, "/mcp", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
            must(status == 200 and "result" in json.loads(answer), f"{method} with a session of somebody else", answer)
        engine("stop", "-t", "30", container)
        state = json.loads(engine("inspect", container).stdout)[0]["State"]
        must(state["ExitCode"] == 0, "SIGTERM ends it with 0", state)
    finally:
        engine("rm", "-f", container, check=False)


def main():
    architecture = image_settings()
    contents(files(), architecture)
    said = engine("run", "--rm", *options(), "--version").stdout
    must(said.startswith(BINARY), said.strip())
    refused = engine("run", "--rm", *options("-e", f"MCP_AUTH_TOKEN={TOKEN}"), "serve", "--sandbox", check=False)
    must(refused.returncode == 2, "serve --sandbox is refused", refused.stderr)
    listed = engine("run", "--rm", *options(), "tools", "--toolsets", "ec2", check=False)
    must("describe_instances" in listed.stdout, "EC2's tools are in it", listed.stderr)
    served()


main()
