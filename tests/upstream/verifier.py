"""Tells whether botocore would have signed a request as somebody did.

POST {"method", "url", "headers": [[name, value], …], "body": base64, "access_key", "secret", "token"} → {"ok": true} or
{"ok": false, "why": …} with the canonical request and the string to sign that botocore makes of it. The port is the argument.
"""

import base64
import datetime
import hashlib
import hmac
import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

SKEW = datetime.timedelta(minutes=5)
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,]+)/(\d{8})/([^/,]+)/([^/,]+)/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;_-]+), ?Signature=([0-9a-f]{64})"
)


class Auth(SigV4Auth):
    """Signs the headers that the signer says it signed; which these should be is checked below."""

    def __init__(self, credentials, service, region, names):
        super().__init__(credentials, service, region)
        self.names = names

    def headers_to_sign(self, request):
        headers = HTTPHeaders()
        for name, value in request.headers.items():
            if name.lower() in self.names:
                headers[name.lower()] = value
        return headers


def check(asked):
    """Why the signature isn't botocore's; None if it is."""
    headers = HTTPHeaders()
    for name, value in asked["headers"]:
        headers[name] = value
    body = base64.b64decode(asked["body"])

    found = AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if not found:
        return "There is no Authorization header of the form that SigV4 gives it."
    access_key, day, region, service, names, signature = found.groups()
    names = names.split(";")
    if names != sorted(set(names)):
        return f"The signed headers aren't in order: {names}"
    missing = [n for n in names if n not in headers]
    if missing:
        return f"Headers were signed that aren't there: {missing}"
    unsigned = [n for n in map(str.lower, headers.keys()) if (n == "host" or n.startswith("x-amz-")) and n not in names]
    if unsigned:
        return f"Headers must be signed that aren't: {unsigned}"
    if access_key != asked["access_key"]:
        return f"The key is {access_key}, not {asked['access_key']}."
    if headers.get("x-amz-security-token") != asked["token"]:
        return "The session token isn't the credentials' own."
    date = headers.get("x-amz-date", "")
    if not re.fullmatch(r"\d{8}T\d{6}Z", date) or not date.startswith(day):
        return f"X-Amz-Date is {date!r}, the scope's day is {day}."
    signed_at = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    if abs(datetime.datetime.now(datetime.timezone.utc) - signed_at) > SKEW:
        return f"It was signed at {date}, which is too far from now."
    digest = headers.get("x-amz-content-sha256")
    if digest is not None and digest != hashlib.sha256(body).hexdigest():
        return "X-Amz-Content-SHA256 isn't the body's digest."

    request = AWSRequest(method=asked["method"], url=asked["url"], data=body)
    request.headers = headers
    request.context["timestamp"] = date
    auth = Auth(Credentials(access_key, asked["secret"], asked["token"]), service, region, names)
    canonical = auth.canonical_request(request)
    text = auth.string_to_sign(request, canonical)
    if not hmac.compare_digest(auth.signature(text, request), signature):
        return (
            f"The Canonical String for this request should have been\n'{canonical}'\n\n"
            f"The String-to-Sign should have been\n'{text}'"
        )
    return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """How often it said yes and no, so that whoever started it sees that it was asked."""
        self.reply({"yes": self.server.answers[True], "no": self.server.answers[False]})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        try:
            why = check(asked)
        except Exception as error:  # What botocore can't read, it can't have signed.
            why = f"{type(error).__name__}: {error}"
        with self.server.lock:
            self.server.answers[why is None] += 1
        self.reply({"ok": why is None, "why": why})

    def reply(self, answer):
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    server.lock = threading.Lock()
    server.answers = {True: 0, False: 0}
    server.serve_forever()
