"""Rebuilds of the index: what they hold, what goes on meanwhile, and how they fail."""

import pytest

from index_projector.rebuild import Rebuild
from realtime_core.errors import StoreUnavailable
from realtime_core.redis.errors import RedisFault
from tests.contract.support.cases import HOUR, LAPTOPS, NOW, PHONES, connection
from tests.contract.support.index_harness import (
    G_LAPTOPS,
    G_PHONES,
    IndexHarness,
    InterruptedTable,
    indexed,
    pending,
    subscribe,
)
from tests.contract.support.watched_clients import answering, fault


def test_rebuilt_index_equals_the_table(harness):
    for number in range(30):
        harness.connections.add(connection(f"c{number}"))
        subscribe(harness, (PHONES, LAPTOPS)[number % 2], f"c{number}")
    harness.project()

    result = harness.build()

    assert (result.members, result.groups) == (30, 2)
    assert harness.member_ids("a") == {
        G_PHONES: sorted(f"c{n}" for n in range(0, 30, 2)),
        G_LAPTOPS: sorted(f"c{n}" for n in range(1, 30, 2)),
    }
    assert harness.subscriptions._breaker.reason is None, "read from Redis"


def test_changes_without_an_index_are_left_to_its_rebuild(harness):
    harness.connections.add(connection())
    subscribe(harness)
    harness.project()

    assert (indexed(harness), pending(harness)) == ([], ())
    harness.build()
    assert indexed(harness) == [("c1", NOW + HOUR)]


def test_membership_that_ends_during_a_rebuild_does_not_come_back_with_an_older_page(harness):
    harness.connections.add(connection())
    subscribe(harness)
    harness.project()
    slow = InterruptedTable(harness.dynamodb, "subscriptions")

    def end():
        harness.store.unsubscribe("c1", "a")
        harness.project()

    slow.interruption = end
    assert Rebuild(harness.index, slow, harness.clock).run(60).outcome == "ready"

    assert indexed(harness) == []
    assert harness.operator.exists("deals:index:touched", "deals:index:lease") == 0


def test_membership_that_begins_during_a_rebuild_is_in_the_index(harness):
    harness.connections.add(connection())
    harness.connections.add(connection("c2"))
    subscribe(harness)
    slow = InterruptedTable(harness.dynamodb, "subscriptions")

    def join():
        subscribe(harness, LAPTOPS, "c2")
        harness.project()

    slow.interruption = join
    Rebuild(harness.index, slow, harness.clock).run(60)

    assert (indexed(harness), indexed(harness, G_LAPTOPS)) == ([("c1", NOW + HOUR)], [("c2", NOW + HOUR)])


@pytest.mark.parametrize("harm", ["flush", "taken over"])
def test_rebuild_that_lost_its_lease_fails_and_does_no_harm(harness, harm):
    harness.connections.add(connection())
    subscribe(harness)
    slow = InterruptedTable(harness.dynamodb, "subscriptions")

    def overtake():
        if harm == "flush":
            harness.operator.flushall()
        else:
            harness.operator.delete("deals:index:lease")  # it has expired
            harness.build()

    slow.interruption = overtake
    result = Rebuild(harness.index, slow, harness.clock).run(60)

    assert result.outcome == "failed"
    assert harness.index.meta().state == ("ready" if harm == "taken over" else "")
    assert indexed(harness) == ([("c1", NOW + HOUR)] if harm == "taken over" else [])


def test_rebuild_while_another_runs_is_busy(harness):
    harness.operator.set("deals:index:lease", "another", px=60_000)
    assert harness.rebuild.run(60).outcome == "busy"


def test_rebuild_while_the_table_is_down_leaves_no_usable_index(built):
    subscribe(built)
    down = [fault("InternalServerError", 500)] * 99
    with answering(built.dynamodb, "Scan", *down), pytest.raises(StoreUnavailable):
        built.rebuild.run(60)
    assert built.index.meta().state == ""
    assert built.rebuild.run(60).outcome == "ready", "the lease was released"


def test_rebuild_out_of_time_is_not_ready(built):
    subscribe(built)
    with pytest.raises(StoreUnavailable, match="time"):
        built.rebuild.run(-1)
    assert built.index.meta().state == ""


def test_index_that_is_too_large_frees_its_memory_and_rests(dynamodb, own_redis):
    harness = IndexHarness(dynamodb, own_redis, unnamed=True)
    harness.build()
    harness.connections.add(connection())
    subscribe(harness)
    harness.operator.set("foreign", "x" * 20_000_000)
    harness.operator.config_set("maxmemory", "1")
    records = harness.stream.records()

    with pytest.raises(RedisFault, match="OOM"):
        harness.project(records)
    assert harness.index.meta().state == "", "an index that cannot be updated is out of use"
    harness.project(records)
    assert pending(harness) == (), "the stream goes on"

    # Not even the lease can be written, and maintenance reports it.
    assert harness.maintenance.run(60).reason == "out_of_memory"
    # A twentieth is left: room for leases and the buffers of connections, but not for an index.
    used = harness.operator.info("memory")["used_memory"]
    harness.operator.config_set("maxmemory", str(used * 20 // 19))
    result = harness.rebuild.run(60, force=True)
    assert (result.outcome, result.reason) == ("failed", "out_of_memory")
    assert harness.operator.keys("deals:*") == ["deals:index:rest"]
    assert harness.operator.exists("foreign")
    harness.operator.config_set("maxmemory", "0")
    assert harness.rebuild.run(60).outcome == "resting"
    assert harness.rebuild.run(60, force=True).outcome == "ready"
    assert harness.operator.ttl("deals:index:rest") > 500
    harness.close()
