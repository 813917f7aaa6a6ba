"""A group that a client was told it is in is found by a process that has read its topic before."""

import pytest

from index_projector.verification import TOPIC_SECONDS
from realtime_core.subscriptions.redis_keys import CHECKED_SECONDS_MAX
from tests.contract.support.cases import HOUR, LAPTOPS, NOW, connection
from tests.contract.support.index_harness import G_LAPTOPS, G_PHONES, IndexHarness, subscribe


@pytest.fixture
def built(dynamodb, redis_server):
    """A table with connection c1, and an index that was built on it."""
    harness = IndexHarness(dynamodb, redis_server)
    harness.operator.flushall()
    harness.connections.add(connection("c1"))
    harness.build()
    yield harness
    harness.close()


def move_to(built, now):
    """Move the clock, with a maintenance in each of the last minutes; DynamoDB has swept nothing."""
    built.clock.now = now
    if built.operator.hget("deals:meta", "state") == "ready":
        built.operator.hset("deals:meta", "tended_at", now)
    report = built.maintenance.run(60)
    assert (report.state, report.failures) == ("ready", 0), report


def connect(built, connection_id):
    now = built.clock.now
    built.connections.add(connection(connection_id, connected_at=now, token_exp=now + HOUR))


def ids(reader, now, topic="a"):
    return {group.group_id for group in reader.groups(topic, now)}


@pytest.mark.parametrize("ended_for", [HOUR // 2, HOUR + 60, 20 * HOUR])
def test_group_that_comes_back_before_its_sweep_is_found(built, ended_for):
    subscribe(built)
    built.project()
    later = NOW + 3 * HOUR + ended_for
    move_to(built, later)
    ids(built.subscriptions, later)

    connect(built, "c2")
    subscribe(built, connection_id="c2")
    built.project()
    # The announcement is read no more once the topic was compared after it.
    move_to(built, later + CHECKED_SECONDS_MAX // 2)

    assert ids(built.subscriptions, built.clock.now) == {G_PHONES}
    assert built.member_ids("a") == {G_PHONES: ["c2"]}


def test_group_that_is_kept_alive_is_found_though_nothing_else_changes(built):
    """Its end moves on with each subscriber, which is no change that readers read again for."""
    for hour in range(8):
        move_to(built, NOW + hour * HOUR)
        connect(built, f"k{hour}")
        subscribe(built, connection_id=f"k{hour}")
        built.project()
        assert ids(built.subscriptions, built.clock.now) == {G_PHONES}, f"after {hour} hours"


def test_group_that_ended_over_an_hour_ago_is_not_read(built):
    subscribe(built)
    built.project()
    assert ids(built.subscriptions, NOW) == {G_PHONES}

    move_to(built, NOW + 4 * HOUR + 60)
    assert ids(built.subscriptions, built.clock.now) == set()


def test_topic_that_is_forgotten_and_made_again_is_read_again(built):
    subscribe(built)
    built.project()
    move_to(built, NOW + 60)
    assert ids(built.subscriptions, built.clock.now) == {G_PHONES}

    key = {"pk": {"S": "t#a"}, "sk": {"S": G_PHONES}}
    built.dynamodb.delete_item(TableName="subscriptions", Key=key)
    built.project()
    move_to(built, NOW + 60 + TOPIC_SECONDS)
    assert not built.operator.exists("deals:t:a"), "nothing is kept of a topic without groups"

    connect(built, "c2")
    subscribe(built, LAPTOPS, "c2")
    built.project()
    move_to(built, built.clock.now + 180)
    assert ids(built.subscriptions, built.clock.now) == {G_LAPTOPS}


def test_group_that_is_listed_while_its_topic_is_being_forgotten_stays(built):
    """Between the comparison, which found no group, and the removal of the topic."""
    subscribe(built)
    built.project()
    key = {"pk": {"S": "t#a"}, "sk": {"S": G_PHONES}}
    built.dynamodb.delete_item(TableName="subscriptions", Key=key)
    built.project()
    built.clock.now = NOW + HOUR
    connect(built, "c2")
    epoch = built.index.meta().epoch

    unlist = built.index.unlist_groups

    def list_another(topic, ended):
        subscribe(built, connection_id="c2")
        built.project()
        return unlist(topic, ended)

    built.index.unlist_groups = list_another
    built.verification.verify_topics(epoch, ["a"], 0)

    assert [group.group_id for group in built.index.listings("a")[0]] == [G_PHONES]
    assert built.index.topics() == ["a"]
