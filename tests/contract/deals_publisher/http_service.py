"""A publish API on a real HTTP server, which answers as a test says and remembers what it was asked."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Asked(NamedTuple):
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    body: Any
    client: tuple[str, int]
    """Address and port of the connection."""


class Answered(NamedTuple):
    """What is answered; None cuts the connection instead."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] | None = None


class HttpService:
    """Answers with `answer`, a function of the request; publishes everything by default."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/v1/events"
        self.asked: list[Asked] = []
        self.connections: list[socket.socket] = []
        self.answer: Callable[[Asked], Answered | None] = lambda asked: Answered(200, published(asked.body))

    def hang_up(self) -> None:
        """Close all connections, as a server does with idle ones."""
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def published(body: Any) -> dict[str, Any]:
    """What the service answers where everything is published."""
    if "events" in body:
        return {"broadcast": "success", "results": [published(event) for event in body["events"]]}
    return {
        "broadcast": "success",
        "eventId": body["eventId"],
        "position": 7,
        "delivered": 1,
        "queued": 0,
        "total": 1,
    }


@contextmanager
def serving() -> Iterator[HttpService]:
    """Serve on a free port of this machine until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            service.connections.append(self.connection)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.path, headers, body, self.client_address)
            service.asked.append(asked)
            answered = service.answer(asked)
            if answered is None:
                self.close_connection = True
                self.connection.close()
                return
            content = (
                answered.body if isinstance(answered.body, bytes) else json.dumps(answered.body).encode()
            )
            self.send_response(answered.status)
            for name, value in (answered.headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    service = HttpService(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
