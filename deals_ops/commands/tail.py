"""`tail TOPIC`: print events as a client receives them."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from deals_ops.argument_types import (
    STANDARD_INPUT,
    integer_between,
    parse_json_filter,
    parse_topic,
    parse_user_id,
)
from deals_ops.errors import WrongArgument
from deals_ops.formatting import strip_control_characters
from deals_ops.terminal import CommandResult, Terminal
from deals_ops.token_issuer import TOKEN_VARIABLE, StackTokenIssuer
from deals_ops.topic_listener import TopicListener
from realtime_core.wire.strict_json import INTEGER_MAX

if TYPE_CHECKING:
    from argparse import Namespace

    from deals_ops.command_parsers import CommandParsers
    from deals_ops.stack import Stack
    from deals_ops.topic_listener import Frame

USER = "deals-ops"


def add_commands(parsers: CommandParsers) -> None:
    """Add the command."""
    command = parsers.add_command("tail", "print the events of a topic as they arrive, until Ctrl-C")
    command.add_argument("topic", type=parse_topic, metavar="TOPIC", help="all-deals, travel.flights …")
    command.add_argument(
        "--filter", type=parse_json_filter, default={}, metavar="JSON", help="JSON, @FILE, or -"
    )
    command.add_argument(
        "--since",
        type=integer_between(0, INTEGER_MAX),
        metavar="POSITION",
        help="begin with the events after this position",
    )
    command.add_argument("--count", type=integer_between(1, INTEGER_MAX), help="exit after so many events")

    command.add_argument(
        "--token-file",
        metavar="FILE",
        help=f"file with the token to connect with, - for standard input ({TOKEN_VARIABLE}, or a signed one)",
    )
    command.add_argument(
        "--user", type=parse_user_id, default=USER, help=f"user of the token that is signed ({USER})"
    )
    command.set_defaults(run=run)


def run(stack: Stack, arguments: Namespace, terminal: Terminal) -> CommandResult:
    """Print each event as it arrives: one line, or with `--json` the frame."""
    own_token, issuer = _read_own_token(arguments.token_file), StackTokenIssuer(stack)

    def get_token() -> str:
        if own_token:
            return own_token
        # A private topic takes a token that names it.
        return issuer.issue(arguments.user, claims={issuer.claim_names.topics: [arguments.topic]})

    listener = TopicListener(
        stack.websocket_url,
        arguments.topic,
        arguments.filter,
        get_token,
        terminal.print_note,
        arguments.since,
    )
    terminal.print_note(f"listening to {arguments.topic} at {stack.websocket_url}; stop with Ctrl-C")
    for number, frame in enumerate(listener.events(), start=1):
        if terminal.as_json:
            terminal.print_json(frame)
        else:
            terminal.out.print(_format_event(frame), soft_wrap=True)
        if number == arguments.count:
            break
    return CommandResult(None)


def _read_own_token(token_file: str | None) -> str | None:
    """Return the operator's own token, or None. Raises WrongArgument if its file cannot be read."""
    if token_file == STANDARD_INPUT:
        return sys.stdin.read().strip()
    if token_file is None:
        return os.environ.get(TOKEN_VARIABLE, "").strip() or None
    try:
        return Path(token_file).read_text("utf-8").strip()
    except OSError as error:
        raise WrongArgument(f"--token-file: {token_file} cannot be read: {error.strerror}") from error


def _format_event(frame: Frame) -> Text:
    """Format an event as one line: time, position, topic, type and data."""
    sent_at = time.strftime("%H:%M:%S", time.gmtime(frame["timestamp"]))
    data = json.dumps(frame["data"], ensure_ascii=False, separators=(", ", ": "))
    return Text.assemble(
        (sent_at, "dim"),
        " ",
        (f"#{frame['position']}", "cyan"),
        " ",
        (strip_control_characters(frame["topic"]), "bold"),
        f" {strip_control_characters(frame['type'])} {strip_control_characters(data)}",
    )
