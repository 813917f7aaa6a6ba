"""`tail TOPIC`: watch events arrive, as a client gets them."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from rich.text import Text

from deals_ops.argument_types import json_filter, topic, user_id, whole
from deals_ops.terminal import Answer, Screen, plain
from deals_ops.token_issuer import VARIABLE, Signer, given_token
from deals_ops.topic_listener import Listener
from realtime_core.domain.jsontext import INTEGER_MAX

if TYPE_CHECKING:
    from argparse import Namespace

    from deals_ops.main import Registrar
    from deals_ops.stack import Stack
    from deals_ops.topic_listener import Frame

USER = "deals-ops"


def register(to: Registrar) -> None:
    """Add the command."""
    command = to.command("tail", "watch events of a topic arrive, until Ctrl-C")
    command.add_argument("topic", type=topic, metavar="TOPIC", help="all-deals, or such as travel.flights")
    command.add_argument("--filter", type=json_filter, default={}, metavar="JSON", help="JSON, @FILE, or -")
    command.add_argument(
        "--since", type=whole(0, INTEGER_MAX), metavar="POSITION", help="first what came after a position"
    )
    command.add_argument("--count", type=whole(1, INTEGER_MAX), help="end after so many events")
    command.add_argument(
        "--token-file",
        metavar="FILE",
        help=f"a token to connect with, - is standard input ({VARIABLE}, else one signed here)",
    )
    command.add_argument("--user", type=user_id, default=USER, help=f"whose token to sign ({USER})")
    command.set_defaults(run=run)


def run(stack: Stack, arguments: Namespace, screen: Screen) -> Answer:
    """Print events as they come: a line each, with `--json` the frame as it is."""
    given, signer = given_token(arguments.token_file), Signer(stack)

    def token() -> str:
        return given or signer.token(arguments.user)

    listener = Listener(
        stack.websocket_url, arguments.topic, arguments.filter, token, screen.note, arguments.since
    )
    screen.note(f"listening to {arguments.topic} at {stack.websocket_url}; Ctrl-C ends it")
    for number, frame in enumerate(listener.events(), start=1):
        if screen.as_json:
            screen.line(frame)
        else:
            screen.out.print(_line(frame), soft_wrap=True)
        if number == arguments.count:
            break
    return Answer(None)


def _line(frame: Frame) -> Text:
    """An event on a line: when, which position, what."""
    when = time.strftime("%H:%M:%S", time.gmtime(frame["timestamp"]))
    data = json.dumps(frame["data"], ensure_ascii=False, separators=(", ", ": "))
    return Text.assemble(
        (when, "dim"),
        " ",
        (f"#{frame['position']}", "cyan"),
        " ",
        (plain(frame["topic"]), "bold"),
        f" {plain(frame['type'])} {plain(data)}",
    )
