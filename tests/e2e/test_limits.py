"""Limits of one user: actions a second, and connections."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from websockets.exceptions import InvalidStatus

from tests.e2e.logs import Logs

MAX_CONNECTIONS, HAND_OVERS = 20, 2


async def burst(people, action, data, count):
    """Ask `count` times at once over several connections; return the replies and the seconds taken."""
    started = time.monotonic()
    replies = await asyncio.gather(*(people[n % len(people)].ask(action, data) for n in range(count)))
    return replies, time.monotonic() - started


def select_limited(replies):
    return [reply for reply in replies if reply["data"].get("code") == "RATE_LIMITED"]


@pytest.mark.parametrize(
    ("ask", "bucket"),
    [
        (("sendMessage", {"recipientId": "nobody", "content": "hi"}), (5, 20)),
        (("subscribeToDeals", {"topic": "limits"}), (2, 60)),
        (("getEvents", {"topic": "limits"}), (5, 60)),
        (("getMessages", {"limit": 1}), (10, 40)),
    ],
)
async def test_user_gets_a_burst_and_then_the_rate_over_all_connections(stack, connects, user, ask, bucket):
    (action, data), (rate, size) = ask, bucket
    people, logs = [await connects(user), await connects(user)], Logs(stack, back_ms=0)
    if action == "getEvents":
        # From the newest on, or a look back over what other tests published takes longer than a token.
        data = {**data, "since": (await people[0].subscribe("limits"))["data"]["position"]}

    replies, seconds = await burst(people, action, data, size + 40)
    passed = len(replies) - len(select_limited(replies))
    # An action that cannot be counted is allowed: a busy machine may keep the table from answering.
    uncounted = len(await asyncio.to_thread(logs.read_lines, "message_router", "limiter_unavailable"))
    # What the bucket gained during the burst passes too, and nothing more.
    assert size <= passed <= size + rate * seconds + 1 + uncounted

    # Only a request without concurrent ones has an exact wait.
    while not select_limited([last := await people[0].ask(action, data)]):
        pass
    wait = last["data"]["details"]["retryAfterMs"]
    assert 0 < wait <= 1000 / rate + 1
    await asyncio.sleep(wait / 1000 + 0.05)
    assert not select_limited([await people[0].ask(action, data)])


async def test_exhausted_limit_affects_no_other_action_or_user(connects, user):
    person, other = await connects(user), await connects(f"{user}-else")
    message = {"recipientId": "nobody", "content": "hi"}
    replies, _ = await burst([person], "sendMessage", message, 40)
    assert select_limited(replies)
    assert (await person.ask("getStatus"))["type"] == "statusUpdate"
    assert (await person.ask("subscribeToDeals", {"topic": "limits"}))["type"] == "subscriptionConfirmed"
    assert (await other.ask("sendMessage", message))["type"] == "messageSent"
    pongs, _ = await burst([person], "ping", None, 100)
    assert {pong["type"] for pong in pongs} == {"pong"}


async def test_rate_limited_message_is_not_stored(connects, user):
    sender, recipient = await connects(user), await connects(f"{user}-ben")
    replies, _ = await burst([sender], "sendMessage", {"recipientId": f"{user}-ben", "content": "hi"}, 40)
    sent = [reply for reply in replies if reply["type"] == "messageSent"]
    assert len(sent) + len(select_limited(replies)) == 40
    assert (await recipient.ask("getStatus"))["data"]["unread"] == len(sent)


async def test_actions_pass_while_the_limits_table_fails(connects, user, stack):
    person, logs = await connects(user), Logs(stack)
    stack.control("faults", {"service": "dynamodb", "operation": "UpdateItem", "status": 500, "times": 8})
    try:
        started = time.monotonic()
        assert (await person.ask("getMessages"))["type"] == "messages"
        assert time.monotonic() - started < 5
    finally:
        stack.control("faults", method="DELETE")

    line = await wait_for_failure_metric(logs, user)
    assert line["LimiterFailures"] == 1
    assert (line["Service"], line["action"]) == ("deals-local", "getMessages")
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "DealsWebSocket"


async def wait_for_failure_metric(logs, user):
    """Wait for the router's line about a user that carries the failure metric, and return it."""
    for _ in range(50):
        for line in await asyncio.to_thread(logs.read_lines, "message_router", '"LimiterFailures"'):
            if user in line:
                return json.loads(line)
        await asyncio.sleep(0.2)
    raise AssertionError("no metric of the failure")


async def test_23rd_connection_of_a_user_is_answered_429_until_another_closes(connects, user):
    people = [await connects(user) for _ in range(MAX_CONNECTIONS + HAND_OVERS)]
    with pytest.raises(InvalidStatus) as refused:
        await connects(user)
    assert refused.value.response.status_code == 429
    await connects(f"{user}-else")
    await people[0].leave()
    for _ in range(50):
        try:
            await connects(user)
            break
        except InvalidStatus:
            await asyncio.sleep(0.1)
    else:
        raise AssertionError("refused although a connection has closed")
