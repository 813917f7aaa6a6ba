"""The maintenance of each minute and the check by hand: what they find, repair and report."""

import json

import pytest

from index_projector import maintenance
from index_projector.invocation import CheckTask
from index_projector.verification import SETTLE_SECONDS
from realtime_core.redis.health import Health
from realtime_core.telemetry.metric_catalog import INDEX_LAG
from tests.contract.support.cases import ANY, HOUR, LAPTOPS, NOW, PHONES, connection
from tests.contract.support.index_harness import G_LAPTOPS, G_PHONES, IndexHarness, operator

KEY = f"deals:g:{G_PHONES}#0"


@pytest.fixture
def ready(harness):
    """A ready index with two members of one group and one of another."""
    for number, wanted in enumerate((PHONES, PHONES, LAPTOPS)):
        harness.connections.add(connection(f"c{number}"))
        harness.store.subscribe(f"c{number}", "a", wanted, NOW)
    harness.build()
    harness.project()
    return harness


def maintain(harness):
    return harness.maintenance.run(60)


def members(harness, key=KEY):
    return harness.operator.zrange(key, 0, -1)


def test_missing_index_is_rebuilt(harness):
    harness.connections.add(connection())
    harness.store.subscribe("c1", "a", PHONES, NOW)

    report = maintain(harness)

    assert (report.state, report.reason) == ("ready", "")
    assert (report.rebuild.outcome, report.rebuild.members) == ("ready", 1)
    assert harness.health.last() == Health("up", NOW)
    assert members(harness) == ["c1"]


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
def test_index_that_cannot_be_trusted_is_rebuilt(ready, harm):
    epoch = ready.index.meta().epoch
    harm(ready.operator)
    ready.operator.zadd("deals:g:rubbish#0", {"c9": NOW + HOUR})

    report = maintain(ready)

    assert (report.state, report.rebuild.outcome) == ("ready", "ready")
    assert ready.index.meta().epoch != epoch
    assert members(ready) == ["c0", "c1"]
    assert members(ready, "deals:g:rubbish#0") == []


def test_index_that_is_right_is_left_alone(ready):
    epoch = ready.index.meta().epoch
    ready.clock.now = NOW + 60

    report = maintain(ready)

    assert report.as_dict() | {"checked": 0} == {
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
    assert report.checked == 2
    assert ready.sleeps == []
    meta = ready.index.meta()
    assert (meta.epoch, meta.tended_at) == (epoch, NOW + 60)


def damage(harness):
    harness.operator.zrem(KEY, "c0")
    harness.operator.zadd(KEY, {"stranger": NOW + HOUR})
    harness.operator.zadd(f"deals:g:{G_LAPTOPS}#0", {"c2": NOW + 7 * HOUR})


def test_differences_are_repaired_and_counted(ready):
    damage(ready)

    report = maintain(ready)

    assert report.repairs == 3
    assert members(ready) == ["c0", "c1"]
    assert ready.operator.zscore(f"deals:g:{G_LAPTOPS}#0", "c2") == NOW + HOUR
    assert ready.sleeps == [SETTLE_SECONDS]
    assert maintain(ready).repairs == 0


def test_late_change_is_not_a_repair(ready):
    """The stream brings the change before the second comparison."""
    ready.store.unsubscribe("c0", "a")
    ready.store.subscribe("c1", "a", LAPTOPS, NOW)
    ready.verification._sleep = lambda _: ready.project()

    report = maintain(ready)

    assert (report.pending, report.repairs) == (2, 0)
    assert members(ready) == []


def test_groups_that_differ_are_repaired(ready):
    ready.operator.hdel("deals:t:a", G_LAPTOPS)
    ready.operator.hset("deals:t:a", "gone", f"{NOW - HOUR - 1} 1 {ANY}")
    ready.operator.hset("deals:t:a", "just-gone", f"{NOW - 60} 1 {ANY}")
    ready.clock.now = NOW + 20 * 60

    report = maintain(ready)

    assert report.repairs == 1
    assert set(ready.operator.hkeys("deals:t:a")) == {
        G_PHONES,
        G_LAPTOPS,
        "just-gone",
        "@version",
        "@checked",
    }


def test_topic_without_groups_is_removed(ready):
    ready.operator.sadd("deals:index:topics", "b")
    ready.operator.hset("deals:t:b", "gone", f"{NOW - 2 * HOUR} 1 {ANY}")

    maintain(ready)

    assert ready.operator.smembers("deals:index:topics") == {"a"}
    assert ready.operator.exists("deals:t:b") == 0


def test_members_that_ended_are_trimmed(ready):
    ready.operator.zadd(KEY, {"old": NOW - 61, "just-ended": NOW - 59})

    assert maintain(ready).trimmed == 1
    assert members(ready) == ["just-ended", "c0", "c1"]


def test_change_that_waits_is_lag_and_one_that_waits_too_long_is_down(ready, monkeypatch):
    monkeypatch.setattr(maintenance, "LATE_CHANGES_MAX", 0)  # more changes wait than one run applies
    ready.store.unsubscribe("c0", "a")
    ready.clock.now = NOW + 20
    report = maintain(ready)
    assert (report.lag_seconds, report.pending, report.reason) == (20, 1, "")
    ready.clock.now = NOW + 31
    report = maintain(ready)
    assert (report.lag_seconds, report.reason) == (31, "behind")
    assert ready.health.last() == Health("down", NOW + 31)
    assert dict(report.metrics())[INDEX_LAG] == 31


def test_change_that_the_stream_lost_is_applied(ready, capsys):
    ready.store.unsubscribe("c0", "a")
    ready.store.subscribe("c1", "a", LAPTOPS, NOW)
    ready.stream.records()
    ready.verification.sample_shards = lambda _groups: []  # so that the comparison does not repair it
    ready.clock.now = NOW + 10
    maintain(ready)
    assert members(ready) == ["c0", "c1"]

    ready.clock.now = NOW + 40
    report = maintain(ready)

    assert (report.lag_seconds, report.pending, report.reason) == (40, 2, "")
    assert members(ready) == []
    assert members(ready, f"deals:g:{G_LAPTOPS}#0") == ["c1", "c2"]
    assert ready.pending.read(NOW).items == ()
    assert '"stream_made_up_for"' in capsys.readouterr().out
    assert maintain(ready).pending == 0


def test_oldest_of_many_late_changes_are_applied_first(ready, monkeypatch):
    monkeypatch.setattr(maintenance, "LATE_CHANGES_MAX", 1)
    for number, at in enumerate((NOW + 5, NOW)):
        ready.clock.now = at
        ready.store.unsubscribe(f"c{number}", "a")
    ready.stream.records()
    ready.clock.now = NOW + 20
    assert maintain(ready).lag_seconds == 20
    assert [change.connection_id for change in ready.pending.read(NOW).items] == ["c0"]


def test_pending_change_older_than_the_index_is_deleted(harness):
    """When Redis is switched on, the rebuild reads what was written before there was a stream."""
    harness.connections.add(connection())
    harness.store.subscribe("c1", "a", PHONES, NOW)
    harness.stream.records()
    harness.clock.now = NOW + 61
    harness.connections.add(connection("c2"))
    harness.store.subscribe("c2", "a", PHONES, NOW + 61)

    maintain(harness)

    assert members(harness) == ["c1", "c2"]
    assert [change.connection_id for change in harness.pending.read(NOW).items] == ["c2"]


def test_redis_that_is_down_is_reported(dynamodb, own_redis):
    harness = IndexHarness(dynamodb, own_redis, unnamed=True)
    harness.build()
    own_redis.kill()
    report = maintain(harness)
    assert (report.reason, report.failures) == ("refused", 1)
    assert harness.health.last() == Health("down", NOW)
    assert maintain(harness).reason == "refused"
    own_redis.run()
    assert maintain(harness).rebuild.outcome == "ready"
    assert harness.health.last() == Health("up", NOW)
    harness.close()


def test_redis_that_may_evict_is_warned_of(dynamodb, own_redis, capsys):
    with operator(own_redis) as redis:
        redis.config_set("maxmemory-policy", "allkeys-lru")
    harness = IndexHarness(dynamodb, own_redis, unnamed=True)
    maintain(harness)
    [line] = [line for line in map(json.loads, capsys.readouterr().out.splitlines()) if "policy" in line]
    assert (line["event"], line["policy"]) == ("redis_may_evict", "allkeys-lru")
    assert "noeviction" in line["remedy"]
    harness.close()


def test_check_by_hand_counts_and_repairs_only_if_asked(ready):
    damage(ready)
    ready.operator.zadd("deals:g:rubbish#3", {"c9": NOW + HOUR})
    ready.operator.hdel("deals:t:a", G_LAPTOPS)
    response = {
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
    assert ready.verification.run_task(CheckTask()) == response
    assert ready.verification.run_task(CheckTask(repair=True)) == response | {
        "repaired": 4,
        "groupsRepaired": 1,
    }
    assert ready.verification.run_task(CheckTask()) == response | {
        "outcome": "equal", "shards": 2, "missing": 0, "extra": 0, "stale": 0,
    }  # fmt: skip
    assert ready.verification.run_task(CheckTask(groups=1))["shards"] == 1


def test_check_without_an_index_fails_with_the_reason(harness):
    assert harness.verification.run_task(CheckTask()) == {
        "task": "check", "outcome": "failed", "reason": "the index is missing",
    }  # fmt: skip
