"""How much one user may do: actions a second, and connections."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from websockets.exceptions import InvalidStatus

MAX_CONNECTIONS = 20


async def burst(people, action, data, count):
    """Ask so many times as fast as it goes, over several connections; the answers, and the seconds taken."""
    began = time.monotonic()
    answers = await asyncio.gather(*(people[n % len(people)].ask(action, data) for n in range(count)))
    return answers, time.monotonic() - began


def limited(answers):
    return [one for one in answers if one["data"].get("code") == "RATE_LIMITED"]


@pytest.mark.parametrize(
    ("ask", "rate", "size"),
    [
        (("sendMessage", {"recipientId": "nobody", "content": "hi"}), 5, 20),
        (("subscribeToDeals", {"topic": "limits"}), 2, 20),
        (("getMessages", {"limit": 1}), 10, 40),
    ],
)
async def test_a_user_gets_a_burst_and_then_the_rate_over_all_connections(connects, user, ask, rate, size):
    people = [await connects(user), await connects(user)]
    answers, seconds = await burst(people, *ask, size + 40)
    passed = len(answers) - len(limited(answers))
    # What the bucket got while they were under way passes too, and nothing more.
    assert size <= passed <= size + rate * seconds + 1
    # Those of the burst were judged in parallel: only what is asked with nothing else under way can be timed.
    while not limited([last := await people[0].ask(*ask)]):
        pass
    wait = last["data"]["details"]["retryAfterMs"]
    assert 0 < wait <= 1000 / rate + 1
    await asyncio.sleep(wait / 1000 + 0.05)
    assert not limited([await people[0].ask(*ask)])


async def test_limits_of_one_action_and_one_user_leave_all_others_alone(connects, user):
    person, other = await connects(user), await connects(f"{user}-else")
    message = {"recipientId": "nobody", "content": "hi"}
    answers, _ = await burst([person], "sendMessage", message, 40)
    assert limited(answers)
    assert (await person.ask("getStatus"))["type"] == "statusUpdate"
    assert (await person.ask("subscribeToDeals", {"topic": "limits"}))["type"] == "subscriptionConfirmed"
    assert (await other.ask("sendMessage", message))["type"] == "messageSent"
    pongs, _ = await burst([person], "ping", None, 100)
    assert {pong["type"] for pong in pongs} == {"pong"}


async def test_a_message_that_was_refused_for_its_rate_is_not_stored(connects, user):
    sender, recipient = await connects(user), await connects(f"{user}-ben")
    answers, _ = await burst([sender], "sendMessage", {"recipientId": f"{user}-ben", "content": "hi"}, 40)
    sent = [one for one in answers if one["type"] == "messageSent"]
    assert len(sent) + len(limited(answers)) == 40
    assert (await recipient.ask("getStatus"))["data"]["unread"] == len(sent)


async def test_actions_go_through_while_nobody_can_count_them(connects, user, stack):
    person = await connects(user)
    stack.control("faults", {"service": "dynamodb", "operation": "UpdateItem", "status": 500, "times": 8})
    try:
        began = time.monotonic()
        assert (await person.ask("getMessages"))["type"] == "messages"
        assert time.monotonic() - began < 5
    finally:
        stack.control("faults", method="DELETE")
    line = await failure_metric(stack, user)
    assert line["LimiterFailures"] == 1
    assert (line["Service"], line["action"]) == ("deals-local", "getMessages")
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "DealsWebSocket"


async def failure_metric(stack, user):
    """The router's line about a user that CloudWatch makes the metric of."""
    logs, group = stack.stack.client("logs"), stack.outputs["log_group_names"]["message_router"]
    for _ in range(50):
        for event in logs.filter_log_events(logGroupName=group).get("events", []):
            if '"LimiterFailures"' in event["message"] and user in event["message"]:
                return json.loads(event["message"])
        await asyncio.sleep(0.2)
    raise AssertionError("no metric of the failure")


async def test_a_user_has_at_most_twenty_connections(connects, user):
    people = [await connects(user) for _ in range(MAX_CONNECTIONS)]
    with pytest.raises(InvalidStatus) as refused:
        await connects(user)
    assert refused.value.response.status_code == 403
    await connects(f"{user}-else")
    await people[0].leave()
    for _ in range(50):
        try:
            await connects(user)
            break
        except InvalidStatus:
            await asyncio.sleep(0.1)
    else:
        raise AssertionError("no place although one has left")
