"""How the index follows the table: in any order, again, after a crash, and while it is built."""

import json
from pathlib import Path

import pytest

from index_projector.building import Builder
from index_projector.index import Index
from index_projector.membership import Membership
from index_projector.projector import Projector
from index_projector.stream import changes_of, sequence_number
from index_projector.table import Table
from realtime_core.errors import StoreUnavailable
from realtime_core.ids import group_id
from realtime_core.lifetimes import CONNECTION_LIFETIME_SECONDS as LIFETIME
from realtime_core.redis.errors import RedisFault
from tests.contract.ports.cases import ANY, DAY, HOUR, LAPTOPS, NOW, PHONES, connection
from tests.contract.ports.clouds import answering, fault, watching
from tests.contract.ports.indexed import World, redis_client

EVENTS = Path(__file__).parents[2] / "events"
G_PHONES, G_LAPTOPS, G_ANY = (group_id("a", one) for one in (PHONES, LAPTOPS, ANY))


@pytest.fixture
def built(world):
    """An index of an empty table, and c1 who is connected."""
    world.build()
    world.connections.add(connection())
    return world


def subscribe(world, wanted=PHONES, who="c1", topic="a"):
    world.truth.subscribe(who, topic, wanted, world.clock.now)


def indexed(world, group=G_PHONES, shard=0):
    """Whom Redis itself holds, until when."""
    return world.operator.zrange(f"deals:g:{group}#{shard}", 0, -1, withscores=True)


def pending(world):
    return world.pending.read(world.clock.now, whole=True).items


def test_built_index_holds_what_the_table_holds(world):
    for number in range(30):
        world.connections.add(connection(f"c{number}"))
        subscribe(world, (PHONES, LAPTOPS)[number % 2], f"c{number}")
    world.project()

    built = world.build()

    assert (built.members, built.groups) == (30, 2)
    assert world.ids("a") == {
        G_PHONES: sorted(f"c{n}" for n in range(0, 30, 2)),
        G_LAPTOPS: sorted(f"c{n}" for n in range(1, 30, 2)),
    }
    assert world.subscriptions._breaker.reason is None, "they came from Redis"


def test_membership_is_indexed_until_when_it_is_reachable(built):
    subscribe(built)
    built.project()
    assert indexed(built) == [("c1", NOW + HOUR)]
    assert pending(built) == ()

    built.truth.extend(built.connections.extend("c1", NOW + 30 * DAY))
    assert [one.until for one in pending(built)] == [NOW + LIFETIME + 600]
    built.project()
    assert indexed(built) == [("c1", NOW + LIFETIME + 600)]

    built.truth.unsubscribe("c1", "a")
    built.project()
    assert indexed(built) == []
    assert pending(built) == ()


def test_replaced_filter_leaves_the_old_group_with_the_record_of_what_is_pending(built):
    """The old membership's own record may come much later; by then it changes nothing."""
    subscribe(built)
    built.project()
    subscribe(built, LAPTOPS)
    records = built.stream.records()
    about = [one for one in records if one["dynamodb"]["Keys"]["pk"]["S"].startswith("p#")]

    built.project(about)

    assert (indexed(built), indexed(built, G_LAPTOPS)) == ([], [("c1", NOW + HOUR)])
    assert pending(built) == ()
    built.project([one for one in reversed(records) if one not in about])
    assert (indexed(built), indexed(built, G_LAPTOPS)) == ([], [("c1", NOW + HOUR)])


def test_who_has_left_or_was_swept_leaves_the_index(built):
    subscribe(built)
    built.connections.add(connection("c2"))
    subscribe(built, who="c2")
    built.project()
    built.truth.remove_members([built.connections.remove("c1")])
    [swept] = built.table.members(G_PHONES, 0)
    built.dynamodb.delete_item(
        TableName="subscriptions", Key={"pk": {"S": swept.pk}, "sk": {"S": swept.connection_id}}
    )

    built.project()

    assert indexed(built) == []


def test_every_record_again_in_the_wrong_order_changes_nothing(built):
    for wanted in (PHONES, LAPTOPS, PHONES, ANY):
        subscribe(built, wanted)
    records = built.stream.records()
    built.project(records)
    for record in reversed(records):
        built.project([record])
        assert (indexed(built), indexed(built, G_LAPTOPS)) == ([], [])
        assert indexed(built, G_ANY) == [("c1", NOW + HOUR)]


def test_pending_change_stays_until_redis_has_taken_it(built):
    subscribe(built)
    records = built.stream.records()
    built.client.password.password = "wrong"
    built.client.close()

    with pytest.raises(RedisFault):
        built.project(records)

    assert len(pending(built)) == 1
    built.client.password.password = built.server.password
    built.project(records)
    assert (indexed(built), pending(built)) == ([("c1", NOW + HOUR)], ())


def test_pending_change_that_was_replaced_meanwhile_stays(built):
    subscribe(built)
    records = built.stream.records()
    subscribe(built, LAPTOPS)

    built.project(records)

    assert [one.group_id for one in pending(built)] == [G_LAPTOPS]
    built.project()
    assert pending(built) == ()


def test_without_an_index_changes_are_left_to_its_building(world):
    world.connections.add(connection())
    subscribe(world)
    world.project()

    assert (indexed(world), pending(world)) == ([], ())
    world.build()
    assert indexed(world) == [("c1", NOW + HOUR)]


class Meddled(Table):
    """A table that is read, and changed before the reader has done anything about it."""

    act = None

    def _meddle(self):
        if self.act is not None:
            act, self.act = self.act, None
            act()

    def truth(self, memberships):
        found = super().truth(memberships)
        self._meddle()
        return found

    def _page(self, segment, segments, start):
        page = super()._page(segment, segments, start)
        if page.members:
            self._meddle()
        return page


def test_of_two_who_read_at_once_what_was_read_last_is_written_last(built):
    """One holds on to what it read while the other learns of the end, and writes that down."""
    subscribe(built)
    records = built.stream.records()
    slow = Meddled(built.dynamodb, "subscriptions")

    def end():
        built.truth.unsubscribe("c1", "a")
        built.project()
        assert pending(built) == ()

    slow.act = end
    Projector(built.index, slow, built.pending).apply(changes_of(records))

    assert indexed(built) == []


def test_flush_between_reading_and_writing_is_no_fault(built):
    subscribe(built)
    slow = Meddled(built.dynamodb, "subscriptions")
    slow.act = built.operator.flushall

    Projector(built.index, slow, built.pending).apply(changes_of(built.stream.records()))

    assert built.operator.dbsize() == 0, "nothing is written where there is no index"


def test_who_ends_while_the_index_is_built_does_not_come_back_by_an_older_page(world):
    world.connections.add(connection())
    subscribe(world)
    world.project()
    slow = Meddled(world.dynamodb, "subscriptions")

    def end():
        world.truth.unsubscribe("c1", "a")
        world.project()

    slow.act = end
    assert Builder(world.index, slow, world.clock).build(60).outcome == "ready"

    assert indexed(world) == []
    assert world.operator.exists("deals:index:touched", "deals:index:lease") == 0


def test_who_joins_while_the_index_is_built_is_in_it(world):
    world.connections.add(connection())
    world.connections.add(connection("c2"))
    subscribe(world)
    slow = Meddled(world.dynamodb, "subscriptions")

    def join():
        subscribe(world, LAPTOPS, "c2")
        world.project()

    slow.act = join
    Builder(world.index, slow, world.clock).build(60)

    assert (indexed(world), indexed(world, G_LAPTOPS)) == ([("c1", NOW + HOUR)], [("c2", NOW + HOUR)])


@pytest.mark.parametrize("harm", ["flush", "taken over"])
def test_building_that_was_overtaken_ends_and_does_no_harm(world, harm):
    world.connections.add(connection())
    subscribe(world)
    slow = Meddled(world.dynamodb, "subscriptions")

    def overtake():
        if harm == "flush":
            world.operator.flushall()
        else:
            world.operator.delete("deals:index:lease")  # it has run out
            world.build()

    slow.act = overtake
    built = Builder(world.index, slow, world.clock).build(60)

    assert built.outcome == "failed"
    assert world.index.meta().state == ("ready" if harm == "taken over" else "")
    assert indexed(world) == ([("c1", NOW + HOUR)] if harm == "taken over" else [])


def test_two_do_not_build_at_once(world):
    world.operator.set("deals:index:lease", "another", px=60_000)
    assert world.builder.build(60).outcome == "busy"


def test_building_that_finds_the_table_down_lets_nobody_believe_the_rest(built):
    subscribe(built)
    down = [fault("InternalServerError", 500)] * 99
    with answering(built.dynamodb, "Scan", *down), pytest.raises(StoreUnavailable):
        built.builder.build(60)
    assert built.index.meta().state == ""
    assert built.builder.build(60).outcome == "ready", "the lease was given back"


def test_building_out_of_time_is_not_ready(built):
    subscribe(built)
    with pytest.raises(StoreUnavailable, match="time"):
        built.builder.build(-1)
    assert built.index.meta().state == ""


def test_index_that_is_too_large_makes_room_and_rests(dynamodb, own_redis):
    world = World(dynamodb, own_redis, unnamed=True)
    world.build()
    world.connections.add(connection())
    subscribe(world)
    world.operator.set("somebody", "else's")
    world.operator.config_set("maxmemory", "1")
    records = world.stream.records()

    with pytest.raises(RedisFault, match="OOM"):
        world.project(records)
    assert world.index.meta().state == "", "nobody believes what cannot be kept"
    world.project(records)
    assert pending(world) == (), "the stream is not held up"

    # Not even the lease can be written: whoever tends is told so.
    assert world.tender.run(60).reason == "out_of_memory"
    world.operator.config_set("maxmemory", str(world.operator.info("memory")["used_memory"] + 50_000))
    built = world.builder.build(60, anyway=True)
    assert (built.outcome, built.reason) == ("failed", "out_of_memory")
    assert world.operator.keys("deals:*") == ["deals:index:rest"]
    assert world.operator.get("somebody") == "else's"
    world.operator.config_set("maxmemory", "0")
    assert world.builder.build(60).outcome == "resting"
    assert world.builder.build(60, anyway=True).outcome == "ready"
    assert world.operator.ttl("deals:index:rest") > 500
    world.close()


def test_groups_of_a_topic_come_from_the_index_and_the_announcements(built):
    subscribe(built)
    built.project()
    built.build()
    with watching(built.dynamodb) as watch:
        [group] = built.subscriptions.groups("a", NOW)
    assert (group.filter, group.shards) == (PHONES, 1)
    assert watch.reads == 1, "the announcements alone"

    built.connections.add(connection("c2"))
    subscribe(built, LAPTOPS, "c2")
    built.truth.add_shards(group, 3, NOW)
    found = {one.filter: one.shards for one in built.subscriptions.groups("a", NOW)}
    assert found == {PHONES: 3, LAPTOPS: 1}, "the stream has not told of them yet"
    built.project()
    assert {one.filter: one.shards for one in built.subscriptions.groups("a", NOW)} == found


def test_groups_that_were_not_compared_lately_come_from_the_table(built):
    subscribe(built)
    built.project()
    built.build()
    later = NOW + 55 * 60
    built.clock.now = later
    built.operator.hset("deals:meta", "tended_at", later)

    with watching(built.dynamodb) as watch:
        assert len(built.subscriptions.groups("a", later)) == 1
    assert watch.reads == 1
    built.tender.run(60)
    assert int(built.operator.hget("deals:t:a", "@checked")) == later


def test_groups_are_fetched_again_only_where_they_changed(built):
    asked = []

    class Counting(type(built.reading)):
        def execute(self, commands):
            asked.extend(command[0] for command in commands)
            return super().execute(commands)

    subscribe(built)
    built.project()
    built.build()
    reader = built.reader(redis_client(built.server, user="broadcast", kind=Counting))
    for _ in range(3):
        assert [one.filter for one in reader.groups("a", NOW)] == [PHONES]
    assert asked.count("HGETALL") == 1

    subscribe(built, LAPTOPS)
    built.project()
    assert {one.filter for one in reader.groups("a", NOW)} == {PHONES, LAPTOPS}
    assert asked.count("HGETALL") == 2


def test_group_that_ended_leaves_the_index_and_one_that_was_listed_anew_does_not(built):
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
    subscribe(built, who="c2")
    built.project()
    built.project(removal)
    assert G_PHONES in {one.group_id for one in built.index.listings("a")[0]}


def test_recorded_batch_names_what_changed():
    records = json.loads((EVENTS / "dynamodb_stream_batch.json").read_text())["Records"]
    changes = changes_of(records)

    group, other = "yMIBNF_Hf7TSeU79WMdp", "Xq0v4nYzQm3tB7cD1eFg"
    joined = "L0SM9cOFvHcCIhw="
    assert list(changes.memberships) == [
        Membership(other, 2, joined),
        Membership(group, 0, joined),
        Membership(other, 0, "L0SM8dGZPHcCJtA="),
    ]
    assert [(one.topic, one.group_id, one.shards) for one in changes.listed] == [("electronics", group, 1)]
    assert [one.group_id for one in changes.unlisted] == [other]
    assert [(one.topic, one.token) for one in changes.pending] == [("electronics", "0f8b5a9c6d7e4f1a2b")]
    assert sequence_number(records) == "111000000000000000000001"


BAD = [
    {},
    {"eventName": "INSERT"},
    {"eventName": "INSERT", "dynamodb": {"Keys": {"pk": {"S": "g#x"}, "sk": {"S": "c1"}}, "NewImage": {}}},
    {"eventName": "INSERT", "dynamodb": {"Keys": {"pk": {"S": "t#a"}, "sk": {"S": "g"}}, "NewImage": {}}},
    {"eventName": "REMOVE", "dynamodb": {"Keys": {"pk": {"S": "t#a"}, "sk": {"S": "g"}}}},
    {"eventName": "INSERT", "dynamodb": {"Keys": {"pk": {"S": "z#1"}, "sk": {"S": "g"}}, "NewImage": {}}},
    {"eventName": "INSERT", "dynamodb": {"Keys": {"pk": {"N": "1"}}, "NewImage": {}}},
    {"dynamodb": None},
]


@pytest.mark.parametrize("record", BAD)
def test_record_that_can_never_be_applied_is_counted_and_holds_up_nobody(built, record, published):
    subscribe(built)
    built.project([record, *built.stream.records()])

    assert indexed(built) == [("c1", NOW + HOUR)]
    assert published() == {("IndexRecordsSkipped",): [1]}


def test_index_of_another_script_cache_goes_on(built):
    """A failover to a server that never saw the scripts is told by an error, and mended by the next call."""
    subscribe(built)
    records = built.stream.records()
    built.operator.script_flush()
    with pytest.raises(RedisFault):
        built.project(records)
    built.project(records)
    assert indexed(built) == [("c1", NOW + HOUR)]


def test_index_writes_are_few_calls(built):
    for number in range(100):
        built.connections.add(connection(f"c{number}"))
        subscribe(built, who=f"c{number}", wanted=f'{{"x":{number}}}')
    records = [one for one in built.stream.records() if one["dynamodb"]["Keys"]["pk"]["S"].startswith("g#")]
    asked = []
    execute = built.client.execute
    built.client.execute = lambda commands: asked.append(len(commands)) or execute(commands)
    try:
        with watching(built.dynamodb) as watch:
            Projector(Index(built.client), built.table, built.pending).apply(changes_of(records))
    finally:
        del built.client.execute
    assert watch.calls == {"BatchGetItem": 1}
    assert len(asked) == 3, "the state, the claims, the memberships"


@pytest.mark.parametrize("change", ["join", "leave", "move"])
def test_change_that_reaches_the_index_between_the_two_reads_is_seen_once(built, change):
    """What is pending is read first; were it the index, a change could be missed by both."""
    if change != "join":
        subscribe(built, PHONES if change == "leave" else LAPTOPS)
        built.project()
    if change == "leave":
        built.truth.unsubscribe("c1", "a")
    else:
        subscribe(built)
    reads = []

    def after(read):
        def call(*arguments, **options):
            found = read(*arguments, **options)
            reads.append(read.__name__)
            if len(reads) == 1:
                built.project()
                assert pending(built) == ()
            return found

        return call

    reader = built.reader()
    reader._pending = type("Between", (), {"read": staticmethod(after(built.pending.read))})
    reader._index = type("Between", (), {"members": staticmethod(after(reader._index.members))})
    groups = built.truth.groups("a", NOW)
    found = {group.group_id: ids for group, ids in reader.members(groups, NOW) if ids}

    assert reads == ["read", "members"]
    assert found == ({} if change == "leave" else {G_PHONES: ["c1"]})
