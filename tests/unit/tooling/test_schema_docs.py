"""docs/schema.md has every kind of item, with the version under which the code writes it."""

from __future__ import annotations

import pytest

from realtime_core.auth.dynamodb import BLOCK
from realtime_core.history import dynamodb_items as history
from realtime_core.messages import dynamodb_items as messages
from realtime_core.redis.dynamodb_health import HEALTH
from realtime_core.schema import KINDS
from realtime_core.subscriptions.dynamodb_members import member_pk
from realtime_core.subscriptions.dynamodb_topic_counts import COUNT_KEY
from realtime_core.subscriptions.pending_changes import pending_pk
from realtime_core.subscriptions.registry_keys import PARTITIONS_KEY, registry_pk
from tests.stored_items import KEYS, kinds_of, list_kinds

GROUP, CONNECTION = "0123456789abcdef", "Kx2vTfVroAMCJlg="

ITEMS = [
    ("connections", "record of a connection", {"connection_id": CONNECTION}),
    ("messages", "entry of an inbox", {"user_id": "ann", "sk": f"{messages.ENTRY}01M82J"}),
    ("messages", "record of a message's request", {"user_id": "request#ann", "sk": "r#q-1"}),
    ("messages", "unread counter", {"user_id": "ann", "sk": f"{messages.UNREAD}20780#63"}),
    ("messages", "unread counter of the first release", {"user_id": "ann", "sk": f"{messages.UNREAD}20780"}),
    ("history", "counter, floor, health record", history.COUNTER),
    ("history", "counter, floor, health record", history.FLOOR),
    ("history", "counter, floor, health record", HEALTH),
    ("history", "event", history.event_key(1_795_382_480_000_000)),
    ("history", "record of an event's repeats", history.repeat_key("e#1")),
    ("history", "batch in flight, settled positions, chunks", history.in_flight_key(1)),
    ("history", "batch in flight, settled positions, chunks", history.settled_key(1)),
    ("history", "batch in flight, settled positions, chunks", history.chunks_key(1)),
    ("history", "lease of the janitor", {"pk": "janitor#3"}),
    ("history", "lease of the janitor", {"pk": "janitor#revoked#0/1"}),
    ("subscriptions", "registry of a topic", {"pk": registry_pk("books"), "sk": GROUP}),
    ("subscriptions", "registry of a topic", {"pk": registry_pk("books", 15), "sk": GROUP}),
    ("subscriptions", "partitions of a topic", {"pk": registry_pk("books"), "sk": PARTITIONS_KEY}),
    ("subscriptions", "announcement, count of groups", {"pk": "n#books", "sk": f"01795382480#{GROUP}#1"}),
    ("subscriptions", "announcement, count of groups", {"pk": "n#books", "sk": COUNT_KEY}),
    ("subscriptions", "member", {"pk": member_pk(GROUP, 2), "sk": CONNECTION}),
    ("subscriptions", "pending change", {"pk": pending_pk(CONNECTION), "sk": f"{CONNECTION}#books"}),
    ("limits", "bucket", {"bucket": "ann#sendMessage"}),
    ("revocations", "revocation, block", {"subject": "u#ann"}),
    ("revocations", "revocation, block", {"subject": "j#token-1"}),
    ("revocations", "revocation, block", {"subject": f"{BLOCK}ann"}),
]


def _plain(item):
    return {
        name: next(iter(value.values())) if isinstance(value, dict) else value for name, value in item.items()
    }


@pytest.mark.parametrize(("table", "name", "item"), ITEMS, ids=lambda value: str(value)[:40])
def test_item_is_of_one_kind(table, name, item):
    assert [kind.name for kind in kinds_of(table, _plain(item))] == [name]


def test_every_row_is_of_an_item_above():
    assert {kind.name for kind in list_kinds()} == {name for _, name, _ in ITEMS}
    assert {kind.table for kind in list_kinds()} == set(KEYS)


def test_records_have_the_versions_of_the_code():
    documented = {kind.name.partition(",")[0]: kind.version for kind in list_kinds() if kind.version}
    assert documented == {kind.name: kind.version for kind in KINDS}


def test_item_of_no_kind_is_told():
    assert kinds_of("history", {"pk": "x#1"}) == []
