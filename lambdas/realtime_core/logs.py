"""Structured logs: one line of JSON an event, on stdout, with what the invocation is about bound to it.

    log = get_logger(__name__)

    with bound(connectionId=connection_id, correlationId=request_id):
        log.info("subscribed", topic=topic)

Tokens, secrets and what people say to each other never reach a log: fields of the names in `HIDDEN` are
masked however deep they are, and so is everything that looks like a JWT.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

HIDDEN = frozenset(
    {
        "authorization",
        "body",
        "content",
        "cookie",
        "data",
        "jwt",
        "message",
        "password",
        "payload",
        "secret",
        "token",
    }
)
MASK = "[hidden]"
# Outside limit: CloudWatch cuts a log event at 256 KB; a stack says enough in much less.
STACK_CHARS_MAX = 8_000

_JWT = re.compile(r"eyJ[\w-]{6,}\.[\w-]+\.[\w-]*")
_PARENT = "service"
_bound: ContextVar[Mapping[str, Any]] = ContextVar("bound", default={})  # noqa: B039 - never changed in place


class Logger:
    """Logs events: a fixed name in snake_case, and fields in camelCase."""

    __slots__ = ("_logger",)

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, event: str, /, **fields: Any) -> None:
        """Log what only helps to find a fault."""
        self._log(logging.DEBUG, event, fields)

    def info(self, event: str, /, **fields: Any) -> None:
        """Log what happened as it should."""
        self._log(logging.INFO, event, fields)

    def warning(self, event: str, /, **fields: Any) -> None:
        """Log what the service dealt with, but someone may want to know of."""
        self._log(logging.WARNING, event, fields)

    def error(self, event: str, /, **fields: Any) -> None:
        """Log a fault of ours."""
        self._log(logging.ERROR, event, fields)

    def exception(self, event: str, /, **fields: Any) -> None:
        """Log a fault of ours, with the exception that is being handled."""
        self._log(logging.ERROR, event, fields, sys.exc_info()[1])

    def _log(
        self, level: int, event: str, fields: Mapping[str, Any], exception: BaseException | None = None
    ) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, event, exc_info=exception, extra={"fields": fields}, stacklevel=3)


def get_logger(name: str) -> Logger:
    """The logger of a module; its level is LOG_LEVEL, or INFO where that is not set."""
    return Logger(logging.getLogger(f"{_PARENT}.{name}"))


@contextmanager
def bound(**fields: Any) -> Iterator[None]:
    """Add fields to every line that is logged inside, also by what is called there."""
    token = _bound.set({**_bound.get(), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


def bind(**fields: Any) -> None:
    """Add fields to every further line, until the enclosing `bound` ends."""
    _bound.set({**_bound.get(), **fields})


class JsonFormatter(logging.Formatter):
    """One line of JSON for a record. Fields of the call win over bound ones; none replaces the first four."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {
            "timestamp": _timestamp(record.created),
            "level": record.levelname,
            "event": record.getMessage(),
            "logger": record.name.removeprefix(f"{_PARENT}."),
        }
        for name, value in {**_bound.get(), **getattr(record, "fields", {})}.items():
            line.setdefault(name, _masked(name, value))
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = _exception(record.exc_info[1])
        return _JWT.sub(MASK, json.dumps(line, separators=(",", ":"), default=str, skipkeys=True))


class _Stdout(logging.Handler):
    """Writes to whatever stdout is now: Lambda's runtime and tests replace it after import."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stdout.write(self.format(record) + "\n")
            sys.stdout.flush()
        except Exception:  # noqa: BLE001 - a log line is never worth the invocation
            self.handleError(record)


def _masked(name: str, value: Any) -> Any:
    if name.lower() in HIDDEN:
        return MASK
    if isinstance(value, Mapping):
        return {str(inner): _masked(str(inner), one) for inner, one in value.items()}
    if isinstance(value, list | tuple):
        return [_masked("", one) for one in value]
    return value


def _exception(exception: BaseException) -> dict[str, str]:
    stack = "".join(traceback.format_exception(exception))
    return {"type": type(exception).__name__, "reason": str(exception), "stack": stack[-STACK_CHARS_MAX:]}


def _set_up() -> None:
    parent = logging.getLogger(_PARENT)
    level = os.environ.get("LOG_LEVEL", "").strip()
    # A level that is none is reported by the settings, whose errors need a log to go to.
    parent.setLevel(level if level in logging.getLevelNamesMapping() else logging.INFO)
    # Lambda's own handler, on the root logger, would print every line a second time.
    parent.propagate = False
    handler = _Stdout()
    handler.setFormatter(JsonFormatter())
    parent.handlers = [handler]


_set_up()


def _timestamp(epoch_seconds: float) -> str:
    """A moment in UTC, to the millisecond. Without datetime, whose import costs every cold start 3 ms."""
    seconds, milliseconds = divmod(round(epoch_seconds * 1000), 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{milliseconds:03}+00:00"
