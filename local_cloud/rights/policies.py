"""Evaluates identity policies as IAM does, in the part of its language that this project uses.

docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html: a matching Deny wins, else
a matching Allow is needed. Policy variables, `NotAction`, `NotResource` and set operators are not understood:
a policy with one of them is refused when it is read, never guessed at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple


class Need(NamedTuple):
    """What a call needs: an action on a resource; `context` holds the condition keys of the request."""

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


class Grant(NamedTuple):
    """One action on one resource, each as a policy names it."""

    action: str
    resource: str


class Statement(NamedTuple):
    """A statement; `conditions` are operator, key and values, all of which must be met."""

    allows: bool
    grants: tuple[Grant, ...]
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]


class Decision(NamedTuple):
    """Whether a need is met, and the grants that met it."""

    allowed: bool
    by: tuple[Grant, ...] = ()


class UnknownPolicy(ValueError):
    """A policy uses what this evaluator does not understand; the message names it."""


def _equals(value: str, wanted: str) -> bool:
    return value == wanted


def _is_like(value: str, pattern: str) -> bool:
    if "*" in pattern or "?" in pattern:
        return _pattern(pattern).fullmatch(value) is not None
    return value == pattern


def _is_bool(value: str, wanted: str) -> bool:
    return value.lower() == wanted.lower()


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": _equals,
    "StringLike": _is_like,
    # Both match patterns: reference_policies_elements_condition_operators.html, "Amazon Resource Name (ARN)".
    "ArnEquals": _is_like,
    "ArnLike": _is_like,
    "Bool": _is_bool,
}
_IF_EXISTS = "IfExists"


def read_policy(document: str | Mapping[str, Any]) -> list[Statement]:
    """Read an identity policy, as JSON or as its object. Raises UnknownPolicy."""
    policy = json.loads(document) if isinstance(document, str) else document
    statements = policy.get("Statement", [])
    return [_read(each) for each in (statements if isinstance(statements, list) else [statements])]


def decide(statements: Sequence[Statement], need: Need) -> Decision:
    """Return whether the statements of one identity meet a need."""
    context = dict(need.context)
    met: list[Grant] = []
    for statement in statements:
        grants = [grant for grant in statement.grants if _covers(grant, need)]
        if not grants or not all(_is_met(condition, context) for condition in statement.conditions):
            continue
        if not statement.allows:
            return Decision(False)
        met += grants
    return Decision(bool(met), tuple(met))


def list_grants(statements: Sequence[Statement]) -> list[Grant]:
    """Return what the statements allow, each grant once, in order."""
    return sorted({grant for statement in statements if statement.allows for grant in statement.grants})


def _read(statement: Mapping[str, Any]) -> Statement:
    unknown = statement.keys() - {"Sid", "Effect", "Action", "Resource", "Condition"}
    if unknown or statement.get("Effect") not in {"Allow", "Deny"}:
        raise UnknownPolicy(f"{statement!r:.200}: {', '.join(sorted(unknown)) or 'Effect'} is not understood")
    actions, resources = _list(statement["Action"]), _list(statement["Resource"])
    if variables := [name for name in resources if "${" in name]:
        raise UnknownPolicy(f"{variables[0]}: variables are not understood")
    conditions = [
        (operator, key, tuple(_list(values)))
        for operator, wanted in statement.get("Condition", {}).items()
        for key, values in wanted.items()
    ]
    for operator, _, _ in conditions:
        if operator.removesuffix(_IF_EXISTS) not in _OPERATORS:
            raise UnknownPolicy(f"{operator}: this condition operator is not understood")
    grants = tuple(Grant(action, resource) for action in actions for resource in resources)
    return Statement(statement["Effect"] == "Allow", grants, tuple(conditions))


def _list(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _covers(grant: Grant, need: Need) -> bool:
    # Resources are compared with regard to case, actions without it.
    return _is_like(need.resource, grant.resource) and _is_like(need.action.lower(), grant.action.lower())


def _is_met(condition: tuple[str, str, tuple[str, ...]], context: Mapping[str, str]) -> bool:
    operator, key, values = condition
    if key not in context:
        return operator.endswith(_IF_EXISTS)
    matches = _OPERATORS[operator.removesuffix(_IF_EXISTS)]
    return any(matches(context[key], value) for value in values)


@lru_cache(maxsize=10_000)
def _pattern(pattern: str) -> re.Pattern[str]:
    """Compile a pattern in which only `*` and `?` are special."""
    escaped = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(escaped, re.DOTALL)
