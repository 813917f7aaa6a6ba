"""The console's feed: its rate, its end, what it says it published, and its hostile deals."""

from __future__ import annotations

import asyncio
import json
import time
from types import SimpleNamespace

import pytest

from broadcast.reception import receive
from deals_publisher import Event, NotPublished, Published, Publisher, Rejected
from deals_publisher.results import Guarantee
from local_cloud.console import feed as module
from local_cloud.console import publishing
from local_cloud.console.feed import Feed
from local_cloud.console.hostile_deals import LARGE_CHARS, TOPIC, build_hostile_deals
from local_cloud.console.publishing import EventPublisher
from local_cloud.gateway.control_calls import Unavailable


class Applied:
    """A stack that is always there."""

    async def run(self, work):
        return work(SimpleNamespace(prefix="deals-local"))


class Sink:
    """Takes events, and accepts all but those it is told to refuse."""

    def __init__(self):
        self.batches, self.refuses, self.closed = [], lambda event: False, False
        self.open = asyncio.Event()
        self.open.set()

    async def publish(self, stack, events):
        await self.open.wait()
        self.batches.append(events)
        return [not self.refuses(event) for event in events]

    def close(self):
        self.closed = True


@pytest.fixture
async def sink():
    return Sink()


@pytest.fixture
async def feed(sink):
    feed = Feed(Applied(), sink)
    yield feed
    feed.close()
    assert sink.closed


async def call(feed, name, **body):
    answer = feed.calls()[name](body)
    return await answer if asyncio.iscoroutine(answer) else answer


async def published_in(feed, seconds, **wanted):
    await call(feed, "POST feed", running=True, **wanted)
    await asyncio.sleep(seconds)
    await call(feed, "POST feed", running=False)
    return (await call(feed, "GET feed/published"))["events"]


@pytest.mark.parametrize("per_second", [5, 50, 200])
async def test_feed_keeps_its_rate(feed, per_second):
    began = time.monotonic()
    events = await published_in(feed, 1.0, per_second=per_second)
    took = time.monotonic() - began  # more than a second on a busy machine

    assert per_second * 0.7 <= len(events) <= per_second * took + 2


async def test_feed_stops_when_told_and_goes_on_with_new_ids(feed):
    first = await published_in(feed, 0.3, per_second=20)
    assert (await call(feed, "GET feed"))["running"] is False
    await asyncio.sleep(0.2)
    assert (await call(feed, "GET feed"))["published"] == len(first)

    again = await published_in(feed, 0.3, per_second=20)

    ids = [event["event_id"] for event in again]
    assert len(set(ids)) == len(ids) > len(first)
    assert [event["number"] for event in again] == list(range(1, len(again) + 1))


async def test_what_was_published_is_told_as_it_was_sent(feed, sink):
    sink.refuses = lambda event: event["eventId"].endswith("2")
    events = await published_in(feed, 0.3, per_second=20)

    sent = {event["eventId"]: event for batch in sink.batches for event in batch}
    for event in events:
        original = sent[event["event_id"]]
        assert event["topic"] == original["topic"]
        assert event["filters"] == original["filters"]
        assert event["data"] == original["data"]
        assert event["data"]["publishedAt"] == event["published_at_ms"]
        assert event["accepted"] is not event["event_id"].endswith("2")
    assert {event["accepted"] for event in events} == {True, False}


async def test_published_events_are_read_on_from_the_last(feed):
    everything = await published_in(feed, 0.4, per_second=20)
    middle = everything[len(everything) // 2]["number"]

    rest = await call(feed, "GET feed/published", after=str(middle))

    assert rest["events"] == [event for event in everything if event["number"] > middle]
    assert rest["last"] == everything[-1]["number"]
    nothing = await call(feed, "GET feed/published", after=str(rest["last"]))
    assert (nothing["events"], nothing["last"]) == ([], rest["last"])
    assert 0 <= time.time() * 1000 - nothing["at_ms"] < 1_000


async def test_answer_holds_a_page_of_the_oldest_and_names_the_newest(feed, monkeypatch):
    everything = await published_in(feed, 0.4, per_second=20)
    monkeypatch.setattr(module, "PAGE_MAX", 3)

    page = await call(feed, "GET feed/published", after="1")

    assert [event["number"] for event in page["events"]] == [2, 3, 4]
    assert page["last"] == len(everything)


async def test_feed_stops_by_itself_when_nobody_asks_what_it_published(sink):
    feed = Feed(Applied(), sink, stops_unasked_s=1.0)
    await call(feed, "POST feed", running=True, per_second=20)
    for _ in range(8):
        await asyncio.sleep(0.2)
        await call(feed, "GET feed/published")
    assert (await call(feed, "GET feed"))["running"] is True

    await asyncio.sleep(1.5)

    assert (await call(feed, "GET feed"))["running"] is False
    feed.close()


async def test_feed_does_not_pile_up_before_a_service_that_is_down(feed, sink):
    sink.open.clear()
    await call(feed, "POST feed", running=True, per_second=200)
    await asyncio.sleep(1.5)
    waiting, pending = len(feed._calls), (await call(feed, "GET feed"))["pending"]
    sink.open.set()
    await asyncio.sleep(0.05)

    assert waiting <= 50
    assert waiting <= pending <= 50 * 15
    assert (await call(feed, "GET feed"))["pending"] < pending
    assert sum(len(batch) for batch in sink.batches) <= 50 * 15


async def test_change_of_the_rate_keeps_the_feed_running(feed):
    await call(feed, "POST feed", running=True, per_second=1)
    assert await call(feed, "POST feed", per_second=50) == {
        "running": True,
        "per_second": 50,
        "published": 0,
        "pending": 0,
    }
    await asyncio.sleep(0.5)
    assert (await call(feed, "GET feed"))["published"] > 10


async def test_hostile_deals_are_published_once_and_listed(feed, sink):
    answer = await call(feed, "POST feed/hostile")

    listed = (await call(feed, "GET feed/published"))["events"]
    assert answer["event_ids"] == [event["event_id"] for event in listed]
    assert len(listed) == len(build_hostile_deals())

    sink.refuses = lambda event: True
    with pytest.raises(Unavailable, match="feed: of 11 hostile deals were not accepted"):
        await call(feed, "POST feed/hostile")


# Hostile deals


def test_hostile_deals_are_valid_events_with_every_trick():
    deals = build_hostile_deals()
    text = json.dumps(deals, ensure_ascii=False)

    for event in deals:
        received = receive(json.loads(json.dumps(event)), "id").received[0]
        assert received.refusal is None
        Publisher(SimpleNamespace(send=print, send_all=list)).publish_events(
            [Event(event["topic"], event["data"], event["messageType"], event["filters"], "id")]
        )
    assert {event["topic"] for event in deals} == {TOPIC}
    for trick in ("<script>", "onerror=", "javascript:", "\u202e", "\u200b", "\ufeff", "__proto__"):
        assert trick in text
    assert max(len(event["data"]["title"]) for event in deals) == LARGE_CHARS


# Publishing


class Function:
    """Answers publish calls in turn: each answer is what `publish_events` returns of an event."""

    def __init__(self, *turns):
        self.turns, self.sent = list(turns), []

    def publish_events(self, events):
        self.sent.append([event.event_id for event in events])
        turn = self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]
        return [turn(event.event_id) for event in events]


def accept(event_id):
    return Published(event_id, Guarantee.PUBLISHED)


def fail(event_id):
    return NotPublished(event_id, "killed")


def reject(event_id):
    return Rejected(event_id, [])


@pytest.fixture
def publish(monkeypatch):
    """Publish two events by a function that answers in turn; return its results and what was sent."""

    async def publish(*turns):
        function = Function(*turns)
        monkeypatch.setattr(publishing, "Publisher", lambda transport: function)
        monkeypatch.setattr(publishing, "_PAUSES_S", (0.0,))
        publisher = EventPublisher("http://127.0.0.1:1", "us-east-1")
        events = [
            {"messageType": "dealUpdate", "topic": "books", "data": {}, "eventId": event_id}
            for event_id in ("a", "b")
        ]
        results = await publisher.publish(SimpleNamespace(prefix="deals-local"), events)
        publisher.close()
        return results, function.sent

    return publish


async def test_event_of_a_killed_function_is_published_again_under_its_id(publish):
    def accept_one(event_id):
        return accept(event_id) if event_id == "a" else fail(event_id)

    assert await publish(fail, accept_one, accept) == ([True, True], [["a", "b"], ["a", "b"], ["b"]])


async def test_event_that_the_service_rejects_is_not_repeated(publish):
    assert await publish(reject) == ([False, False], [["a", "b"]])


async def test_publishing_gives_up_in_time(publish, monkeypatch):
    monkeypatch.setattr(publishing, "GIVE_UP_AFTER_S", 0.0)

    assert await publish(fail) == ([False, False], [["a", "b"]])
