"""What is done for the index each minute and by hand: found, mended, and told."""

import json

import pytest

from index_projector import tending
from index_projector.checking import SETTLE_SECONDS
from index_projector.tasks import Check
from realtime_core.ids import group_id
from realtime_core.redis.health import Health
from realtime_core.telemetry.metric_catalog import INDEX_LAG
from tests.contract.ports.cases import ANY, HOUR, LAPTOPS, NOW, PHONES, connection
from tests.contract.ports.indexed import World, operator

G_PHONES, G_LAPTOPS = group_id("a", PHONES), group_id("a", LAPTOPS)
KEY = f"deals:g:{G_PHONES}#0"


@pytest.fixture
def kept(world):
    """A built index with two members of one group and one of another."""
    for number, wanted in enumerate((PHONES, PHONES, LAPTOPS)):
        world.connections.add(connection(f"c{number}"))
        world.truth.subscribe(f"c{number}", "a", wanted, NOW)
    world.build()
    world.project()
    return world


def tend(world):
    return world.tender.run(60)


def members(world, key=KEY):
    return world.operator.zrange(key, 0, -1)


def test_missing_index_is_built(world):
    world.connections.add(connection())
    world.truth.subscribe("c1", "a", PHONES, NOW)

    tally = tend(world)

    assert (tally.state, tally.reason, tally.built.outcome, tally.built.members) == ("ready", "", "ready", 1)
    assert world.health.last() == Health("up", NOW)
    assert members(world) == ["c1"]


@pytest.mark.parametrize(
    "harm",
    [
        lambda redis: redis.flushall(),
        lambda redis: redis.hset("deals:meta", "state", "building"),
        lambda redis: redis.hset("deals:meta", "state", "clearing"),
        lambda redis: redis.hset("deals:meta", "format", "0"),
        lambda redis: redis.hset("deals:meta", "server", "another:server"),
        lambda redis: redis.hset("deals:meta", "tended_at", NOW - 12 * HOUR - 1),
    ],
)
def test_index_that_cannot_be_believed_is_built_anew(kept, harm):
    epoch = kept.index.meta().epoch
    harm(kept.operator)
    kept.operator.zadd("deals:g:rubbish#0", {"c9": NOW + HOUR})

    tally = tend(kept)

    assert (tally.state, tally.built.outcome) == ("ready", "ready")
    assert kept.index.meta().epoch != epoch
    assert members(kept) == ["c0", "c1"]
    assert members(kept, "deals:g:rubbish#0") == []


def test_index_that_is_well_is_left_alone(kept):
    epoch = kept.index.meta().epoch
    kept.clock.now = NOW + 60

    tally = tend(kept)

    assert tally.as_dict() | {"checked": 0} == {
        "task": "tend",
        "redis": "up",
        "reason": None,
        "state": "ready",
        "lagSeconds": 0,
        "pending": 0,
        "checked": 0,
        "repairs": 0,
        "trimmed": 0,
        "failures": 0,
        "built": None,
    }
    assert tally.checked == 2
    assert kept.naps == []
    meta = kept.index.meta()
    assert (meta.epoch, meta.tended_at) == (epoch, NOW + 60)


def damage(world):
    world.operator.zrem(KEY, "c0")
    world.operator.zadd(KEY, {"stranger": NOW + HOUR})
    world.operator.zadd(f"deals:g:{G_LAPTOPS}#0", {"c2": NOW + 7 * HOUR})


def test_what_differs_is_found_mended_and_counted(kept):
    damage(kept)

    tally = tend(kept)

    assert tally.repairs == 3
    assert members(kept) == ["c0", "c1"]
    assert kept.operator.zscore(f"deals:g:{G_LAPTOPS}#0", "c2") == NOW + HOUR
    assert kept.naps == [SETTLE_SECONDS]
    assert tend(kept).repairs == 0


def test_what_is_only_late_is_no_repair(kept):
    """The stream tells of it while the second look is waited for."""
    kept.truth.unsubscribe("c0", "a")
    kept.truth.subscribe("c1", "a", LAPTOPS, NOW)
    kept.checker._sleep = lambda _: kept.project()

    tally = tend(kept)

    assert (tally.pending, tally.repairs) == (2, 0)
    assert members(kept) == []


def test_groups_that_differ_are_set_right(kept):
    kept.operator.hdel("deals:t:a", G_LAPTOPS)
    kept.operator.hset("deals:t:a", "gone", f"{NOW - HOUR - 1} 1 {ANY}")
    kept.operator.hset("deals:t:a", "just-gone", f"{NOW - 60} 1 {ANY}")
    kept.clock.now = NOW + 20 * 60

    tally = tend(kept)

    assert tally.repairs == 1
    assert set(kept.operator.hkeys("deals:t:a")) == {
        G_PHONES,
        G_LAPTOPS,
        "just-gone",
        "@version",
        "@checked",
    }


def test_topic_without_groups_is_forgotten(kept):
    kept.operator.sadd("deals:index:topics", "b")
    kept.operator.hset("deals:t:b", "gone", f"{NOW - 2 * HOUR} 1 {ANY}")

    tend(kept)

    assert kept.operator.smembers("deals:index:topics") == {"a"}
    assert kept.operator.exists("deals:t:b") == 0


def test_members_that_ended_are_trimmed(kept):
    kept.operator.zadd(KEY, {"old": NOW - 61, "just-ended": NOW - 59})

    assert tend(kept).trimmed == 1
    assert members(kept) == ["just-ended", "c0", "c1"]


def test_change_that_waits_is_lag_and_too_long_is_down(kept, monkeypatch):
    monkeypatch.setattr(tending, "LATE_MOST", 0)  # more of them wait than one run makes up for
    kept.truth.unsubscribe("c0", "a")
    kept.clock.now = NOW + 20
    tally = tend(kept)
    assert (tally.lag_seconds, tally.pending, tally.reason) == (20, 1, "")
    kept.clock.now = NOW + 31
    tally = tend(kept)
    assert (tally.lag_seconds, tally.reason) == (31, "behind")
    assert kept.health.last() == Health("down", NOW + 31)
    assert dict(tally.metrics())[INDEX_LAG] == 31


def test_change_that_the_stream_has_lost_is_made_up_for(kept, capsys):
    kept.truth.unsubscribe("c0", "a")
    kept.truth.subscribe("c1", "a", LAPTOPS, NOW)
    kept.stream.records()
    kept.checker.sample = lambda _groups: []  # the comparison is not what mends it
    kept.clock.now = NOW + 10
    tend(kept)
    assert members(kept) == ["c0", "c1"]

    kept.clock.now = NOW + 40
    tally = tend(kept)

    assert (tally.lag_seconds, tally.pending, tally.reason) == (40, 2, "")
    assert members(kept) == []
    assert members(kept, f"deals:g:{G_LAPTOPS}#0") == ["c1", "c2"]
    assert kept.pending.read(NOW).items == ()
    assert '"stream_made_up_for"' in capsys.readouterr().out
    assert tend(kept).pending == 0


def test_oldest_of_many_changes_are_made_up_for_first(kept, monkeypatch):
    monkeypatch.setattr(tending, "LATE_MOST", 1)
    for number, at in enumerate((NOW + 5, NOW)):
        kept.clock.now = at
        kept.truth.unsubscribe(f"c{number}", "a")
    kept.stream.records()
    kept.clock.now = NOW + 20
    assert tend(kept).lag_seconds == 20
    assert [one.connection_id for one in kept.pending.read(NOW).items] == ["c0"]


def test_change_of_before_the_index_was_built_is_pending_no_more(world):
    """Redis is switched on: what was written before there was anybody to read the stream is in the index."""
    world.connections.add(connection())
    world.truth.subscribe("c1", "a", PHONES, NOW)
    world.stream.records()
    world.clock.now = NOW + 61
    world.connections.add(connection("c2"))
    world.truth.subscribe("c2", "a", PHONES, NOW + 61)

    tend(world)

    assert members(world) == ["c1", "c2"]
    assert [one.connection_id for one in world.pending.read(NOW).items] == ["c2"]


def test_redis_that_is_down_is_told(dynamodb, own_redis):
    world = World(dynamodb, own_redis, unnamed=True)
    world.build()
    own_redis.kill()
    tally = tend(world)
    assert (tally.reason, tally.failures) == ("refused", 1)
    assert world.health.last() == Health("down", NOW)
    assert tend(world).reason == "refused"
    own_redis.run()
    assert tend(world).built.outcome == "ready"
    assert world.health.last() == Health("up", NOW)
    world.close()


def test_eviction_is_warned_of(dynamodb, own_redis, capsys):
    with operator(own_redis) as redis:
        redis.config_set("maxmemory-policy", "allkeys-lru")
    world = World(dynamodb, own_redis, unnamed=True)
    tend(world)
    [line] = [line for line in map(json.loads, capsys.readouterr().out.splitlines()) if "policy" in line]
    assert (line["event"], line["policy"]) == ("redis_may_evict", "allkeys-lru")
    assert "noeviction" in line["remedy"]
    world.close()


def test_check_by_hand_counts_and_mends_only_when_told(kept):
    damage(kept)
    kept.operator.zadd("deals:g:rubbish#3", {"c9": NOW + HOUR})
    kept.operator.hdel("deals:t:a", G_LAPTOPS)
    found = {
        "task": "check",
        "outcome": "different",
        "shards": 3,
        "members": 3,
        "missing": 1,
        "extra": 2,
        "stale": 1,
        "repaired": 0,
        "groupsRepaired": 0,
    }
    assert kept.checker.answer(Check()) == found
    assert kept.checker.answer(Check(repair=True)) == found | {"repaired": 4, "groupsRepaired": 1}
    assert kept.checker.answer(Check()) == found | {
        "outcome": "equal", "shards": 2, "missing": 0, "extra": 0, "stale": 0,
    }  # fmt: skip
    assert kept.checker.answer(Check(groups=1))["shards"] == 1


def test_check_without_an_index_says_so(world):
    assert world.checker.answer(Check()) == {
        "task": "check", "outcome": "failed", "reason": "the index is missing",
    }  # fmt: skip
