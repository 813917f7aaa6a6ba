"""A service whose open connections end as a test says: while they are idle, or at their next request."""

import asyncio
import socket
import ssl
import struct
import threading
from contextlib import contextmanager

from local_cloud.certificates import self_signed
from tests.contract.support.in_thread import serving_in_thread
from tests.contract.support.scripted_service import answer

ENDINGS = ("close", "notify", "reset")
"""FIN alone, FIN after TLS's own farewell (close_notify), and RST."""
ABORT_ON_CLOSE = struct.pack("ii", 1, 0)


def is_whole_http(received):
    head, blank_line, body = received.partition(b"\r\n\r\n")
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    return bool(blank_line) and len(body) >= length


class DyingService:
    """`connections` counts those opened, `requests` the whole requests received.

    Answers are held back until `together` requests have come, so that a test can fill a pool.
    """

    def __init__(self):
        self.port = 0
        self.connections = self.requests = 0
        self.together = 1
        self.response = answer({})
        self.is_whole = is_whole_http
        """Whether the bytes received are a whole request."""
        self.is_tls = False
        self.closes = False
        """Whether a connection is closed after the response."""
        self.open = []
        self.unanswered = []
        self.accepted = threading.Semaphore(0)
        self.received = threading.Event()
        """Set when a whole request has been received."""
        self.loop = asyncio.new_event_loop()

    def wait_for_connections(self, count):
        """Wait until so many have been opened: a client may be connected before the server notices."""
        for _ in range(count):
            assert self.accepted.acquire(timeout=5)

    def end_idle(self, ending):
        """End every open connection now, and wait until that is done."""
        self._perform(lambda connection: connection.end(ending))

    def end_at_next_request(self, ending):
        """Let every open connection end, or HANG, when the next request on it begins."""
        self._perform(lambda connection: setattr(connection, "ending", ending))

    def send_unasked(self, data):
        """Send bytes that nobody asked for over every open connection."""
        self._perform(lambda connection: connection.transport.write(data))

    def _perform(self, step):
        async def perform():
            for connection in list(self.open):
                step(connection)
            await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(perform(), self.loop).result(5)


class _Connection(asyncio.Protocol):
    def __init__(self, service):
        self.service = service
        self.received = b""
        self.ending = None

    def connection_made(self, transport):
        self.transport = transport
        self.service.connections += 1
        self.service.open.append(self)
        self.service.accepted.release()

    def connection_lost(self, _):
        if self in self.service.open:
            self.service.open.remove(self)

    def data_received(self, data):
        if self.ending is not None:
            self.end(self.ending)
            return
        self.received += data
        if not self.service.is_whole(self.received):
            return
        self.received = b""
        self.answer()

    def answer(self):
        service = self.service
        service.requests += 1
        service.received.set()
        service.unanswered.append(self)
        # Read first: the test goes on, and may change it, as soon as it has the response.
        closes = service.closes
        if len(service.unanswered) >= service.together:
            unanswered, service.unanswered, service.together = service.unanswered, [], 1
            for connection in unanswered:
                connection.transport.write(service.response)
                if closes:
                    connection.transport.close()

    def end(self, ending):
        if ending == "hang":
            self.transport.pause_reading()
        elif ending == "notify":
            self.transport.close()
        else:
            if ending == "reset":
                opened = self.transport.get_extra_info("socket")
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT_ON_CLOSE)
            self.transport.abort()


@contextmanager
def dying_service(context=None):
    """Serve a DyingService on `port`, over TLS where a context is given."""
    service = DyingService()

    async def stop(server):
        server.close()
        for connection in list(service.open):
            connection.transport.abort()
        for _ in range(3):  # a transport over TLS ends after the one below it
            await asyncio.sleep(0)

    serving = serving_in_thread(service.loop, lambda: _Connection(service), stop=stop, ssl=context)
    with serving as service.port:
        yield service


@contextmanager
def dying_service_by(kind, folder, monkeypatch):
    """Serve a DyingService by "tls", with a certificate that the client trusts, or by "plain" TCP."""
    context = None
    if kind == "tls":
        certificate = self_signed(folder)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate[0]))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
    with dying_service(context) as service:
        service.is_tls = context is not None
        yield service
