"""A fake DynamoDB and SQS for one topic: `event_tables.py CERTIFICATE KEY SUBSCRIBERS FILTERS`.

Prints its port. Holds the same subscriptions twice: in the items of connections, as the guide does, and in
groups, as this service does. Accepts every write, and returns the queued messages at `/queued`. Its responses
are built in advance, so that it adds little to the measured time.
"""

from __future__ import annotations

import json
import re
import ssl
import sys
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from realtime_core.filters.filters import parse_filter
from tests.bench.matching import filters

TOPIC = "deals"
PAGE_BYTES = 1024 * 1024
_PARTITION = re.compile(rb'":(?:shard|topic)": ?\{"S": ?"([^"]+)"')
_START = re.compile(rb'"ExclusiveStartKey": ?\{.*?"S": ?"([^"]+)"')


def value(plain: Any) -> dict[str, Any]:
    """Return a value in DynamoDB's JSON."""
    match plain:
        case bool():
            return {"BOOL": plain}
        case int():
            return {"N": str(plain)}
        case str():
            return {"S": plain}
        case list():
            return {"L": [value(element) for element in plain]}
        case dict():
            return {"M": {name: value(member) for name, member in plain.items()}}
    raise TypeError(type(plain))


def pages(items: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Yield the responses that hold the items, one for each page; the key of a page is its number."""
    page_items: list[list[str]] = [[]]
    size = 0
    for item in items:
        text = json.dumps(item, separators=(",", ":"))
        if size + len(text) > PAGE_BYTES:
            page_items.append([])
            size = 0
        page_items[-1].append(text)
        size += len(text)
    for number, texts in enumerate(page_items, 1):
        last = (
            f',"LastEvaluatedKey":{{"connectionId":{{"S":"{number}"}}}}' if number < len(page_items) else ""
        )
        yield f'{{"Items":[{",".join(texts)}],"Count":{len(texts)}{last}}}'.encode()


class Tables:
    """The stored items as responses, and the queued messages."""

    def __init__(self, subscribers: int, distinct: int) -> None:
        raws = filters(distinct)
        ids = [f"L0SM{number:08}FvH=" for number in range(subscribers)]
        self.scan = list(
            pages(
                {
                    "connectionId": {"S": connection_id},
                    "userId": {"S": f"user-{number}"},
                    "connectedAt": {"N": "1795382480"},
                    "subscriptions": value({TOPIC: {"filters": raws[number % distinct]}}),
                }
                for number, connection_id in enumerate(ids)
            )
        )

        groups = [
            {"sk": {"S": str(number)}, "f": {"S": parse_filter(raw).canonical}, "n": {"N": "1"}}
            for number, raw in enumerate(raws)
        ]
        self.queries = {f"t#{TOPIC}": list(pages(groups))}
        for number in range(distinct):
            members = ({"sk": {"S": connection_id}} for connection_id in ids[number::distinct])
            self.queries[f"g#{number}#0"] = list(pages(members))
        self.empty = list(pages([]))

        self.position = 0
        self.queued: list[str] = []

    def respond(self, operation: str, body: bytes) -> bytes:
        """Return the response to an operation."""
        match operation:
            case "Scan" | "Query":
                partition = _PARTITION.search(body)
                responses = self.queries.get(partition[1].decode(), self.empty) if partition else self.scan
                start = _START.search(body)
                return responses[int(start[1]) if start else 0]
            case "UpdateItem" if b"SET n = if_not_exists" in body:
                self.position += 1
                return json.dumps({"Attributes": {"n": {"N": str(self.position)}}}).encode()
            case "UpdateItem" if b"ALL_NEW" in body:
                return b'{"Attributes":{}}'
            case "BatchGetItem":
                return b'{"Responses":{}}'
            case "SendMessageBatch":
                entries = json.loads(body)["Entries"]
                self.queued += [entry["MessageBody"] for entry in entries]
                return json.dumps({"Successful": [{"Id": entry["Id"]} for entry in entries]}).encode()
        return b"{}"


class Handler(BaseHTTPRequestHandler):
    """Answers AWS's JSON protocol."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    tables: Tables

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self._send(self.tables.respond(self.headers["x-amz-target"].rpartition(".")[2], body))

    def do_GET(self) -> None:
        queued, self.tables.queued = self.tables.queued, []
        self._send(json.dumps(queued).encode())

    def _send(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    certificate, key, subscribers, distinct = sys.argv[1:]
    Handler.tables = Tables(int(subscribers), int(distinct))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
