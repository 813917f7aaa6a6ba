"""New filters are limited for each topic, and what limits a user is asked only where a filter is new."""

import pytest

from realtime_core.connections.memory import MemoryConnections
from realtime_core.errors import SubscriptionFailed
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions
from realtime_core.subscriptions.dynamodb_topic_counts import COUNTED_SECONDS
from realtime_core.subscriptions.memory import MemorySubscriptions
from tests.contract.support.cases import HOUR, NOW, connection
from tests.contract.support.watched_clients import watching

MAXIMUM = 3
END = NOW + 3 * HOUR


class Topics:
    """Subscriptions to topics of at most three filters, by as many connections as a test needs."""

    def __init__(self, connections, subscriptions):
        self.connections, self.subscriptions = connections, subscriptions
        self.asked = self.connected = 0

    def subscribe(self, wanted, now=NOW, topic="a", admit=None):
        """Subscribe a new connection to `x` = `wanted`."""
        self.connected += 1
        self.connections.add(connection(f"c{self.connected}", "ann", connected_at=now, token_exp=now + HOUR))

        def ask():
            self.asked += 1
            if admit:
                admit()

        wanted = wanted if isinstance(wanted, str) else f'{{"x":{wanted}}}'
        self.subscriptions.subscribe(f"c{self.connected}", topic, wanted, now, admit_new=ask)

    def assert_full(self, wanted, now=NOW):
        with pytest.raises(SubscriptionFailed) as refused:
            self.subscribe(wanted, now)
        assert refused.value.details == {"reason": "topic_full"}
        assert len(list(self.subscriptions.groups("a", now))) <= MAXIMUM


@pytest.fixture
def dynamo_topics(dynamodb, dynamo_stores):
    return Topics(
        dynamo_stores.connections,
        DynamoSubscriptions(dynamodb, "connections", "subscriptions", topic_filters_max=MAXIMUM),
    )


@pytest.fixture(params=["dynamo", "memory"])
def topics(request):
    if request.param == "dynamo":
        return request.getfixturevalue("dynamo_topics")
    connections = MemoryConnections()
    return Topics(connections, MemorySubscriptions(connections, topic_filters_max=MAXIMUM))


def test_topic_with_the_maximum_takes_no_new_filter_but_subscribers_of_its_own(topics):
    for wanted in range(MAXIMUM):
        topics.subscribe(wanted)

    topics.assert_full(99)
    topics.assert_full(98)
    topics.subscribe(1)
    topics.subscribe(99, topic="b")
    assert len(list(topics.subscriptions.groups("a", NOW))) == MAXIMUM


def test_topic_takes_new_filters_once_others_have_ended(topics):
    """Without a sweep: a group that has ended counts no longer."""
    for wanted in range(MAXIMUM):
        topics.subscribe(wanted)
    topics.assert_full(99)
    topics.subscribe(0, END - 60)

    for wanted in (97, 98):
        topics.subscribe(wanted, END + 1)
    topics.assert_full(99, END + 1)


def test_who_limits_the_user_is_asked_only_before_a_group_is_listed(topics):
    topics.subscribe(1)
    topics.subscribe(1)
    assert topics.asked == 1
    topics.subscribe(1, END - 60)
    assert topics.asked == 1, "listed again, but not new"
    topics.subscribe(1, END + 4 * HOUR)
    assert topics.asked == 2

    def refuse():
        raise SubscriptionFailed("no more", {"reason": "too_many_new_filters"})

    with pytest.raises(SubscriptionFailed, match="no more"):
        topics.subscribe(2, END + 4 * HOUR, admit=refuse)
    assert len(list(topics.subscriptions.groups("a", END + 4 * HOUR))) == 1, "nothing was listed"


def test_new_filter_costs_one_write_more_and_a_full_topic_is_counted_once_in_ten_minutes(
    dynamodb, dynamo_topics
):
    def spend(wanted, now=NOW, *, full=False):
        with watching(dynamodb) as watch:
            dynamo_topics.assert_full(wanted, now) if full else dynamo_topics.subscribe(wanted, now)
        # One read of the record, one write that connects; to check a full topic reads its groups.
        return watch.reads - 1 - full, watch.writes - 1

    assert spend(0) == (2, 5), "the first: the topic was not counted yet, nor its partitions looked up"
    assert spend(1) == (0, 4), "the group, the count, the listing, the record with its membership"
    assert spend(1) == (0, 1)
    assert spend(2) == (0, 4)
    later = NOW + COUNTED_SECONDS
    assert spend(99, later, full=True) == (2, 3), "counted again, since some may have ended"
    assert spend(98, later, full=True) == (0, 2), "the group and the count"


def test_filter_of_several_texts_counts_as_many(topics):
    """By the count, and where the groups are counted again."""
    two = '{"a":{"anyOf":[{"contains":"x"},{"contains":"y"}]}}'
    topics.subscribe(two)
    topics.assert_full('{"b":{"anyOf":[{"contains":"x"},{"contains":"y"}]}}')
    topics.subscribe(1)

    topics.assert_full(2)
    topics.subscribe(two, NOW + COUNTED_SECONDS)
    topics.assert_full(2, NOW + COUNTED_SECONDS)
