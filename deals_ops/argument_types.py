"""argparse types that apply the service's own rules and explain what is wrong with an argument."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from realtime_core.errors import ValidationFailed
from realtime_core.filters.filters import parse_filter
from realtime_core.wire.fields import IDENTIFIER
from realtime_core.wire.strict_json import loads
from realtime_core.wire.topics import topic_problem

if TYPE_CHECKING:
    from collections.abc import Callable

STANDARD_INPUT = "-"
# API Gateway's connection ids are base64 and end in "=", which no user id can contain.
_CONNECTION_ID = re.compile(r"[A-Za-z0-9_+/-]{8,126}={1,2}")
_DURATION = re.compile(r"(\d{1,6})([smhd])")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def is_connection_id(text: str) -> bool:
    """Whether the text is a connection id rather than a user id."""
    return bool(_CONNECTION_ID.fullmatch(text))


def parse_connection_id(text: str) -> str:
    """Parse a connection id."""
    if is_connection_id(text):
        return text
    raise argparse.ArgumentTypeError(
        f'{text!r} is not a connection id: those end in "=", for example Kx2vTfVroAMCJlg='
    )


def parse_user_id(text: str) -> str:
    """Parse a user id."""
    return _parse_identifier(text, "user id")


def parse_event_id(text: str) -> str:
    """Parse an event id."""
    return _parse_identifier(text, "event id")


def parse_user_or_connection_id(text: str) -> str:
    """Parse a user id or a connection id; `is_connection_id` tells them apart."""
    return text if is_connection_id(text) else parse_user_id(text)


def parse_topic(text: str) -> str:
    """Parse a topic."""
    if problem := topic_problem(text):
        raise argparse.ArgumentTypeError(f"{text!r} {problem}")
    return text


def parse_json_object(text: str) -> dict[str, Any]:
    """Parse a JSON object: the text itself, the contents of a file (`@FILE`), or standard input (`-`)."""
    source = _read_source(text)
    try:
        value = loads(source)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"this is {error}") from error

    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError('a JSON object is needed, such as {"price": 45}')
    return value


def parse_json_filter(text: str) -> dict[str, Any]:
    """Parse a subscription filter, given as in `parse_json_object`."""
    value = parse_json_object(text)
    try:
        parse_filter(value, "filter")
    except ValidationFailed as error:
        raise argparse.ArgumentTypeError(error.message) from error
    return value


def parse_duration(text: str) -> int:
    """Parse a duration such as 30m; returns seconds."""
    if match := _DURATION.fullmatch(text):
        return int(match[1]) * _UNIT_SECONDS[match[2]]
    raise argparse.ArgumentTypeError(f"{text!r} is not a duration: use 90s, 30m, 12h or 2d")


def integer_between(minimum: int, maximum: int) -> Callable[[str], int]:
    """Return a parser of whole numbers from `minimum` to `maximum`, both included."""

    def parse(text: str) -> int:
        if text.isascii() and text.isdigit() and minimum <= int(text) <= maximum:
            return int(text)
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {minimum} to {maximum}")

    return parse


def _parse_identifier(text: str, kind: str) -> str:
    if IDENTIFIER.fullmatch(text):
        return text
    raise argparse.ArgumentTypeError(
        f"{text!r} is not a valid {kind}: use 1 to 128 letters, digits and . _ : @ | -"
    )


def _read_source(text: str) -> str:
    if text == STANDARD_INPUT:
        return sys.stdin.read()
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{text[1:]} cannot be read: {error}") from error
