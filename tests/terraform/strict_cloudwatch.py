"""A CloudWatch for Terraform that keeps alarms as they were put, and refuses to delete what AWS refuses.

The emulator of the local cloud refuses too, but returns so little of an alarm in the provider's protocol that
each plan makes its composite alarms again, which hides in what order alarms are deleted.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT, REGION = "000000000000", "eu-central-1"
Tree = dict[str, Any]


class Refused(Exception):
    """The call is refused with this message."""


class StrictCloudWatch:
    """The alarms by name, as the calls of the query protocol left them."""

    def __init__(self) -> None:
        self.metric: dict[str, Tree] = {}
        self.composite: dict[str, Tree] = {}
        self._lock = threading.Lock()

    def answer(self, action: str, parameters: Tree) -> Tree:
        """Carry out a call and return its result. Raises Refused."""
        with self._lock:
            match action:
                case "PutMetricAlarm":
                    self.metric[parameters["AlarmName"]] = _with_arn(parameters)
                case "PutCompositeAlarm":
                    self.composite[parameters["AlarmName"]] = _with_arn(parameters)
                case "DeleteAlarms":
                    self._delete(set(parameters["AlarmNames"]["member"].values()))
                case "DescribeAlarms":
                    return self._describe(list(parameters["AlarmNames"]["member"].values()))
                case "ListTagsForResource":
                    return {"Tags": {}}
                case "GetCallerIdentity":
                    return {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root", "UserId": ACCOUNT}
                case _:
                    raise Refused(f"{action} is not known here")
            return {}

    def _delete(self, names: set[str]) -> None:
        """docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DeleteAlarms.html."""
        for composite in self.composite.values():
            for name in names - {composite["AlarmName"]}:
                if f'"{name}"' in composite["AlarmRule"]:
                    raise Refused(f"Cannot delete {name} as there are composite alarm(s) depending on it.")
        for name in names:
            self.metric.pop(name, None)
            self.composite.pop(name, None)

    def _describe(self, names: list[str]) -> Tree:
        found = {"MetricAlarms": self.metric, "CompositeAlarms": self.composite}
        return {
            kind: {"member": dict(enumerate(alarms[name] for name in names if name in alarms))}
            for kind, alarms in found.items()
        }


def _with_arn(parameters: Tree) -> Tree:
    return {
        **{name: value for name, value in parameters.items() if name != "Tags"},
        "AlarmArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{parameters['AlarmName']}",
    }


def _parse(body: bytes) -> Tree:
    """The parameters of a call: `A.member.1.B=c` is {"A": {"member": {"1": {"B": "c"}}}}."""
    tree: Tree = {}
    for path, value in parse_qsl(body.decode(), keep_blank_values=True):
        *folders, name = path.split(".")
        at = tree
        for folder in folders:
            at = at.setdefault(folder, {})
        at[name] = value
    return tree


def _render(tree: Tree) -> str:
    """Results have the same names as parameters, but repeat `member` instead of numbering it."""
    parts = []
    for name, value in tree.items():
        values = value.values() if name == "member" else [value]
        for each in values:
            inner = _render(each) if isinstance(each, dict) else escape(str(each))
            parts.append(f"<{name}>{inner}</{name}>")
    return "".join(parts)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cloudwatch: StrictCloudWatch

    def do_POST(self) -> None:
        parameters = _parse(self.rfile.read(int(self.headers["content-length"])))
        action = parameters.pop("Action")
        try:
            result = _render(self.cloudwatch.answer(action, parameters))
            status, text = (
                200,
                f"<{action}Response><{action}Result>{result}</{action}Result></{action}Response>",
            )
        except Refused as refused:
            message = escape(str(refused))
            status = 400
            error = f"<Type>Sender</Type><Code>ValidationError</Code><Message>{message}</Message>"
            text = f"<ErrorResponse><Error>{error}</Error></ErrorResponse>"

        content = text.encode()
        self.send_response(status)
        self.send_header("content-type", "text/xml")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def strict_cloudwatch() -> Iterator[tuple[StrictCloudWatch, dict[str, str]]]:
    """Serve one while the block runs; yields it, and the environment that points Terraform to it."""
    cloudwatch = StrictCloudWatch()
    handler = type("Handler", (_Handler,), {"cloudwatch": cloudwatch})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield (
            cloudwatch,
            {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_REGION": REGION,
            },
        )
    finally:
        server.shutdown()
        server.server_close()
