"""A fake DynamoDB with one shard in pages of 1 MB: `member_pages.py CERTIFICATE KEY MEMBERS MILLISECONDS`.

Prints its port. Every shard has the same members. A query returns a page of them, whatever its key: of ids if
it has a projection, else of whole items; a statement a page of ids with keys. The query for changes that are
pending for an index returns none.
"""

from __future__ import annotations

import json
import re
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PAGE_BYTES = 1024 * 1024
ITEM_BYTES = 95
"""As DynamoDB counts: names and values of pk, sk, e and expires_at."""
_START = re.compile(rb'"ExclusiveStartKey": ?\{.*?"sk": ?\{"S": ?"(\d+)"')


def pages(members: int) -> list[tuple[bytes, bytes]]:
    """Return for each page its body with ids alone, and with whole items."""
    key = {"pk": {"S": "g#EvX6lYkq2k9Yt1nQm3dB#0"}}
    items = [
        {"sk": {"S": f"L{number:014}="}, "e": {"N": "1795386080"}, "expires_at": {"N": "1795390280"}, **key}
        for number in range(members)
    ]
    size = PAGE_BYTES // ITEM_BYTES

    bodies = []
    for start in range(0, members, size):
        page = items[start : start + size]
        last_key = (
            {"LastEvaluatedKey": {**key, "sk": {"S": str(len(bodies) + 1)}}} if start + size < members else {}
        )
        counts = {"Count": len(page), "ScannedCount": len(page), **last_key}
        ids = [{"sk": item["sk"]} for item in page]
        bodies.append(
            tuple(
                json.dumps({"Items": content, **counts}, separators=(",", ":")).encode()
                for content in (ids, page)
            )
        )
    return bodies


def statement_page(request: dict[str, Any], members: int) -> bytes:
    """Return the page of ids with keys that a statement continues at."""
    keys = [value["S"] for value in request["Parameters"] if "S" in value]
    start, size = int(request.get("NextToken", "0")), PAGE_BYTES // ITEM_BYTES
    places = range(start, min(start + size, len(keys) * members))
    items = ",".join(
        f'{{"pk":{{"S":"{keys[place // members]}"}},"sk":{{"S":"L{place:014}="}}}}' for place in places
    )
    more = f',"NextToken":"{places.stop}"' if places.stop < len(keys) * members else ""
    return f'{{"Items":[{items}]{more}}}'.encode()


class Handler(BaseHTTPRequestHandler):
    """Answers a query with the page that it continues at."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    pages: list[tuple[bytes, bytes]]
    members: int
    delay_s: float

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers["x-amz-target"].endswith(".ExecuteStatement"):
            page = statement_page(json.loads(body), self.members)
        else:
            start = _START.search(body)
            page = self.pages[int(start[1]) if start else 0][b"ProjectionExpression" not in body]
        if b'":partition"' in body:
            page = b'{"Items":[],"Count":0,"ScannedCount":0}'
        time.sleep(self.delay_s)
        self.send_response(200)
        self.send_header("content-length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    certificate, key, members, milliseconds = sys.argv[1:]
    Handler.pages, Handler.members = pages(int(members)), int(members)
    Handler.delay_s = int(milliseconds) / 1000
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
