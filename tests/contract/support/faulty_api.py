"""A management API that fails as planned, fast enough for tens of thousands of posts.

A plan lists what happens to the attempts on one connection id, in order; the last step repeats. `arrived`
counts the posts that a connection received, `lost` those of them whose response was lost.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from contextlib import contextmanager
from functools import partial
from urllib.parse import unquote

from tests.contract.support.in_thread import serving_in_thread

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
LAST = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

ARRIVING = {"ok", "chunked", "last", "slow", "reset", "half", "hang"}
LOSING = {"reset", "half", "hang"}


class FaultyApi:
    def __init__(self):
        self.plans: dict[str, list[str]] = {}
        self.attempts = Counter()
        self.arrived = Counter()
        self.lost = Counter()
        self.sizes = Counter()
        self.port = 0
        self.connections = 0
        self.slow_seconds = 0.05

    def step(self, connection_id, size):
        attempt = self.attempts[connection_id]
        self.attempts[connection_id] += 1
        self.sizes[size] += 1
        plan = self.plans.get(connection_id, ["ok"])
        step = plan[min(attempt, len(plan) - 1)]
        self.arrived[connection_id] += step in ARRIVING
        self.lost[connection_id] += step in LOSING
        return step


class _Connection(asyncio.Protocol):
    def __init__(self, api):
        self.api = api
        self.head = b""
        self.pieces: list[bytes] = []
        self.left = -1

    def connection_made(self, transport):
        self.transport = transport
        self.api.connections += 1

    def data_received(self, data):
        if self.left < 0:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return
            head, data = self.head[: end + 2], self.head[end + 4 :]
            self.target = unquote(head.split(b" ", 2)[1].decode()).rpartition("/@connections/")[2]
            self.length = self.left = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            if self.api.plans.get(self.target) == ["early"]:
                self.api.attempts[self.target] += 1
                self.answer("413")
                self.transport.close()
                return
        self.left -= len(data)
        if self.left == 0:
            self.head, self.left = b"", -1
            self.perform(self.api.step(self.target, self.length))

    def perform(self, step):
        match step:
            case "ok":
                self.transport.write(OK)
            case "chunked":
                self.transport.write(CHUNKED)
            case "last":
                self.transport.write(LAST)
                self.transport.close()
            case "slow":
                loop = asyncio.get_running_loop()
                for at in range(0, len(OK), 10):
                    due = self.api.slow_seconds * at / len(OK)
                    loop.call_later(due, self.transport.write, OK[at : at + 10])
            case "reset":
                self.transport.abort()
            case "half":
                self.transport.write(OK[:25])
                self.transport.close()
            case "hang":
                pass
            case status:
                self.answer(status)

    def answer(self, status):
        self.transport.write(f"HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\n{{}}".encode())


@contextmanager
def faulty_api(certificate=None):
    """Serve a FaultyApi on `port`, with TLS where `certificate` is given: its file and its key's."""
    api, context = FaultyApi(), None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)

    connection = partial(_Connection, api)
    with serving_in_thread(asyncio.new_event_loop(), connection, ssl=context, backlog=1024) as api.port:
        yield api
