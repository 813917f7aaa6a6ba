"""Parses batches of the table's stream: docs.aws.amazon.com/lambda/latest/dg/with-ddb.html."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from index_projector.membership import Listing, Membership, parse_membership
from index_projector.projector import Changes
from index_projector.table import parse_listing
from realtime_core.subscriptions.dynamodb_members import REPORTED
from realtime_core.subscriptions.pending_changes import PendingChange, pending_from
from realtime_core.subscriptions.registry_keys import PARTITIONS_KEY
from realtime_core.telemetry.logs import get_logger
from realtime_core.telemetry.metric_catalog import INDEX_RECORDS_SKIPPED
from realtime_core.telemetry.metrics import add

log = get_logger(__name__)

KINDS = frozenset({"g#", "t#", "p#", "n#"})
"""Prefixes of partition keys: members, topics (the registry), pending changes, announcements."""


def parse_changes(records: Iterable[Mapping[str, Any]]) -> Changes:
    """What the records name. A record that can never be applied is logged and counted."""
    memberships: dict[Membership, None] = {}
    listed: list[Listing] = []
    unlisted: list[Listing] = []
    pending: list[PendingChange] = []
    unreported = 0

    for record in records:
        try:
            pk, sk, new, old = _images(record)
            match pk[:2], new is None:
                case "g#", _:
                    memberships[parse_membership(pk, sk)] = None
                    # Not of those that a refresh changes: an earlier release may have written them.
                    unreported += record["eventName"] == "INSERT" and REPORTED not in new
                case "t#", _ if sk == PARTITIONS_KEY:
                    continue  # readers take it from the table
                case "t#", False:
                    listed.append(parse_listing(new))
                case "t#", True:
                    unlisted.append(parse_listing(old))
                case "p#", False:
                    change = pending_from(new)
                    named = [
                        parse_membership(partition, change.connection_id) for partition in change.partitions
                    ]
                    memberships.update(dict.fromkeys(named))
                    pending.append(change)
                case _:  # announcements, which readers take from the table, and deleted pending changes
                    continue
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("record_skipped", eventId=_text(record, "eventID"), reason=repr(error))
            add(INDEX_RECORDS_SKIPPED, 1)

    return Changes(memberships, listed, unlisted, pending, unreported)


def first_sequence_number(records: Iterable[Mapping[str, Any]]) -> str:
    """Where Lambda retries from: the first record of the batch that has a sequence number."""
    for record in records:
        body = record.get("dynamodb") if isinstance(record, Mapping) else None
        if number := _text(body, "SequenceNumber"):
            return number
    return ""


def _images(record: Mapping[str, Any]) -> tuple[str, str, Any, Any]:
    """An item's keys, the new image (None if removed) and the old one (if removed).

    Raises KeyError, TypeError, ValueError or AttributeError for a malformed record.
    """
    body = record["dynamodb"]
    pk, sk = body["Keys"]["pk"]["S"], body["Keys"]["sk"]["S"]
    if pk[:2] not in KINDS:
        raise ValueError(f"{pk[:2]!r} is not a known kind of item")
    removed = record["eventName"] == "REMOVE"
    return pk, sk, None if removed else body["NewImage"], body["OldImage"] if removed else None


def _text(record: Any, name: str) -> str:
    return str(record.get(name, "")) if isinstance(record, Mapping) else ""
