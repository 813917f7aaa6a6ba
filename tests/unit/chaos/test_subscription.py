"""The client of the chaos runs keeps the wire protocol's rules of resuming."""

from __future__ import annotations

import pytest

from tests.chaos.session import Unanswered
from tests.chaos.subscription import Refused, Subscription

TOPIC = "travel.flights"


def event(position):
    return {"type": "dealUpdate", "topic": TOPIC, "eventId": f"e{position}", "position": position, "data": {}}


def confirmed(position, *events, **more):
    return {"type": "subscriptionConfirmed", "data": {"position": position, "events": list(events), **more}}


class ScriptedSession:
    """Answers each request with the next reply; a reply that is a function is called to make it."""

    def __init__(self, *replies):
        self.replies, self.asked = list(replies), []

    async def ask(self, action, data):
        assert action == "subscribeToDeals"
        self.asked.append(data.get("since"))
        reply = self.replies.pop(0)
        reply = reply() if callable(reply) else reply
        if isinstance(reply, Exception):
            raise reply
        return reply


@pytest.fixture
def subscription():
    return Subscription(TOPIC, {})


async def test_live_events_raise_the_number_and_repeats_are_dropped(subscription):
    await subscription.resume(ScriptedSession(confirmed(10)))

    for position in (12, 11, 12):
        subscription.take(event(position))

    assert subscription.number == 12
    assert set(subscription.handled) == {"e11", "e12"}
    assert subscription.repeats == 1


async def test_live_events_during_a_replay_are_handled_but_do_not_raise_the_number(subscription):
    await subscription.resume(ScriptedSession(confirmed(10)))

    def second_page():
        subscription.take(event(30))
        assert subscription.number == 15
        return confirmed(20, event(20))

    session = ScriptedSession(confirmed(15, event(15), more=True), second_page)
    await subscription.resume(session)

    assert session.asked == [10, 15]
    assert subscription.number == 20
    assert set(subscription.handled) == {"e15", "e20", "e30"}


async def test_replay_that_breaks_goes_on_from_its_last_page(subscription):
    await subscription.resume(ScriptedSession(confirmed(10)))
    with pytest.raises(Unanswered):
        await subscription.resume(ScriptedSession(confirmed(15, more=True), Unanswered("cut")))
    subscription.take(event(30))

    session = ScriptedSession(confirmed(31))
    await subscription.resume(session)

    assert session.asked == [15]


async def test_gap_and_refusal_are_told(subscription):
    await subscription.resume(ScriptedSession(confirmed(10)))
    await subscription.resume(ScriptedSession(confirmed(12, recovered=False)))
    refusal = {"type": "error", "data": {"code": "CONNECTION_ERROR", "message": "reconnect"}}

    with pytest.raises(Refused) as refused:
        await subscription.resume(ScriptedSession(refusal))

    assert refused.value.code == "CONNECTION_ERROR"
    assert len(subscription.gaps) == 1
