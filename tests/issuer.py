"""An issuer of tokens: private keys, and a real HTTP server that publishes the public ones."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

MAKE = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


def public_jwk(algorithm, private, **members):
    """The public key as an entry of a key set; `members` such as `kid`, `use`, `alg`."""
    return {**get_default_algorithms()[algorithm].to_jwk(private.public_key(), as_dict=True), **members}


class Issuer:
    """Signs tokens, publishes a key set, and counts who asks for it."""

    def __init__(self):
        self.private = {}
        self.published = []
        self.requests = 0
        self.answer = None
        """Writes something else than the key set, given the request's handler."""

    def add_key(self, key_id, algorithm="ES256"):
        """Make a key and publish it."""
        self.private[key_id] = (algorithm, MAKE[algorithm]())
        self.published.append(public_jwk(*self.private[key_id], kid=key_id, use="sig", alg=algorithm))

    def withdraw(self, key_id):
        """Publish a key no longer; it can still sign."""
        self.published = [one for one in self.published if one["kid"] != key_id]

    def token(self, key_id, user_id="ann", *, kid=..., now=None, **claims):
        """A token signed by one of the keys; `kid=None` leaves it out of the header."""
        algorithm, private = self.private[key_id]
        now = int(time.time()) if now is None else now
        usual = {"sub": user_id, "iat": now, "exp": now + 3600, "scope": "websocket"}
        named = key_id if kid is ... else kid
        return jwt.encode({**usual, **claims}, private, algorithm, {"kid": named} if named else None)


@contextmanager
def serving(issuer, port=0):
    """Publish the issuer's keys on 127.0.0.1; yields the URL. Ends at once, whatever is being answered."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            issuer.requests += 1
            if issuer.answer is not None:
                issuer.answer(self)
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
            """Whoever hung up is what the test is about."""

    server = Server(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/keys.json"
    finally:
        server.shutdown()
        server.server_close()
