"""An issuer of tokens: private keys, and an HTTP server that publishes the public ones."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

KEY_GENERATORS = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


def public_jwk(algorithm, private, **members):
    """Return the public key as an entry of a key set, with `members` such as `kid`, `use`, `alg`."""
    return {**get_default_algorithms()[algorithm].to_jwk(private.public_key(), as_dict=True), **members}


class Issuer:
    """Signs tokens, publishes a key set, and counts the requests for it."""

    def __init__(self):
        self.private = {}
        self.published = []
        self.requests = 0
        self.request_headers = {}
        self.respond = None
        """Called with the request's handler, to write another response than the key set."""

    def add_key(self, key_id, algorithm="ES256"):
        """Create a key and publish it."""
        self.private[key_id] = (algorithm, KEY_GENERATORS[algorithm]())
        self.published.append(public_jwk(*self.private[key_id], kid=key_id, use="sig", alg=algorithm))

    def withdraw_key(self, key_id):
        """Stop publishing a key; it can still sign."""
        self.published = [key for key in self.published if key["kid"] != key_id]

    def token(self, key_id, user_id="ann", *, kid=..., now=None, **claims):
        """Return a token signed with one of the keys; `kid=None` leaves `kid` out of the header."""
        algorithm, private = self.private[key_id]
        now = int(time.time()) if now is None else now
        defaults = {"sub": user_id, "iat": now, "exp": now + 3600, "scope": "websocket"}
        header_kid = key_id if kid is ... else kid
        return jwt.encode(
            {**defaults, **claims}, private, algorithm, {"kid": header_kid} if header_kid else None
        )


@contextmanager
def serve(issuer, port=0):
    """Publish the issuer's keys on 127.0.0.1 and yield the URL; stops without waiting for open requests."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            issuer.requests += 1
            issuer.request_headers = dict(self.headers)
            if issuer.respond is not None:
                issuer.respond(self)
                return
            body = json.dumps({"keys": issuer.published}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_):
            """Stay quiet: tests close connections on purpose."""

    server = Server(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/keys.json"
    finally:
        server.shutdown()
        server.server_close()
