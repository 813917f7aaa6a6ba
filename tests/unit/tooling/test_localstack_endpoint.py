"""Where `make test-local` runs its tests: where LOCALSTACK_ENDPOINT says, or nowhere."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / ".ci" / "localstack_endpoint.py"
IDENTITY = b"<R><GetCallerIdentityResult><Account>000000000000</Account></GetCallerIdentityResult></R>"
REFUSAL = b"<R><Error><Code>InvalidClientTokenId</Code></Error></R>"


def ask(endpoint):
    environment = {**os.environ, "LOCALSTACK_ENDPOINT": endpoint}
    return subprocess.run(
        [sys.executable, SCRIPT], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def cloud(request):
    """A cloud that gives every request one status."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            body = REFUSAL if request.param == 403 else IDENTITY
            self.send_response(request.param)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("cloud", [200, 403], indirect=True)
def test_endpoint_that_answers_is_taken_even_if_it_refuses_the_keys(cloud):
    asked = ask(f"{cloud}/")

    assert (asked.returncode, asked.stdout) == (0, cloud)


def test_without_an_endpoint_a_local_cloud_is_started():
    asked = ask("")

    assert (asked.returncode, asked.stdout, asked.stderr) == (0, "", "")


def test_endpoint_that_is_named_and_does_not_answer_is_an_error_with_the_remedy():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        asked = ask(f"http://127.0.0.1:{unused.getsockname()[1]}")

    assert (asked.returncode, asked.stdout) == (1, "")
    assert "does not answer" in asked.stderr
    assert "unset it" in asked.stderr
