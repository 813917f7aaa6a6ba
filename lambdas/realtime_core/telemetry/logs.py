"""Structured logs: one line of JSON an event, on stdout, with what the invocation is about bound to it.

    log = get_logger(__name__)

    with bound(connectionId=connection_id, correlationId=request_id):
        log.info("subscribed", topic=topic)

Tokens, secrets and what people say to each other never reach a log: fields of the names in `HIDDEN` are
masked however deep they are, and so is everything that looks like a JWT.

Of LOG_SAMPLE_RATE (0 to 1) of all requests every line is logged, down to DEBUG. Which ones, their correlation
id decides: a request is traced through all functions or through none.
"""

from __future__ import annotations

import binascii
import json
import logging
import os
import re
import sys
import time
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

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

# Built once: json.dumps builds its encoder anew on each call that has options.
_encode = json.JSONEncoder(separators=(",", ":"), default=str, skipkeys=True).encode
_quoted = json.encoder.encode_basestring_ascii
_JWT = re.compile(r"eyJ[\w-]{6,}\.[\w-]+\.[\w-]*")
_PARENT = "service"
_SAMPLED = "sampled"
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
        logger = self._logger
        if logger.isEnabledFor(level):
            logger.log(level, event, exc_info=exception, extra={"fields": fields}, stacklevel=3)
        elif _SAMPLED in _bound.get():
            info = (type(exception), exception, exception.__traceback__) if exception else None
            logger.handle(
                logger.makeRecord(logger.name, level, "", 0, event, (), info, extra={"fields": fields})
            )


def get_logger(name: str) -> Logger:
    """The logger of a module; its level is LOG_LEVEL, or INFO where that is not set."""
    return Logger(logging.getLogger(f"{_PARENT}.{name}"))


class Bound:
    """Adds fields to every line that is logged inside, also by what is called there."""

    # A class, because a generator as context manager takes three times as long.
    __slots__ = ("_fields", "_token")

    def __init__(self, **fields: Any) -> None:
        self._fields = fields

    def __enter__(self) -> None:
        self._token = _bound.set(_with(self._fields))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _bound.reset(self._token)


bound = Bound


def bind(**fields: Any) -> None:
    """Add fields to every further line, until the enclosing `bound` ends."""
    _bound.set(_with(fields))


def _with(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    merged = {**_bound.get(), **fields}
    if _sample_rate and "correlationId" in fields:
        if _is_sampled(fields["correlationId"]):
            merged[_SAMPLED] = True
        else:
            merged.pop(_SAMPLED, None)
    return merged


def _is_sampled(correlation_id: object) -> bool:
    """Whether a request is among the sampled; the same in every function that it passes."""
    return binascii.crc32(str(correlation_id).encode()) < _sample_rate * 2**32


def json_fields(event: str) -> str:
    """The bound fields with the event's name, masked, as the inside of a JSON object."""
    parts = [f'"event":"{event}"']
    for name, value in _bound.get().items():
        shown = MASK if name.lower() in HIDDEN else value
        # Nearly all are strings; the encoder takes longer to begin than to write one.
        parts.append(f'"{name}":{_quoted(shown) if type(shown) is str else _encode(_masked(name, shown))}')
    text = ",".join(parts)
    return _JWT.sub(MASK, text) if "eyJ" in text else text


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
        return _JWT.sub(MASK, _encode(line))


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


def _share(text: str) -> float:
    """LOG_SAMPLE_RATE as a number. What is none is reported by the settings, whose errors need a log."""
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0


_set_up()
_sample_rate = _share(os.environ.get("LOG_SAMPLE_RATE", ""))


def _timestamp(epoch_seconds: float) -> str:
    """A moment in UTC, to the millisecond. Without datetime, whose import costs every cold start 3 ms."""
    seconds, milliseconds = divmod(round(epoch_seconds * 1000), 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{milliseconds:03}+00:00"
