"""Lambda's Invoke on a real socket, in front of a function that the test provides."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ACCEPTED = {"statusCode": 200, "body": json.dumps({"broadcast": "success"})}


class Failed(Exception):
    """The function raised; `kind` is its errorType."""

    def __init__(self, kind):
        super().__init__(kind)
        self.kind = kind


class Throttled(Exception):
    """Lambda did not run the function."""


class LambdaEndpoint:
    """`events` are the accepted events in their order; `tries` are all events that it was invoked with,
    `invokes` its payloads.

    `function` takes an event and returns the response; it may raise Failed and Throttled.
    """

    def __init__(self, url):
        self.url = url
        self.events = []
        self.tries = []
        self.invokes = []
        self.function = lambda event: ACCEPTED
        self.running = self.most_at_once = 0
        self.lock = threading.Lock()

    def ids(self):
        return [event["data"].get("n") for event in list(self.events)]

    def invoke(self, payload):
        """The answer to an event, or to an envelope, of which the function is called with each event."""
        self.invokes.append(payload)
        if "events" not in payload:
            return self._invoke(payload)
        results = [json.loads(self._invoke(event)["body"]) for event in payload["events"]]
        return {"statusCode": 200, "body": json.dumps({"broadcast": "success", "results": results})}

    def _invoke(self, event):
        with self.lock:
            self.tries.append(event)
            self.running += 1
            self.most_at_once = max(self.most_at_once, self.running)
        try:
            response = self.function(event)
        finally:
            with self.lock:
                self.running -= 1
        if response["statusCode"] == 200:
            with self.lock:
                self.events.append(event)
        return response


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def lambda_endpoint():
    """Serve a LambdaEndpoint."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self):
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, headers = 200, {}
            try:
                response = endpoint.invoke(event)
            except Failed as error:
                response, headers = {"errorType": error.kind}, {"X-Amz-Function-Error": "Unhandled"}
            except Throttled:
                response, status = {"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"}, 429
            body = json.dumps(response).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    endpoint = LambdaEndpoint(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()


def slow(seconds):
    """A function that takes this long."""

    def function(event):
        time.sleep(seconds)
        return ACCEPTED

    return function
