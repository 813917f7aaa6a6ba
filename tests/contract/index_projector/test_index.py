"""How the index follows the table: records in any order, repeated, malformed, and after a crash."""

import json
from pathlib import Path

import pytest

from broadcast.redis_index import PAGE_GROUPS
from index_projector.index import Index
from index_projector.maintenance import ABANDONED_SECONDS
from index_projector.membership import Listing, Membership
from index_projector.projector import Projector
from index_projector.stream import first_sequence_number, parse_changes
from realtime_core.errors import StoreUnavailable
from realtime_core.lifetimes import CONNECTION_LIFETIME_SECONDS as LIFETIME
from realtime_core.redis.errors import RedisFault
from tests.contract.support.cases import ANY, DAY, HOUR, LAPTOPS, NOW, PHONES, connection
from tests.contract.support.index_harness import (
    G_ANY,
    G_LAPTOPS,
    G_PHONES,
    InterruptedTable,
    indexed,
    once,
    pending,
    redis_client,
    subscribe,
)
from tests.contract.support.watched_clients import watching

EVENTS = Path(__file__).parents[2] / "events"


def test_membership_is_indexed_with_the_end_of_its_reachability(built):
    subscribe(built)
    built.project()
    assert indexed(built) == [("c1", NOW + HOUR)]
    assert pending(built) == ()

    built.store.extend(built.connections.extend("c1", NOW + 30 * DAY))
    assert [change.until for change in pending(built)] == [NOW + LIFETIME + 600]
    built.project()
    assert indexed(built) == [("c1", NOW + LIFETIME + 600)]

    built.store.unsubscribe("c1", "a")
    built.project()
    assert indexed(built) == []
    assert pending(built) == ()


def test_replaced_filter_leaves_the_old_group_by_the_record_of_the_pending_change(built):
    """The old membership's own record may arrive much later, and then changes nothing."""
    subscribe(built)
    built.project()
    subscribe(built, LAPTOPS)
    records = built.stream.records()
    of_pending = [record for record in records if record["dynamodb"]["Keys"]["pk"]["S"].startswith("p#")]

    built.project(of_pending)

    assert (indexed(built), indexed(built, G_LAPTOPS)) == ([], [("c1", NOW + HOUR)])
    assert pending(built) == ()
    built.project([record for record in reversed(records) if record not in of_pending])
    assert (indexed(built), indexed(built, G_LAPTOPS)) == ([], [("c1", NOW + HOUR)])


def test_connection_that_left_or_was_swept_leaves_the_index(built):
    subscribe(built)
    built.connections.add(connection("c2"))
    subscribe(built, connection_id="c2")
    built.project()
    built.store.remove_members([built.connections.remove("c1")])
    [swept] = built.table.members(G_PHONES, 0)
    built.dynamodb.delete_item(
        TableName="subscriptions", Key={"pk": {"S": swept.pk}, "sk": {"S": swept.connection_id}}
    )

    built.project()

    assert indexed(built) == []


def test_repeated_records_in_the_wrong_order_change_nothing(built):
    for wanted in (PHONES, LAPTOPS, PHONES, ANY):
        subscribe(built, wanted)
    records = built.stream.records()
    built.project(records)
    for record in reversed(records):
        built.project([record])
        assert (indexed(built), indexed(built, G_LAPTOPS)) == ([], [])
        assert indexed(built, G_ANY) == [("c1", NOW + HOUR)]


def test_pending_change_stays_until_redis_has_it(built):
    subscribe(built)
    records = built.stream.records()
    built.client.login.password = "wrong"
    built.client.close()

    with pytest.raises(RedisFault):
        built.project(records)

    assert len(pending(built)) == 1
    built.client.login.password = built.server.password
    built.project(records)
    assert (indexed(built), pending(built)) == ([("c1", NOW + HOUR)], ())


def test_pending_change_that_was_replaced_stays(built):
    subscribe(built)
    records = built.stream.records()
    subscribe(built, LAPTOPS)

    built.project(records)

    assert [change.group_id for change in pending(built)] == [G_LAPTOPS]
    built.project()
    assert pending(built) == ()


def test_two_projectors_at_once_write_last_what_was_read_last(built):
    """One pauses after its read, while the other reads and writes the end of the membership."""
    subscribe(built)
    records = built.stream.records()
    slow = InterruptedTable(built.dynamodb, "subscriptions")

    def end():
        built.store.unsubscribe("c1", "a")
        built.project()
        assert pending(built) == ()

    slow.interruption = end
    Projector(built.index, slow, built.pending).apply(parse_changes(records))

    assert indexed(built) == []


def test_flush_between_read_and_write_is_not_an_error(built):
    subscribe(built)
    slow = InterruptedTable(built.dynamodb, "subscriptions")
    slow.interruption = built.operator.flushall

    Projector(built.index, slow, built.pending).apply(parse_changes(built.stream.records()))

    assert built.operator.dbsize() == 0, "nothing is written without an index"


def test_groups_of_a_topic_come_from_the_index_and_the_announcements(built):
    subscribe(built)
    built.project()
    built.build()
    with watching(built.dynamodb) as watch:
        [group] = once(built.subscriptions.groups("a", NOW))
    assert (group.filter, group.shards) == (PHONES, 1)
    assert watch.reads == 1, "only the announcements"

    built.connections.add(connection("c2"))
    subscribe(built, LAPTOPS, "c2")
    built.store.add_shards(group, 3, NOW)
    shards = {group.filter: group.shards for group in once(built.subscriptions.groups("a", NOW))}
    assert shards == {PHONES: 3, LAPTOPS: 1}, "before the stream has brought them"
    built.project()
    assert {group.filter: group.shards for group in once(built.subscriptions.groups("a", NOW))} == shards


def test_groups_without_a_recent_comparison_come_from_the_table(built):
    subscribe(built)
    built.project()
    built.build()
    later = NOW + 55 * 60
    built.clock.now = later
    built.operator.hset("deals:meta", "tended_at", later)

    with watching(built.dynamodb) as watch:
        assert len(list(built.subscriptions.groups("a", later))) == 1
    assert watch.reads == 1
    built.maintenance.run(60)
    assert int(built.operator.hget("deals:t:a", "@checked")) == later


def test_groups_are_read_page_by_page(built):
    """However many groups a topic has, a reader holds only some at a time."""
    pages = []

    class Counting(type(built.reader_client)):
        def execute(self, commands):
            replies = super().execute(commands)
            pages.extend(
                len(reply[1]) // 2
                for command, reply in zip(commands, replies, strict=True)
                if command[0] == "HSCAN"
            )
            return replies

    count = 4 * PAGE_GROUPS
    expires_at = NOW + 3600
    built.build()
    built.index.list_groups(Listing("a", f"{n:020}", expires_at, 1, f'{{"price":{n}}}') for n in range(count))
    built.operator.hset("deals:t:a", "@checked", NOW)
    reader = built.reader(redis_client(built.server, user="broadcast", kind=Counting))

    with watching(built.dynamodb) as watch:
        first = next(iter(groups := reader.groups("a", NOW)))
        assert len(pages) == 1, "what is not asked for is not read"
        found = {first.group_id, *(group.group_id for group in groups)}
    assert len(found) == count
    assert watch.reads == 1, "the announcements"
    assert max(pages) < 2 * PAGE_GROUPS
    assert len(pages) >= 3


def test_index_that_fails_between_two_pages_is_left_for_the_table(built):
    class Failing(type(built.reader_client)):
        def execute(self, commands):
            if any(command[0] == "HSCAN" and command[2] != "0" for command in commands):
                raise RedisFault("timeout", "no answer")
            return super().execute(commands)

    subscribe(built)
    built.project()
    built.build()
    built.index.list_groups(
        Listing("a", f"{n:020}", NOW + 3600, 1, f'{{"price":{n}}}') for n in range(4 * PAGE_GROUPS)
    )
    built.operator.hset("deals:t:a", "@checked", NOW)
    reader = built.reader(redis_client(built.server, user="broadcast", kind=Failing))

    assert PHONES in {group.filter for group in reader.groups("a", NOW)}


def test_group_that_ended_leaves_the_index_unless_it_was_listed_again(built):
    subscribe(built)
    built.project()
    key = {"pk": {"S": "t#a"}, "sk": {"S": G_PHONES}}
    built.dynamodb.delete_item(TableName="subscriptions", Key=key)
    removal = built.stream.records()
    built.project(removal)
    assert built.index.listings("a")[0] == []

    subscribe(built, LAPTOPS)
    built.clock.now = NOW + 4 * HOUR
    built.connections.add(connection("c2", connected_at=built.clock.now, token_exp=NOW + 5 * HOUR))
    subscribe(built, connection_id="c2")
    built.project()
    built.project(removal)
    assert G_PHONES in {group.group_id for group in built.index.listings("a")[0]}


def test_parse_changes_of_a_recorded_batch_names_what_changed():
    records = json.loads((EVENTS / "dynamodb_stream_batch.json").read_text())["Records"]
    changes = parse_changes(records)

    group, other = "yMIBNF_Hf7TSeU79WMdp", "Xq0v4nYzQm3tB7cD1eFg"
    joined = "L0SM9cOFvHcCIhw="
    assert list(changes.memberships) == [
        Membership(other, 2, joined),
        Membership(group, 0, joined),
        Membership(other, 0, "L0SM8dGZPHcCJtA="),
    ]
    assert [(group.topic, group.group_id, group.shards) for group in changes.listed] == [
        ("electronics", group, 1)
    ]
    assert [group.group_id for group in changes.unlisted] == [other]
    assert [(change.topic, change.token) for change in changes.pending] == [
        ("electronics", "0f8b5a9c6d7e4f1a2b")
    ]
    assert first_sequence_number(records) == "111000000000000000000001"


MALFORMED = [
    {},
    {"eventName": "INSERT"},
    {"eventName": "INSERT", "dynamodb": {"Keys": {"pk": {"S": "g#x"}, "sk": {"S": "c1"}}, "NewImage": {}}},
    {"eventName": "INSERT", "dynamodb": {"Keys": {"pk": {"S": "t#a"}, "sk": {"S": "g"}}, "NewImage": {}}},
    {"eventName": "REMOVE", "dynamodb": {"Keys": {"pk": {"S": "t#a"}, "sk": {"S": "g"}}}},
    {"eventName": "INSERT", "dynamodb": {"Keys": {"pk": {"S": "z#1"}, "sk": {"S": "g"}}, "NewImage": {}}},
    {"eventName": "INSERT", "dynamodb": {"Keys": {"pk": {"N": "1"}}, "NewImage": {}}},
    {"dynamodb": None},
]


@pytest.mark.parametrize("record", MALFORMED)
def test_malformed_record_is_counted_and_holds_up_no_others(built, record, published):
    subscribe(built)
    built.project([record, *built.stream.records()])

    assert indexed(built) == [("c1", NOW + HOUR)]
    assert published() == {("IndexRecordsSkipped",): [1]}


def test_server_without_the_scripts_gets_them_again(built):
    """After a failover to a server without the scripts, one call fails and the next one works."""
    subscribe(built)
    records = built.stream.records()
    built.operator.script_flush()
    with pytest.raises(RedisFault):
        built.project(records)
    built.project(records)
    assert indexed(built) == [("c1", NOW + HOUR)]


def test_batch_of_changes_takes_few_calls(built):
    for number in range(100):
        built.connections.add(connection(f"c{number}"))
        subscribe(built, connection_id=f"c{number}", wanted=f'{{"x":{number}}}')
    records = [
        record for record in built.stream.records() if record["dynamodb"]["Keys"]["pk"]["S"].startswith("g#")
    ]
    calls = []
    execute = built.client.execute
    built.client.execute = lambda commands: calls.append(len(commands)) or execute(commands)
    try:
        with watching(built.dynamodb) as watch:
            Projector(Index(built.client), built.table, built.pending).apply(parse_changes(records))
    finally:
        del built.client.execute
    assert watch.calls == {"BatchGetItem": 1}
    assert len(calls) == 3, "the state, the claims, the memberships"


@pytest.mark.parametrize("change", ["join", "leave", "move"])
def test_change_that_reaches_the_index_between_the_two_reads_is_seen_once(built, change):
    """Pending changes are read first; if the index were, both reads could miss a change."""
    if change != "join":
        subscribe(built, PHONES if change == "leave" else LAPTOPS)
        built.project()
    if change == "leave":
        built.store.unsubscribe("c1", "a")
    else:
        subscribe(built)
    reads = []

    def reschedule(read):
        def call(*arguments, **options):
            result = read(*arguments, **options)
            reads.append(read.__name__)
            if len(reads) == 1:
                built.project()
                assert pending(built) == ()
            return result

        return call

    reader = built.reader()
    reader._pending = type("Between", (), {"read": staticmethod(reschedule(built.pending.read))})
    reader._index = type("Between", (), {"members": staticmethod(reschedule(reader._index.members))})
    groups = list(built.store.groups("a", NOW))
    found = {group.group_id: ids for group, ids in reader.members(groups, NOW) if ids}

    assert reads == ["read", "members"]
    assert found == ({} if change == "leave" else {G_PHONES: ["c1"]})


def test_memberships_that_others_keep_claiming_are_left_to_a_retry(built, monkeypatch):
    """Whoever claims last reads last: an earlier reading may not replace a later one."""
    subscribe(built)
    read, reads = built.table.read_memberships, []

    def read_while_another_claims(memberships):
        reads.append(memberships)
        built.index.claim(memberships, f"another-{len(reads)}")
        return read(memberships)

    monkeypatch.setattr(built.table, "read_memberships", read_while_another_claims)
    with pytest.raises(StoreUnavailable, match="1 memberships kept being claimed by others"):
        built.projector.refresh([Membership(G_PHONES, 0, "c1")])
    assert len(reads) == 20


def test_more_than_a_hundred_memberships_are_read_by_several_reads(built):
    """DynamoDB reads at most a hundred items together."""
    subscribe(built)
    asked = [Membership(G_PHONES, 0, "c1"), *(Membership(G_PHONES, 0, f"x{number}") for number in range(100))]
    with watching(built.dynamodb) as watch:
        found = built.table.read_memberships(asked)
    assert (len(found), found[asked[0]], set(found.values())) == (101, NOW + HOUR, {NOW + HOUR, None})
    assert watch.calls == {"BatchGetItem": 2}
    with watching(built.dynamodb) as watch:
        assert built.table.read_memberships(asked[:100]).keys() == {*asked[:100]}
        assert built.table.read_memberships([]) == {}
    assert watch.calls == {"BatchGetItem": 1}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, None),
        ({"state": "building"}, "building"),
        ({"state": ""}, "missing"),
        ({"format": "0"}, "format"),
        ({"format": "999"}, "format"),
        ({"server": "!"}, "other_server"),
        ({"server": "~"}, "other_server"),
    ],
    ids=str,
)
def test_index_is_rebuilt_where_it_cannot_be_trusted(built, changed, reason):
    meta = built.index.meta()._replace(**changed)
    assert built.maintenance._reason_to_rebuild(meta, built.index.server()) == reason


def test_index_that_nobody_tended_for_long_is_rebuilt(built):
    meta = built.index.meta()
    built.clock.now = meta.tended_at + ABANDONED_SECONDS
    assert built.maintenance._reason_to_rebuild(meta, built.index.server()) is None
    built.clock.now += 1
    assert built.maintenance._reason_to_rebuild(meta, built.index.server()) == "abandoned"
