"""The schema versions of what is stored: docs/schema.md and docs/adr/0060-versions-of-stored-items.md.

A record, which is read whole, carries the version of its kind. Everything else (counters, sets, memberships,
whatever is read in part or written without a read) has its version in its key: another shape has another key.

A release reads records of its own version and of all before, and leaves newer ones alone: they are there
after a release was rolled back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from realtime_core.errors import StoreUnavailable
from realtime_core.telemetry.logs import get_logger
from realtime_core.telemetry.metric_catalog import NEWER_RECORDS
from realtime_core.telemetry.metrics import add

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

log = get_logger(__name__)

SCHEMA = "sv"
"""The attribute of a record's version. A record without it is of version 1."""


class NewerRecord(StoreUnavailable):
    """A record is of a version that this release does not know: a newer release wrote it."""


class RecordKind:
    """A kind of record. This release writes it under `version`, and reads that and all before.

    Raise the version when releases of before would misread the record. An attribute that they may overlook
    is no reason, and an attribute never gets another meaning.
    """

    __slots__ = ("_is_told", "_known", "name", "stamp", "version")

    def __init__(self, name: str, version: int) -> None:
        self.name = name
        self.version = version
        self.stamp: dict[str, Any] = {SCHEMA: {"N": str(version)}}
        """The attribute that each record is written with."""
        self._known = frozenset(str(known) for known in range(1, version + 1))
        self._is_told = False

    def is_readable(self, item: Mapping[str, Any]) -> bool:
        """Whether this release can read a record.

        Those that it cannot read are counted, and the first of a process is logged: there may be many.
        """
        if SCHEMA not in item or item[SCHEMA]["N"] in self._known:
            return True
        if not self._is_told:
            self._is_told = True
            log.warning("newer_record", kind=self.name, version=int(item[SCHEMA]["N"]), known=self.version)
        add(NEWER_RECORDS, 1)
        return False

    def check(self, item: Mapping[str, Any]) -> None:
        """Raise NewerRecord if this release cannot read a record."""
        if not self.is_readable(item):
            raise NewerRecord(
                f"the {self.name} was written by a newer release, under version {item[SCHEMA]['N']} of its "
                f"schema; this one knows versions up to {self.version}: go back to the newer release"
            )

    def readable(self, items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """The records that this release can read."""
        return [item for item in items if self.is_readable(item)]


CONNECTION = RecordKind("record of a connection", 1)
INBOX_ENTRY = RecordKind("entry of an inbox", 1)
MESSAGE_REQUEST = RecordKind("record of a message's request", 1)
EVENT = RecordKind("event", 1)
EVENT_REPEAT = RecordKind("record of an event's repeats", 1)
REVOCATION = RecordKind("revocation", 1)

KINDS = (CONNECTION, INBOX_ENTRY, MESSAGE_REQUEST, EVENT, EVENT_REPEAT, REVOCATION)
