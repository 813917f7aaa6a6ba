"""Remembers which rights were used, and which were missing, by principal."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from local_cloud.rights.policies import Grant, Need, list_grants

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local_cloud.rights.policies import Statement

MISSING_MAX = 1_000
"""Of each principal. Resources such as connections have names without number."""


class Ledger:
    """The rights of principals, named by kind and name, such as `function:deals-local-broadcast`."""

    def __init__(self) -> None:
        self._allowed: defaultdict[str, set[Grant]] = defaultdict(set)
        self._used: defaultdict[str, set[Grant]] = defaultdict(set)
        self._missing: defaultdict[str, set[Grant]] = defaultdict(set)
        self._unknown: defaultdict[str, set[str]] = defaultdict(set)

    def note_policy(self, principal: str, statements: Sequence[Statement]) -> None:
        """Note what a principal may do; what it might do before a change of its policy stays noted."""
        self._allowed[principal].update(list_grants(statements))

    def note_use(self, principal: str, grants: Sequence[Grant]) -> None:
        """Note the grants that met a call's needs."""
        self._used[principal].update(grants)

    def note_missing(self, principal: str, need: Need) -> None:
        """Note a call that the principal's policy does not allow."""
        if len(self._missing[principal]) < MISSING_MAX:
            self._missing[principal].add(Grant(need.action, need.resource))

    def note_unknown(self, principal: str, call: str) -> None:
        """Note a call of which it is not known what it needs."""
        if len(self._unknown[principal]) < MISSING_MAX:
            self._unknown[principal].add(call)

    def describe(self) -> dict[str, Any]:
        """Return, by principal, what was allowed, used and missing, and the calls that were not judged."""
        principals = {*self._allowed, *self._used, *self._missing, *self._unknown}
        return {
            principal: {
                "allowed": sorted(self._allowed.get(principal, ())),
                "used": sorted(self._used.get(principal, ())),
                "missing": sorted(self._missing.get(principal, ())),
                "unknown": sorted(self._unknown.get(principal, ())),
            }
            for principal in sorted(principals)
        }
