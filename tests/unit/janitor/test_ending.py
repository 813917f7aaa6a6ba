"""A subscription that an operator ends."""

import json

import pytest

from janitor.ending import Ending, is_ending
from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections
from realtime_core.errors import ConnectionUnknown, StoreUnavailable, ValidationFailed
from realtime_core.push.memory import MemoryManagementApi
from realtime_core.subscriptions.memory import MemorySubscriptions

NOW = 1_795_382_480


class EndingHarness:
    """Ann on c1 with two subscriptions."""

    def __init__(self):
        self.connections, self.poster = MemoryConnections(), MemoryManagementApi()
        self.subscriptions = MemorySubscriptions(self.connections)
        self.connections.add(Connection("c1", "ann", NOW, NOW + 3600))
        for topic in ("books", "tools"):
            self.subscriptions.subscribe("c1", topic, "{}", NOW)
        self.ending = Ending(
            connections=self.connections,
            subscriptions=self.subscriptions,
            poster=self.poster,
            clock=lambda: NOW + 0.9,
        )

    def end(self, **changes):
        event = {"task": "endSubscription", "connectionId": "c1", "topic": "books", **changes}
        assert is_ending(event)
        return self.ending.run({name: value for name, value in event.items() if value is not None})

    def topics(self):
        return set(self.connections.get("c1").subscriptions)


@pytest.fixture
def harness():
    return EndingHarness()


def test_subscription_is_ended_and_its_client_told(harness):
    assert harness.end() == {"ended": True, "told": True}
    assert harness.topics() == {"tools"}
    [told] = harness.poster.received["c1"]
    expected = {"topic": "books", "reason": "operator"}
    assert json.loads(told) == {"type": "subscriptionEnded", "data": expected, "timestamp": NOW}
    assert harness.end() == {"ended": False, "told": False}
    assert len(harness.poster.received["c1"]) == 1


def test_log_says_whose_subscription_an_operator_ended(harness, capsys):
    harness.end()
    [line] = [
        json.loads(text) for text in capsys.readouterr().out.splitlines() if "subscription_ended" in text
    ]
    assert (line["connectionId"], line["userId"], line["topic"]) == ("c1", "ann", "books")


def test_subscription_of_a_connection_that_closes_meanwhile_is_not_ended(harness, monkeypatch):
    def unsubscribe(*_arguments, **_known):
        raise ConnectionUnknown("gone")

    monkeypatch.setattr(harness.subscriptions, "unsubscribe", unsubscribe)
    assert harness.end() == {"ended": False, "told": False}
    assert harness.poster.received == {}


@pytest.mark.parametrize("changes", [{"topic": "else"}, {"connectionId": "c2"}])
def test_what_there_is_no_subscription_of_is_left(harness, changes):
    assert harness.end(**changes) == {"ended": False, "told": False}
    assert harness.topics() == {"books", "tools"}


def test_subscription_of_a_connection_that_is_gone_is_ended_and_nobody_told(harness):
    harness.poster.answers["c1"] = [410]
    assert harness.end() == {"ended": True, "told": False}


@pytest.mark.parametrize(
    "changes", [{"topic": "Books"}, {"topic": None}, {"connectionId": 7}, {"connectionId": ""}, {"more": 1}]
)
def test_event_that_names_no_subscription_is_refused(harness, changes):
    with pytest.raises(ValidationFailed):
        harness.end(**changes)
    assert harness.topics() == {"books", "tools"}


@pytest.mark.parametrize("task", ["endSubscriptions", "", 7, ["endSubscription"], {}])
def test_task_that_is_unknown_is_refused_by_name_and_runs_nothing(harness, task):
    with pytest.raises(ValidationFailed) as raised:
        harness.end(task=task)
    assert [problem["field"] for problem in raised.value.details] == ["task"]
    assert is_ending({"task": None}), "which is no task of the schedule either"
    assert harness.topics() == {"books", "tools"}


def test_subscription_that_cannot_be_ended_is_an_error_and_nobody_is_told(harness):
    harness.subscriptions.down = True
    with pytest.raises(StoreUnavailable):
        harness.end()
    assert harness.poster.received == {}


@pytest.mark.parametrize("event", [{}, {"share": 0, "of": 4}, None, [], "endSubscription"])
def test_other_events_are_the_schedules(event):
    assert not is_ending(event)
