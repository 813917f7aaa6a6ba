"""What `make load` counts as lost: a run in which something is missing must not pass."""

from __future__ import annotations

from tests.load.crowd import Member
from tests.load.scenarios import count, quantiles


def accepted(event_id, topic):
    return {"broadcast": "success", "eventId": event_id, "topic": topic}


def member(**received):
    return Member("ann", received=received)


def test_event_that_one_of_its_subscribers_lacks_is_missing_and_one_more_time_is_twice():
    published = [accepted("e1", "books"), accepted("e2", "books"), accepted("e3", "music")]
    topics = [["books"], ["books", "music"], []]
    members = [member(e1=1), member(e1=1, e2=3, e3=1), member()]
    assert count(published, members, lambda number: topics[number]) == {"due": 5, "missing": 1, "twice": 2}


def test_event_that_was_not_accepted_is_due_to_nobody():
    published = [{"broadcast": "failed", "topic": "books", "errorMessage": "Task timed out"}]
    assert count(published, [member()], lambda _: ["books"]) == {"due": 0, "missing": 0, "twice": 0}


def test_quantiles_are_of_the_values_themselves():
    assert quantiles([]) == {}
    assert quantiles([float(n) for n in range(100)]) == {"p50": 50.0, "p95": 95.0, "p99": 99.0, "max": 99.0}
