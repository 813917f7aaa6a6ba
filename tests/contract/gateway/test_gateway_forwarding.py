"""What becomes of a call whose answer the emulator does not give, or not to the end.

Clients repeat such calls, so nothing is sent twice by the proxy itself, no half answer reaches a client, and
the log says which answer was lost. A scripted server stands for the emulator.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import logging
import socket

import pytest

from local_cloud.daemon import serve
from local_cloud.gateway.backend import Backend

pytestmark = pytest.mark.local_only("AWS has no proxy")

AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=AKIA/20261127/eu-west-1/{}/aws4_request, SignedHeaders=host, Signature=00"
)
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
HALF = b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nhalf"
LONG_HALF = b"HTTP/1.1 200 OK\r\ncontent-length: 600000\r\n\r\n" + b"x" * 300_000


class ScriptedEmulator:
    """Answers each request with the next of `answers`, then ends the connection unless it is whole."""

    def __init__(self):
        self.answers, self.requests, self.connections = [], [], 0

    async def serve(self, reader, writer):
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                if "content-length:" in head.lower():
                    length = head.lower().partition("content-length:")[2].partition("\r\n")[0]
                    await reader.readexactly(int(length))
                self.requests.append(head.partition(" HTTP")[0])
                answer = self.answers.pop(0) if self.answers else WHOLE
                writer.write(answer)
                await writer.drain()
                if answer is not WHOLE:
                    break
        writer.close()


@pytest.fixture
async def emulator():
    scripted = ScriptedEmulator()
    async with await asyncio.start_server(scripted.serve, "127.0.0.1", 0) as server:
        scripted.server, scripted.port = server, server.sockets[0].getsockname()[1]
        yield scripted


@pytest.fixture
async def ask(emulator):
    """Ask through the proxy as a client of a service; returns status and body."""
    listener = socket.create_server(("127.0.0.1", 0))
    async with contextlib.AsyncExitStack() as stack:
        backend = Backend(f"http://127.0.0.1:{emulator.port}", "eu-west-1")
        await serve(stack, listener, backend, None, {})

        def call(method, service):
            connection = http.client.HTTPConnection(*listener.getsockname(), timeout=10)
            headers = {"Authorization": AUTHORIZATION.format(service)}
            connection.request(method, "/thing", body=b"{}" if method == "POST" else None, headers=headers)
            response = connection.getresponse()
            return response.status, response.read()

        yield lambda method="POST", service="lambda": asyncio.to_thread(call, method, service)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_call_whose_answer_is_lost_is_sent_once_and_logged(emulator, ask, caplog, method):
    emulator.answers = [b""]

    status, body = await ask(method)

    assert (status, emulator.requests) == (503, [f"{method} /thing"])
    assert b"The emulator did not answer" in body
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert f"lambda * {method} /thing: its answer was lost after" in record.getMessage()


async def test_read_is_repeated_where_its_connection_was_lost(emulator, ask):
    emulator.answers = [b""]

    assert await ask("GET") == (200, b"ok")
    assert len(emulator.requests) == 2


async def test_short_answer_that_is_cut_becomes_an_error_as_a_whole(emulator, ask, caplog):
    emulator.answers = [HALF]

    status, body = await ask()

    assert status == 503
    assert b"half" not in body
    assert "its answer was lost" in caplog.text


async def test_long_answer_that_is_cut_is_cut_for_the_client_and_logged(emulator, ask, caplog):
    emulator.answers = [LONG_HALF]

    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        await ask("GET")
    assert "the emulator did not answer, after" in caplog.text


async def test_calls_that_create_something_share_no_connection(emulator, ask):
    for _ in range(3):
        assert await ask() == (200, b"ok")
    assert emulator.connections == 3


@pytest.mark.parametrize(("method", "service"), [("POST", "logs"), ("POST", "monitoring"), ("GET", "lambda")])
async def test_frequent_calls_and_reads_share_a_connection(emulator, ask, method, service):
    for _ in range(3):
        assert await ask(method, service) == (200, b"ok")
    assert emulator.connections == 1


async def test_emulator_that_is_gone_lost_no_answer(emulator, ask, caplog):
    emulator.server.close()

    status, _ = await ask()

    assert status == 503
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "its answer was lost" not in caplog.text
