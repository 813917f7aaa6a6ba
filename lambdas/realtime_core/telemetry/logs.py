"""Structured logs: each event is one line of JSON on stdout, with the fields that the invocation has bound.

    log = get_logger(__name__)

    with bound(connectionId=connection_id, correlationId=request_id):
        log.info("subscribed", topic=topic)

Tokens, secrets and message contents never reach a log: fields with a name in `HIDDEN` are masked at any
depth, and so is every text that looks like a JWT.

A share of requests (LOG_SAMPLE_RATE, 0 to 1) is logged in full, down to DEBUG. The hash of the correlation id
selects them, so every function selects the same requests.
"""

from __future__ import annotations

import binascii
import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from functools import lru_cache
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

# Built once: json.dumps builds another encoder for each call that has options.
_encode = json.JSONEncoder(separators=(",", ":"), default=str, skipkeys=True).encode
_quoted = json.encoder.encode_basestring_ascii
_JWT = re.compile(r"eyJ[\w-]{6,}\.[\w-]+\.[\w-]*")
_PARENT = "service"
_SAMPLED = "sampled"
_bound: ContextVar[Mapping[str, Any]] = ContextVar("bound", default={})  # noqa: B039 - never changed in place
_sample_rate = 0.0
_has_debug_lines = False
"""Whether a line of the level DEBUG may be written, by the level or by the sample."""


class Logger:
    """Logs events: a fixed name in snake_case, and fields in camelCase."""

    __slots__ = ("_logger",)

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, event: str, /, **fields: Any) -> None:
        """Log a step that only helps to find a fault."""
        # Checked here as well: an action has several such lines, and hardly one of them is written.
        if _has_debug_lines:
            self._log(logging.DEBUG, event, fields)

    def info(self, event: str, /, **fields: Any) -> None:
        """Log something that happened as it should."""
        self._log(logging.INFO, event, fields)

    def warning(self, event: str, /, **fields: Any) -> None:
        """Log a problem that the service has dealt with."""
        self._log(logging.WARNING, event, fields)

    def error(self, event: str, /, **fields: Any) -> None:
        """Log a fault of the service."""
        self._log(logging.ERROR, event, fields)

    def exception(self, event: str, /, **fields: Any) -> None:
        """Log a fault of the service, with the exception that is being handled."""
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
    """Return the logger of a module; its level is INFO until `configure` sets another."""
    return Logger(logging.getLogger(f"{_PARENT}.{name}"))


class Bound:
    """Adds fields to every line that is logged inside the block, also by the functions that it calls."""

    # A class: a generator as a context manager takes three times as long.
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
    """Add fields to every later line, until the enclosing `bound` ends."""
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
    """Whether a request is logged in full; every function comes to the same answer."""
    return binascii.crc32(str(correlation_id).encode()) < _sample_rate * 2**32


def json_fields(event: str) -> str:
    """Return the bound fields and the event's name, masked, as a JSON object without its braces."""
    parts = [f'"event":"{event}"']
    for name, value in _bound.get().items():
        # Nearly all are strings, and the encoder takes longer to start than to write one.
        if type(value) is str and not _is_hidden(name):
            parts.append(f'"{name}":{_quoted(value)}')
        else:
            parts.append(f'"{name}":{_encode(_masked(name, value))}')
    text = ",".join(parts)
    return _JWT.sub(MASK, text) if "eyJ" in text else text


@lru_cache(maxsize=256)
def _is_hidden(name: str) -> bool:
    """Whether the values of a field are hidden. The names of fields are in the code, and so are few."""
    return name.lower() in HIDDEN


class JsonFormatter(logging.Formatter):
    """Formats a record as JSON. A call's fields override bound ones; none overrides the first four."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without its newline."""
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
    """Writes to the current sys.stdout: Lambda's runtime and tests replace it after import."""

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
        return {str(key): _masked(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked("", item) for item in value]
    return value


def _exception(exception: BaseException) -> dict[str, str]:
    stack = "".join(traceback.format_exception(exception))
    return {"type": type(exception).__name__, "reason": str(exception), "stack": stack[-STACK_CHARS_MAX:]}


def configure(*, level: str = "INFO", sample_rate: float = 0.0) -> None:
    """Set the level (a name, as LOG_LEVEL has it) and the share of requests that are logged in full."""
    # They belong to the process, as the standard library's levels do.
    global _sample_rate, _has_debug_lines  # noqa: PLW0603
    logging.getLogger(_PARENT).setLevel(level)
    _sample_rate = sample_rate
    _has_debug_lines = sample_rate > 0 or logging.getLogger(_PARENT).isEnabledFor(logging.DEBUG)


def _attach_handler() -> None:
    # Lambda's runtime sets the root's level to that from which Lambda lets lines pass. That is DEBUG, with
    # which libraries would log whatever they have.
    logging.getLogger().setLevel(logging.WARNING)

    parent = logging.getLogger(_PARENT)
    # Lambda's own handler, on the root logger, would print every line a second time.
    parent.propagate = False
    handler = _Stdout()
    handler.setFormatter(JsonFormatter())
    parent.handlers = [handler]


_attach_handler()
configure()


def _timestamp(epoch_seconds: float) -> str:
    """Format a time in UTC, to the millisecond, without datetime, whose import takes 3 ms."""
    seconds, milliseconds = divmod(round(epoch_seconds * 1000), 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{milliseconds:03}+00:00"
