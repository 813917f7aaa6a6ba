"""Validation of the fields of a client's or publisher's object, by a table of expected fields."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, NoReturn

from realtime_core.errors import Problem, ValidationFailed
from realtime_core.wire.strict_json import INTEGER_MAX

# These bound an error frame, whatever the sender wrote.
PROBLEMS_MAX = 20
NAME_CHARS_MAX = 64
IDENTIFIER_CHARS = "A-Za-z0-9._:@|-"
IDENTIFIER = re.compile(f"[{IDENTIFIER_CHARS}]{{1,128}}")
"""A user, event or message id: 1 to 128 of these characters; use `fullmatch`."""

# Takes the raw value and its path; returns the validated value, or raises ValidationFailed for the path.
Reader = Callable[[Any, str], Any]
REQUIRED: Final = object()


class Field(NamedTuple):
    """One field: its name on the wire, its reader, and its default, if it is optional."""

    name: str
    read: Reader
    default: Any = REQUIRED


def read_fields(raw: Mapping[str, Any], fields: Sequence[Field], path: str = "") -> tuple[Any, ...]:
    """Read and validate the values of `fields`, in order. Raises ValidationFailed with every invalid field.

    `path` precedes each name in the problems, for example `data.`. Null for an optional field is the same as
    leaving it out.
    """
    if not fields and not raw:
        return ()
    problems: list[Problem] = []
    values: list[Any] = []
    for field in fields:
        field_path = path + field.name
        value = raw.get(field.name)
        if value is None and (field.default is not REQUIRED or field.name not in raw):
            if field.default is REQUIRED:
                problems.append(Problem(field_path, "is missing"))
            values.append(field.default)
            continue
        try:
            values.append(field.read(value, field_path))
        except ValidationFailed as failed:
            problems.extend(failed.problems)

    known = [field.name for field in fields]
    if not raw.keys() <= set(known):
        expected = f"is not a known field; known are {', '.join(known)}" if known else "is not expected here"
        problems.extend(Problem(path + shorten(name), expected) for name in raw if name not in known)
    reject_if_any(problems)
    return tuple(values)


def reject_if_any(problems: Iterable[Problem]) -> None:
    """Raise ValidationFailed if there are any problems, with at most PROBLEMS_MAX of them."""
    listed = list(problems)
    if len(listed) > PROBLEMS_MAX:
        rest = len(listed) - PROBLEMS_MAX
        listed = [*listed[:PROBLEMS_MAX], Problem("…", f"and {rest} more problems")]
    if listed:
        raise ValidationFailed(listed)


def reject(path: str, problem: str) -> NoReturn:
    """Raise ValidationFailed for a single field."""
    raise ValidationFailed([Problem(path, problem)])


def shorten(name: object) -> str:
    """A name that the sender chose, cut to NAME_CHARS_MAX characters."""
    text = str(name)
    return text if len(text) <= NAME_CHARS_MAX else text[:NAME_CHARS_MAX] + "…"


def text(chars_max: int | None = None) -> Reader:
    """A reader of non-empty strings of at most `chars_max` characters."""

    def read(raw: Any, path: str) -> str:
        if isinstance(raw, str) and raw and (chars_max is None or len(raw) <= chars_max):
            return raw
        reject(
            path,
            f"must be a string of 1 to {chars_max} characters" if chars_max else "must be a non-empty string",
        )

    return read


def identifier(raw: Any, path: str) -> str:
    """Read an id of a user, an event or a message."""
    if isinstance(raw, str) and IDENTIFIER.fullmatch(raw):
        return raw
    reject(path, "must be a string of 1 to 128 characters of A-Z a-z 0-9 . _ : @ | -")


def whole_number(least: int, most: int = INTEGER_MAX) -> Reader:
    """A reader of whole numbers in a range; it accepts `10.0`, but not `true`."""

    def read(raw: Any, path: str) -> int:
        whole = isinstance(raw, int) or (isinstance(raw, float) and raw.is_integer())
        if whole and not isinstance(raw, bool) and least <= raw <= most:
            return int(raw)
        limit = f"from {least} to {most}" if most < INTEGER_MAX else f"of at least {least}"
        reject(path, f"must be a whole number {limit}")

    return read


def one_of(*known: str) -> Reader:
    """A reader of strings that equal one of the known words."""

    def read(raw: Any, path: str) -> str:
        if isinstance(raw, str) and raw in known:
            return raw
        reject(path, "must be one of " + ", ".join(f'"{word}"' for word in known))

    return read


def json_object(raw: Any, path: str) -> dict[str, Any]:
    """Read a JSON object."""
    if isinstance(raw, dict):
        return raw
    reject(path, "must be an object")
