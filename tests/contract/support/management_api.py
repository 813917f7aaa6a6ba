"""A management API (@connections) on a real socket that answers as a test says."""

import threading
from collections import defaultdict
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

RESET = 0
"""Close the connection instead of answering."""


class ManagementApi:
    """`answers[connection_id]` lists the statuses of the next requests; the last repeats. 200 by default."""

    def __init__(self):
        self.answers = {}
        self.received = defaultdict(list)
        self.requests = []
        self.delay_seconds = 0.0
        self.pause = threading.Event()
        self.lock = threading.Lock()

    def answer(self, method, connection_id, body):
        with self.lock:
            self.requests.append((method, connection_id))
            statuses = self.answers.get(connection_id, [200])
            status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
            if status == 200 and method == "POST":
                self.received[connection_id].append(body.decode())
        if self.delay_seconds:
            self.pause.wait(self.delay_seconds)
        return status


@contextmanager
def management_api():
    """Serve a ManagementApi. Yields it and its endpoint."""
    api = ManagementApi()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            stage, _, connection_id = self.path.removeprefix("/").partition("/@connections/")
            status = api.answer(self.command, unquote(connection_id), body) if stage == "live" else 403
            if status == RESET:
                self.close_connection = True
                return
            body = b"{}" if (self.command, status) == ("GET", 200) else b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - the names that http.server calls

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield api, f"http://127.0.0.1:{server.server_port}/live"
    finally:
        api.pause.set()
        server.shutdown()
        server.server_close()
        thread.join()
