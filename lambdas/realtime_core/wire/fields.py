"""Reading the fields of an object from outside: a table of fields in, values or all problems out."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, NoReturn

from realtime_core.errors import Problem, ValidationFailed
from realtime_core.wire.strict_json import INTEGER_MAX

# An error frame must stay small whatever the sender wrote: so many problems, names cut to so many chars.
PROBLEMS_MAX = 20
NAME_CHARS_MAX = 64
IDENTIFIER_CHARS = "A-Za-z0-9._:@|-"
IDENTIFIER = re.compile(f"[{IDENTIFIER_CHARS}]{{1,128}}")
"""A user, event or message id: 1 to 128 of these characters (use `fullmatch`)."""

# Returns the value to use, or raises ValidationFailed naming the given path.
Reader = Callable[[Any, str], Any]
REQUIRED: Final = object()


class Field(NamedTuple):
    """One field: its name on the wire, how it is read, and what it is when left out."""

    name: str
    read: Reader
    default: Any = REQUIRED


def read_fields(raw: Mapping[str, Any], fields: Sequence[Field], path: str = "") -> tuple[Any, ...]:
    """The values of `fields`, in their order. Raises ValidationFailed with every field at fault.

    `path` stands before each name in the problems, such as `data.`.
    """
    problems: list[Problem] = []
    values: list[Any] = []
    for field in fields:
        where = path + field.name
        if field.name not in raw:
            if field.default is REQUIRED:
                problems.append(Problem(where, "is missing"))
            values.append(field.default)
            continue
        try:
            values.append(field.read(raw[field.name], where))
        except ValidationFailed as failed:
            problems.extend(failed.problems)
    known = [field.name for field in fields]
    if not raw.keys() <= set(known):
        expected = f"is not a known field; known are {', '.join(known)}" if known else "is not expected here"
        problems.extend(Problem(path + shown(name), expected) for name in raw if name not in known)
    refuse_if(problems)
    return tuple(values)


def refuse_if(problems: Iterable[Problem]) -> None:
    """Raise ValidationFailed if there are problems, with as many of them as an error frame has room for."""
    found = list(problems)
    if len(found) > PROBLEMS_MAX:
        rest = len(found) - PROBLEMS_MAX
        found = [*found[:PROBLEMS_MAX], Problem("…", f"and {rest} more problems")]
    if found:
        raise ValidationFailed(found)


def refuse(path: str, problem: str) -> NoReturn:
    """Raise ValidationFailed for one field."""
    raise ValidationFailed([Problem(path, problem)])


def shown(name: object) -> str:
    """A sender's own name for something, short enough to send back."""
    text = str(name)
    return text if len(text) <= NAME_CHARS_MAX else text[:NAME_CHARS_MAX] + "…"


def text(chars_max: int | None = None) -> Reader:
    """A string that is not empty, of at most `chars_max` characters."""

    def read(raw: Any, path: str) -> str:
        if isinstance(raw, str) and raw and (chars_max is None or len(raw) <= chars_max):
            return raw
        refuse(
            path,
            f"must be a string of 1 to {chars_max} characters"
            if chars_max
            else "must be a string, not empty",
        )

    return read


def identifier(raw: Any, path: str) -> str:
    """An id of a user, an event or a message."""
    if isinstance(raw, str) and IDENTIFIER.fullmatch(raw):
        return raw
    refuse(path, "must be a string of 1 to 128 characters of A-Z a-z 0-9 . _ : @ | -")


def whole_number(least: int, most: int = INTEGER_MAX) -> Reader:
    """A whole number of a range; `10.0` is one, `true` is not."""

    def read(raw: Any, path: str) -> int:
        whole = isinstance(raw, int) or (isinstance(raw, float) and raw.is_integer())
        if whole and not isinstance(raw, bool) and least <= raw <= most:
            return int(raw)
        limit = f"from {least} to {most}" if most < INTEGER_MAX else f"of at least {least}"
        refuse(path, f"must be a whole number {limit}")

    return read


def one_of(*known: str) -> Reader:
    """One of a few words."""

    def read(raw: Any, path: str) -> str:
        if isinstance(raw, str) and raw in known:
            return raw
        refuse(path, "must be one of " + ", ".join(f'"{word}"' for word in known))

    return read


def json_object(raw: Any, path: str) -> dict[str, Any]:
    """A JSON object."""
    if isinstance(raw, dict):
        return raw
    refuse(path, "must be an object")
