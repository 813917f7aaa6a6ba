"""The listener of `tail` against the server of the clients' conformance suite."""

from __future__ import annotations

import pytest

from clients.conformance.runner.server import Fault, Refusal
from deals_client import Options
from deals_ops.errors import CallFailed, NotAllowed, WrongArgument
from deals_ops.topic_listener import ATTEMPTS_MAX, TopicListener
from tests.scenario_server import running_server

TOPIC = "travel.flights"
OPTIONS = Options(backoff_base=0.001, backoff_cap=0.01, backoff_cap_later=0.01)


@pytest.fixture
def server():
    with running_server() as running:
        yield running


def listener_of(server, **options):
    notes = []
    issue = server.service.issue_token
    return TopicListener(server.url, TOPIC, {}, issue, notes.append, options=OPTIONS, **options), notes


def add_events(server, count, **fields):
    for _ in range(count):
        server.service.add_event(TOPIC, {"price": 1}, None, "dealUpdate", None)


def test_events_come_as_frames_and_go_on_after_a_lost_connection(server):
    add_events(server, 2)
    listener, notes = listener_of(server, since=1000)
    events = listener.events()
    assert next(events) == server.service.events[0]
    assert next(events)["position"] == 1002
    server.run(drop(server))
    add_events(server, 1)
    assert next(events)["position"] == 1003
    assert any("disconnected" in note for note in notes)
    events.close()


async def drop(server):
    server.drop()


def test_gap_in_the_history_is_reported(server):
    add_events(server, 3)
    server.service.floor = 1002
    listener, notes = listener_of(server, since=1000)
    events = listener.events()
    next(events)
    assert notes == ["the history does not reach back to 1000: some events are missing"]
    events.close()


@pytest.mark.parametrize("status", [401, 403])
def test_refused_token_ends_it(server, status):
    server.refusals.append(Refusal(status))
    listener, _ = listener_of(server)
    with pytest.raises(NotAllowed, match=rf"refused \({status}\)"):
        next(listener.events())


@pytest.mark.parametrize(
    ("code", "expected"),
    [("VALIDATION_ERROR", WrongArgument), ("FORBIDDEN", NotAllowed), ("NEW_CODE", CallFailed)],
)
def test_refused_subscription_ends_it(server, code, expected):
    server.faults.append(Fault("subscribeToDeals", "error", code=code))
    listener, _ = listener_of(server)
    with pytest.raises(expected, match="subscribeToDeals was refused"):
        next(listener.events())


def test_unreachable_server_fails_after_the_last_attempt(server):
    server.refusals.append(Refusal(500, times=99))
    listener, notes = listener_of(server)
    with pytest.raises(CallFailed, match=r"no connection .* 500"):
        next(listener.events())
    assert len(notes) == ATTEMPTS_MAX - 1


def test_access_that_fails_while_signing_a_token_ends_it(server):
    listener, _ = listener_of(server)

    def refuse():
        raise NotAllowed("no access to the secret")

    listener.get_token = refuse
    with pytest.raises(NotAllowed, match="no access to the secret"):
        next(listener.events())
