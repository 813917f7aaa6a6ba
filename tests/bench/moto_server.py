"""moto on a socket, for clients that are not botocore's."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.awsrequest import AWSPreparedRequest
from moto.core.models import botocore_stubber

_one_call_at_a_time = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    """Hands each request to moto as if botocore had made it; the signature names the service."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        service, region = self.headers["authorization"].split("/")[3:1:-1]
        status, content = (200, b"") if service == "execute-api" else self._ask(service, region, body)
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _ask(self, service, region, body):
        host = f"{service}.{region}.amazonaws.com"
        request = AWSPreparedRequest(
            "POST", f"https://{host}{self.path}", {**self.headers, "host": host}, body, stream_output=False
        )
        # DynamoDB does each call at once or not at all; moto alone does not, when threads call it.
        with _one_call_at_a_time:
            answer = botocore_stubber("before-send.made.up", request)
            return answer.status_code, answer.content

    def log_message(self, *_):
        pass


def serve(certificate=None):
    """Serve moto, which `mock_aws` must have switched on, until the process ends; the URL.

    Posts to all connections are accepted. `certificate` is the files of one and its key.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}"
