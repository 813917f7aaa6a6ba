"""What waits for `broadcast`: how much of it, and what becomes of it when a call fails."""

import asyncio
import json
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from redis_relay import handler
from redis_relay.batching import EventBatcher
from redis_relay.broadcast_client import PublishResult, PublishStatus
from redis_relay.channels import ChannelForwarder, ChannelMessage
from redis_relay.dead_letters import DeadLetterWriter
from redis_relay.run_report import RunReport

ACCEPTED = PublishResult(PublishStatus.ACCEPTED)
LARGEST = b"x" * 262_144
"""The largest event that is taken."""


def message(data=LARGEST):
    return ChannelMessage(b"deals:books", data, 0.0)


def forwarder(report):
    async def never(_events):
        raise AssertionError("nothing works on the buffer")

    return ChannelForwarder(EventBatcher(never, 1), DeadLetterWriter(report), report, workers=1)


async def test_32_mb_of_messages_wait_and_the_next_byte_is_lost():
    report = RunReport()
    channels = forwarder(report)
    for _ in range(32 * 4):
        channels.enqueue(message())
    assert report.lost == 0
    channels.enqueue(message(b"x"))
    assert (report.lost, report.dead_lettered) == (1, 1)


async def test_10_000_messages_wait_and_the_next_is_lost():
    report = RunReport()
    channels = forwarder(report)
    for _ in range(10_000):
        channels.enqueue(message(b"{}"))
    assert report.lost == 0
    channels.enqueue(message(b"{}"))
    assert report.lost == 1


async def test_message_that_is_too_large_is_rejected_and_takes_no_room():
    report = RunReport()
    channels = forwarder(report)
    channels.enqueue(message(LARGEST + b"x"))
    assert (report.rejected, report.lost, channels._bytes) == (1, 0, 0)


async def test_call_that_fails_ends_the_waiting_of_all_whose_events_it_had():
    let_go, calls = asyncio.Event(), []

    async def publish_all(events):
        calls.append([*events])
        if len(calls) == 1:
            await let_go.wait()
            return [ACCEPTED]
        raise RuntimeError("a fault of ours")

    batcher = EventBatcher(publish_all, parallel=1)
    tasks = [asyncio.create_task(batcher.publish([name])) for name in (b"first", b"second", b"third")]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    let_go.set()
    results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    assert calls == [[b"first"], [b"second", b"third"]]
    assert results[0] == ACCEPTED
    assert [type(result) for result in results[1:]] == [RuntimeError, asyncio.CancelledError]


async def test_an_invoke_takes_25_events_and_4_mb():
    calls = []

    async def publish_all(events):
        calls.append(len(events))
        await asyncio.sleep(0.01)
        return [ACCEPTED] * len(events)

    batcher = EventBatcher(publish_all, parallel=1)
    await asyncio.gather(*(batcher.publish([b"x"]) for _ in range(52)))
    assert calls == [1, 25, 25, 1]
    calls.clear()
    half = b"x" * (2 * 1024 * 1024)
    await asyncio.gather(*(batcher.publish([data]) for data in (b"x", half, half, b"y")))
    assert calls == [1, 2, 1]


@pytest.mark.parametrize("outcome", ["relayed", "busy"])
def test_invocation_returns_what_became_of_it_and_leaves_time_to_end(monkeypatch, outcome, capsys):
    given = []

    async def run():
        return outcome

    @contextmanager
    def open_relay(components, seconds):
        given.append((components, seconds))
        yield SimpleNamespace(run=run)

    monkeypatch.setattr(handler, "open_relay", open_relay)
    monkeypatch.setattr(handler, "_components", lambda: "parts")
    context = SimpleNamespace(aws_request_id="r-1", get_remaining_time_in_millis=lambda: 900_000)
    assert handler.handler({}, context) == {"outcome": outcome}
    assert given == [("parts", 895.0)]
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [line["outcome"] for line in lines if line.get("event") == "relay_ended"] == [outcome]
