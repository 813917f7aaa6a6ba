"""A service on a real socket that answers as a test scripts it, byte by byte."""

import json
import socket
import threading
from contextlib import contextmanager, suppress


class Scripted:
    """`script` lists the steps for the next requests: bytes to send, a list of such pieces, CLOSE or HANG.

    The last step repeats. `requests` are the (headers, body) received, `connections` how many were opened.
    """

    CLOSE = object()
    """Close the connection instead of answering."""
    HANG = object()
    """Send nothing."""

    def __init__(self, url):
        self.url = url
        self.script = [answer({})]
        self.requests = []
        self.connections = 0
        self.closing = []
        """The answers (from 1) after which the connection is closed."""
        self._answered = 0
        self.lock = threading.Lock()

    def step(self, headers, body):
        with self.lock:
            self.requests.append((headers, body))
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def count_answer(self):
        """Count an answer. Returns how many there were."""
        with self.lock:
            self._answered += 1
            return self._answered


def answer(value, status=200, **headers):
    """Return a whole response."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    lines = "".join(f"{name.replace('_', '-')}: {text}\r\n" for name, text in headers.items())
    return f"HTTP/1.1 {status} Some Reason\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


def error(code, status=400, **more):
    """Return an error response as AWS sends it."""
    return answer({"__type": f"com.amazonaws.x#{code}", "message": "quoted: secret", **more}, status)


def _serve(service, connection):
    """Answer the requests of one connection."""
    reader = connection.makefile("rb")
    with suppress(OSError):
        while head := _head(reader):
            headers = dict(line.lower().split(": ", 1) for line in head[1:])
            step = service.step(headers, reader.read(int(headers["content-length"])))
            if step is Scripted.CLOSE:
                break
            if step is Scripted.HANG:
                continue
            for piece in step if isinstance(step, list) else [step]:
                connection.sendall(piece)
            if service.count_answer() in service.closing:
                break
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)  # the reader keeps the socket open
    connection.close()


@contextmanager
def scripted_service(context=None):
    """Serve a Scripted, over TLS where a context is given."""
    listener = socket.create_server(("127.0.0.1", 0))
    service = Scripted(f"http{'s' * bool(context)}://127.0.0.1:{listener.getsockname()[1]}")
    opened = []

    def run(connection):
        with suppress(OSError):
            secured = context.wrap_socket(connection, server_side=True) if context else connection
            opened.append(secured)
            _serve(service, secured)

    def accept():
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                service.connections += 1
                threading.Thread(target=run, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield service
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in opened:
            connection.close()


def _head(reader):
    lines = []
    while line := reader.readline():
        if line == b"\r\n":
            return lines
        lines.append(line.decode().rstrip("\r\n"))
    return None
