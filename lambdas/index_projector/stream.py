"""What a batch of the table's stream says: docs.aws.amazon.com/lambda/latest/dg/with-ddb.html."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from index_projector.membership import Listing, Membership, membership
from index_projector.projector import Changes
from index_projector.table import listing
from realtime_core.subscriptions.pending_changes import PendingChange, pending_from
from realtime_core.telemetry.logs import get_logger
from realtime_core.telemetry.metric_catalog import INDEX_RECORDS_SKIPPED
from realtime_core.telemetry.metrics import add

log = get_logger(__name__)

KINDS = frozenset({"g#", "t#", "p#", "n#"})


def changes_of(records: Iterable[Mapping[str, Any]]) -> Changes:
    """What the records name. One that says nothing that could ever be applied is logged and counted."""
    memberships: dict[Membership, None] = {}
    listed: list[Listing] = []
    unlisted: list[Listing] = []
    pending: list[PendingChange] = []
    for record in records:
        try:
            pk, sk, new, old = _images(record)
            match pk[:2], new is None:
                case "g#", _:
                    memberships[membership(pk, sk)] = None
                case "t#", False:
                    listed.append(listing(new))
                case "t#", True:
                    unlisted.append(listing(old))
                case "p#", False:
                    one = pending_from(new)
                    memberships.update(
                        dict.fromkeys(membership(at, one.connection_id) for at in one.partitions)
                    )
                    pending.append(one)
                case _:  # announcements, which readers take from the table, and what is pending no more
                    continue
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("record_skipped", eventId=_text(record, "eventID"), reason=repr(error))
            add(INDEX_RECORDS_SKIPPED, 1)
    return Changes(memberships, listed, unlisted, pending)


def sequence_number(records: Iterable[Mapping[str, Any]]) -> str:
    """Where Lambda is to begin again: at the first record of the batch that has a number."""
    for record in records:
        body = record.get("dynamodb") if isinstance(record, Mapping) else None
        if number := _text(body, "SequenceNumber"):
            return number
    return ""


def _images(record: Mapping[str, Any]) -> tuple[str, str, Any, Any]:
    """The item's keys, and it after and before the change. Raises what malformed data raises."""
    body = record["dynamodb"]
    pk, sk = body["Keys"]["pk"]["S"], body["Keys"]["sk"]["S"]
    if pk[:2] not in KINDS:
        raise ValueError(f"{pk[:2]!r} is no kind of item")
    removed = record["eventName"] == "REMOVE"
    return pk, sk, None if removed else body["NewImage"], body["OldImage"] if removed else None


def _text(record: Any, name: str) -> str:
    return str(record.get(name, "")) if isinstance(record, Mapping) else ""
