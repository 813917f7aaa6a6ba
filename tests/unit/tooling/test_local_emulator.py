"""The emulator starts on a port of its own, and who else answers there is not taken for it."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from local_cloud import emulator
from local_cloud.emulator import Emulator, PortTaken
from local_cloud.settings import CloudFailed

# Stands for MiniStack: as it does, it ends where its port is taken, and reports its edition.
FAKE = f"""#!{sys.executable}
import json, os, socket, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

address = "127.0.0.1", int(os.environ["GATEWAY_PORT"])
with socket.socket() as probe:
    if probe.connect_ex(address) == 0:
        sys.exit(1)

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({{"edition": os.environ["MINISTACK_EDITION"]}}).encode())

HTTPServer(address, Handler).serve_forever()
"""


@pytest.fixture(autouse=True)
def fake_emulator(tmp_path, monkeypatch):
    program = tmp_path / "python"
    program.write_text(FAKE)
    program.chmod(0o755)
    monkeypatch.setenv("LOCAL_CLOUD_EMULATOR_PYTHON", str(program))


@pytest.fixture
def other(request):
    """Another cloud's emulator, or a server that is none; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(request.param)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


ANOTHER_CLOUD = json.dumps({"edition": "local-cloud-other", "status": "completed"}).encode()
others = pytest.mark.parametrize("other", [ANOTHER_CLOUD, b"<html>", b"[]"], indirect=True)


def start(state, *, persist=False):
    """Start an emulator and stop it again; return its URL."""

    async def run():
        started = await Emulator.start(
            state, proxy_url="http://127.0.0.1:1", region="eu-west-1", persist=persist, extra={}
        )
        await started.stop()
        return started.url

    state.mkdir(exist_ok=True)
    return asyncio.run(run())


@others
@pytest.mark.parametrize("persist", [False, True])
def test_emulator_gets_another_port_where_a_server_took_its_own(
    tmp_path, monkeypatch, caplog, other, persist
):
    ports = iter([other])
    free_port = emulator.free_port
    monkeypatch.setattr(emulator, "free_port", lambda: next(ports, None) or free_port())

    url = start(tmp_path / "state", persist=persist)

    assert not url.endswith(f":{other}")
    assert f"127.0.0.1:{other} was taken meanwhile by" in caplog.text


@others
def test_restored_emulator_fails_where_a_server_took_the_port_of_its_state(tmp_path, other):
    note = tmp_path / "state" / "emulator" / "port"
    note.parent.mkdir(parents=True)
    note.write_text(str(other))

    with pytest.raises(PortTaken, match=f"127.0.0.1:{other} was taken meanwhile by"):
        start(tmp_path / "state", persist=True)
    assert note.read_text() == str(other)


def test_emulator_that_ends_while_it_starts_is_named_with_its_log(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCAL_CLOUD_EMULATOR_PYTHON", "/bin/false")

    with pytest.raises(CloudFailed, match=r"the emulator ended while it started; see .*emulator\.log"):
        start(tmp_path / "state")
