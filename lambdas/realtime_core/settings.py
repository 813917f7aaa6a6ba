"""Settings of a function: its environment, read once into a typed object.

    class Settings(LoggingSettings):
        connections_table: str = text()
        direct_audience_max: int = whole(default=100, minimum=0, maximum=1_000)

    settings = read(Settings, os.environ)

A field is read from the variable of its name in capitals (`CONNECTIONS_TABLE`). One without a default must be
set; an empty variable counts as not set.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeVar

from realtime_core.errors import SettingsInvalid
from realtime_core.urls import parse_url

S = TypeVar("S")

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


_REQUIRED: Final = object()


class _Setting:
    """How a variable's text becomes a value; `parse` raises ValueError for a text that is not `expected`.

    Declared in the class, it is a data descriptor, and so keeps the objects' values from being assigned.
    """

    __slots__ = ("default", "expected", "parse")

    def __init__(self, parse: Callable[[str], Any], expected: str, default: Any) -> None:
        self.parse = parse
        self.expected = expected
        self.default = default

    @property
    def required(self) -> bool:
        """Whether the variable must be set."""
        return self.default is _REQUIRED

    def __set__(self, settings: object, value: object) -> None:
        raise AttributeError(f"{type(settings).__name__} is read once and does not change")


def read(kind: type[S], environ: Mapping[str, str]) -> S:
    """Read the settings of a class. Raises SettingsInvalid, naming every variable at fault and the remedy."""
    values, problems = _values(kind, environ)
    if problems:
        raise SettingsInvalid("; ".join(problems))
    return _filled(kind, values)


def read_valid(kind: type[S], environ: Mapping[str, str]) -> S:
    """Read the settings of a class, all of which have defaults; the default replaces a value at fault."""
    values, _ = _values(kind, environ)
    defaults = {field: setting.default for field, setting in declared(kind).items()}
    return _filled(kind, defaults | values)


def _values(kind: type[Any], environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Return the valid values by field, and what is wrong with the other variables."""
    values: dict[str, Any] = {}
    problems: list[str] = []

    for field, setting in declared(kind).items():
        name = field.upper()
        raw = environ.get(name, "").strip()
        if raw:
            try:
                values[field] = setting.parse(raw)
            except ValueError:
                problems.append(f"{name} must be {setting.expected}, not {raw[:100]!r}")
        elif setting.required:
            problems.append(f"{name} is not set; set it to {setting.expected}")
        else:
            values[field] = setting.default

    return values, problems


def _filled(kind: type[S], values: dict[str, Any]) -> S:
    settings = kind()
    vars(settings).update(values)
    return settings


def declared(kind: type[Any]) -> dict[str, _Setting]:
    """Return the settings of a class by field, inherited ones first: to read them, and to document them."""
    return {
        field: setting
        for base in reversed(kind.__mro__)
        for field, setting in vars(base).items()
        if isinstance(setting, _Setting)
    }


def text(
    *, default: Any = _REQUIRED, expected: str = "a text that is not empty", pattern: str = r"(?s).+"
) -> Any:
    """Declare a string that matches `pattern` as a whole. `default` may be None."""
    return _field(_matching(re.compile(pattern)), expected, default)


def whole(*, minimum: int, maximum: int, default: Any = _REQUIRED) -> Any:
    """Declare a whole number from `minimum` to `maximum`."""

    def parse(raw: str) -> int:
        number = int(raw)
        if not minimum <= number <= maximum:
            raise ValueError(raw)
        return number

    return _field(parse, f"a whole number from {minimum} to {maximum}", default)


def choice(allowed: Collection[str], *, default: Any = _REQUIRED) -> Any:
    """Declare one of a few words."""

    def parse(raw: str) -> str:
        if raw not in allowed:
            raise ValueError(raw)
        return raw

    return _field(parse, f"one of {', '.join(allowed)}", default)


def flag(*, default: Any = _REQUIRED) -> Any:
    """Declare a boolean, written `true` or `false`."""

    def parse(raw: str) -> bool:
        if raw not in {"true", "false"}:
            raise ValueError(raw)
        return raw == "true"

    return _field(parse, "true or false", default)


def words(allowed: Collection[str], *, default: Any = _REQUIRED) -> Any:
    """Declare one or more of a few words, separated by commas; the value is a tuple."""

    def parse(raw: str) -> tuple[str, ...]:
        values = tuple(word.strip() for word in raw.split(","))
        if not set(values) <= set(allowed):
            raise ValueError(raw)
        return values

    return _field(parse, f"one or more of {', '.join(allowed)}, separated by commas", default)


def url(*, default: Any = _REQUIRED) -> Any:
    """Declare an http or https URL; the value has no slash at its end."""

    def parse(raw: str) -> str:
        parse_url(raw)
        return raw.rstrip("/")

    return _field(parse, "a URL that begins with https:// or http://", default)


def parsed(parse: Callable[[str], Any], expected: str, *, default: Any = _REQUIRED) -> Any:
    """Declare a value of any type; `parse` raises ValueError for a text that is not `expected`."""
    return _field(parse, expected, default)


def secure_url(*, default: Any = _REQUIRED) -> Any:
    """Declare an https URL, or an http URL of the loopback interface, where nobody can listen."""

    def parse(raw: str) -> str:
        parts = parse_url(raw)
        if parts.scheme != "https" and parts.host not in {"127.0.0.1", "::1", "localhost"}:
            raise ValueError(raw)
        return raw

    return _field(parse, "a URL that begins with https:// (http:// for this machine alone)", default)


def share(*, default: Any = _REQUIRED) -> Any:
    """Declare a number from 0 to 1."""

    def parse(raw: str) -> float:
        number = float(raw)
        if not 0 <= number <= 1:
            raise ValueError(raw)
        return number

    return _field(parse, "a number from 0 to 1", default)


def _field(parse: Callable[[str], Any], expected: str, default: Any) -> Any:
    return _Setting(parse, expected, default)


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if not pattern.fullmatch(raw):
            raise ValueError(raw)
        return raw

    return parse


class LoggingSettings:
    """Settings of every function: `telemetry.configuration` configures logs and metrics by them."""

    log_level: str = choice(LOG_LEVELS, default="INFO")
    log_sample_rate: float = share(default=0.0)
    """The share of requests that are logged in full, down to DEBUG."""
    service: str = text(
        default="unknown", pattern=r"[A-Za-z0-9._-]{1,128}", expected="1 to 128 of A-Z a-z 0-9 . _ -"
    )
    """Which deployment this is: a dimension of every metric."""
