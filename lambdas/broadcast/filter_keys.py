"""Keys of filters and events: an event that satisfies an indexed condition has one of the condition's keys.

| kind | key of a condition | keys of an event's value |
| --- | --- | --- |
| `VALUE` | a scalar | the value, if it is a scalar |
| `LISTED` | each value of a list | the value, or each scalar in it if it is a list |
| `PREFIX`, `SUFFIX` | the text | each beginning or end of the text |
| `CONTAINS` | up to three successive characters of the text, the rarest | all such that are searched |
| `PRESENT` | none | none |

`anyOf` has the keys of all its conditions. Only `{"exists": false}` has none, and what includes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

from realtime_core.filters.filters import Condition
from realtime_core.filters.match import RANGE_OPERATORS
from realtime_core.filters.searching import SEARCHED_CHARS, STRING_CHARS_MAX, contains

T = TypeVar("T")
Key: TypeAlias = tuple[str, Any]
"""The kind, and the value."""

VALUE, LISTED, PRESENT = "value", "listed", "present"
PREFIX, SUFFIX, CONTAINS = "prefix", "suffix", "contains"
_PRESENT: tuple[Key, ...] = ((PRESENT, None),)
_BY_EQUALITY = frozenset({VALUE, LISTED})

GRAM_CHARS = 3
"""The most characters of a key of `contains`: enough to be rare."""
SCANNED_MAX = 256
"""Up to so many keys of `contains` are searched in a text one by one, and in a long text as many as it has of
its own: cheaper than making those."""

EQUALITY, TEXT, PRESENCE = range(3)


class Path(NamedTuple):
    """One way to find a filter: by the keys of one of its conditions."""

    name: str
    """The attribute."""
    keys: tuple[Key, ...]
    exact: bool
    """Whether every event with one of the keys satisfies the condition."""
    rank: int
    """How few events have such keys, by experience: EQUALITY is better than TEXT, PRESENCE is worst."""
    may_repeat: bool
    """Whether a value that is not a list may have several of the keys."""


def path_of(condition: Condition, keys_max: int, entries: Callable[[str, Key], int]) -> Path | None:
    """The keys of a condition; None if it has none, or is a range: those are indexed by their bounds.

    Presence stands for more than `keys_max` keys. `entries` returns how many filters an attribute's key has,
    of which `contains` chooses a rare one.
    """
    name = condition.name
    if condition.fallback is not None or is_range(condition.condition):
        return None
    if condition.condition.__class__ is list and len(condition.condition) > keys_max:
        return _presence(name, exact=False)  # known without making the keys
    found = _keys_of(condition.condition, lambda key: entries(name, key))
    if found is None:
        return None

    keys, exact = tuple(dict.fromkeys(found[0])), found[1]
    if keys == _PRESENT or len(keys) > keys_max:
        return _presence(name, exact=exact and keys == _PRESENT)
    kinds = {kind for kind, _ in keys}
    by_equality = kinds <= _BY_EQUALITY
    may_repeat = len(keys) > 1 and not (by_equality and len(kinds) == 1)
    return Path(name, keys, exact, EQUALITY if by_equality else TEXT, may_repeat)


def _presence(name: str, *, exact: bool) -> Path:
    return Path(name, _PRESENT, exact, PRESENCE, may_repeat=False)


def is_range(condition: Any) -> bool:
    """Whether a condition consists of numeric bounds."""
    return condition.__class__ is dict and condition.keys() <= RANGE_OPERATORS.keys()


def _keys_of(condition: Any, entries: Callable[[Key], int]) -> tuple[Sequence[Key], bool] | None:
    """The keys of a condition and whether they are exact; None if an absent attribute may satisfy it."""
    if condition.__class__ is list:
        return [(LISTED, _scalar_key(value)) for value in condition], True
    if condition.__class__ is not dict:
        return [(VALUE, _scalar_key(condition))], True

    operator, argument = next(iter(condition.items()))
    match operator:
        case "anyOf":
            return _keys_of_any(argument, entries)
        case "prefix" | "suffix":
            found: tuple[Sequence[Key], bool] | None = [(operator, argument)], True
        case "contains":
            grams = [(CONTAINS, gram) for gram in _grams_of(argument)]
            found = [min(grams, key=entries)], len(argument) <= GRAM_CHARS
        case "exists":
            found = (_PRESENT, True) if argument else None
        case _:  # a negation, or a range in `anyOf`
            found = _PRESENT, False
    return found


def _keys_of_any(conditions: list[Any], entries: Callable[[Key], int]) -> tuple[Sequence[Key], bool] | None:
    keys: list[Key] = []
    all_exact = True
    for condition in conditions:
        found = _keys_of(condition, entries)
        if found is None:
            return None
        keys += found[0]
        all_exact = all_exact and found[1]
    return (_PRESENT, False) if _PRESENT[0] in keys else (keys, all_exact)


def _grams_of(text: str) -> list[str]:
    """The successive characters of a searched text by which it can be indexed: all of a short one."""
    if len(text) <= GRAM_CHARS:
        return [text]
    return [text[at : at + GRAM_CHARS] for at in range(len(text) - GRAM_CHARS + 1)]


def find(kind: str, by_key: Mapping[Any, T], value: Any) -> Iterable[T]:
    """Of items by their keys of a kind, those whose key the value of an event's attribute has, each once."""
    return _FINDERS[kind](by_key, value)


def _find_equal(by_key: Mapping[Any, T], value: Any) -> Iterable[T]:
    return _at(by_key, (_scalar_key(value),)) if value.__class__ in _SCALARS else ()


def _find_listed(by_key: Mapping[Any, T], value: Any) -> Iterable[T]:
    if value.__class__ is list:
        return _at(by_key, {_scalar_key(item) for item in value if item.__class__ in _SCALARS})
    return _find_equal(by_key, value)


def _find_prefix(by_key: Mapping[Any, T], value: Any) -> Iterable[T]:
    if value.__class__ is not str:
        return ()
    return _at(by_key, (value[:end] for end in range(min(len(value), STRING_CHARS_MAX) + 1)))


def _find_suffix(by_key: Mapping[Any, T], value: Any) -> Iterable[T]:
    if value.__class__ is not str:
        return ()
    first = max(0, len(value) - STRING_CHARS_MAX)
    return _at(by_key, (value[start:] for start in range(first, len(value) + 1)))


def _find_contained(by_key: Mapping[Any, T], value: Any) -> Iterable[T]:
    if value.__class__ is not str:
        return ()
    if len(by_key) <= max(SCANNED_MAX, GRAM_CHARS * len(value)):
        return [item for gram, item in by_key.items() if contains(value, gram)]
    searched = value[:SEARCHED_CHARS]
    grams = {searched[at : at + size] for size in range(1, GRAM_CHARS + 1) for at in range(len(searched))}
    return _at(by_key, grams | {""})


def _find_present(by_key: Mapping[Any, T], value: Any) -> Iterable[T]:
    del value
    return by_key.values()


def _at(by_key: Mapping[Any, T], keys: Iterable[Any]) -> list[T]:
    return [by_key[key] for key in keys if key in by_key]


def _scalar_key(value: Any) -> Any:
    """The dictionary key of a scalar: 1 == True in Python, but not in a filter."""
    return (value,) if value.__class__ is bool else value


_SCALARS = frozenset({str, int, float, bool})
_FINDERS: Mapping[str, Callable[[Mapping[Any, Any], Any], Iterable[Any]]] = {
    VALUE: _find_equal,
    LISTED: _find_listed,
    PREFIX: _find_prefix,
    SUFFIX: _find_suffix,
    CONTAINS: _find_contained,
    PRESENT: _find_present,
}
