"""What arguments may be: argparse types that say what is wrong, by the rules of the service itself."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from realtime_core.domain.fields import IDENTIFIER
from realtime_core.domain.filters import parse_filter
from realtime_core.domain.jsontext import loads
from realtime_core.domain.topics import topic_problem
from realtime_core.errors import ValidationFailed

if TYPE_CHECKING:
    from collections.abc import Callable

STANDARD_INPUT = "-"
# API Gateway's ids are base64 of some bytes, so they end in "=", which no user id may hold.
_CONNECTION = re.compile(r"[A-Za-z0-9_+/-]{8,126}={1,2}")
_AGE = re.compile(r"(\d{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def is_connection(text: str) -> bool:
    """Whether a name is a connection's id rather than a user's."""
    return bool(_CONNECTION.fullmatch(text))


def connection_id(text: str) -> str:
    """The id of a connection."""
    if is_connection(text):
        return text
    raise argparse.ArgumentTypeError(f'{text!r} is no connection id: they end in "=", as in Kx2vTfVroAMCJlg=')


def user_id(text: str) -> str:
    """The id of a user."""
    if IDENTIFIER.fullmatch(text):
        return text
    raise argparse.ArgumentTypeError(f"{text!r} is no user id: 1 to 128 letters, digits and . _ : @ | -")


def user_or_connection(text: str) -> str:
    """Either; `is_connection` tells which."""
    return text if is_connection(text) else user_id(text)


def event_id(text: str) -> str:
    """The id of an event."""
    if IDENTIFIER.fullmatch(text):
        return text
    raise argparse.ArgumentTypeError(f"{text!r} is no event id: 1 to 128 letters, digits and . _ : @ | -")


def topic(text: str) -> str:
    """A topic."""
    if problem := topic_problem(text):
        raise argparse.ArgumentTypeError(f"{text!r} {problem}")
    return text


def json_object(text: str) -> dict[str, Any]:
    """A JSON object, as it is, from a file (`@FILE`), or from standard input (`-`)."""
    source = _source(text)
    try:
        value = loads(source)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"this is {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError('a JSON object is needed, such as {"price": 45}')
    return value


def json_filter(text: str) -> dict[str, Any]:
    """A filter of a subscription."""
    value = json_object(text)
    try:
        parse_filter(value, "filter")
    except ValidationFailed as error:
        raise argparse.ArgumentTypeError(error.message) from error
    return value


def duration(text: str) -> int:
    """A length of time such as 30m, in seconds."""
    if found := _AGE.fullmatch(text):
        return int(found[1]) * _SECONDS[found[2]]
    raise argparse.ArgumentTypeError(f"{text!r} is no length of time: use 90s, 30m, 12h or 2d")


def whole(minimum: int, maximum: int) -> Callable[[str], int]:
    """A whole number in a range."""

    def read(text: str) -> int:
        if text.isascii() and text.isdigit() and minimum <= int(text) <= maximum:
            return int(text)
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {minimum} to {maximum}")

    return read


def _source(text: str) -> str:
    if text == STANDARD_INPUT:
        return sys.stdin.read()
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{text[1:]} cannot be read: {error}") from error
