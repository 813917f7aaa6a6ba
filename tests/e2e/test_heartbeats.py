"""Protocol, `keepAlive`: it keeps a connection open, and neither a function nor an answer is paid for it."""

from __future__ import annotations

import json

import pytest

from tests.e2e.logs import Logs

ANYTHING = [None, {}, {"any": ["thing"]}, [], [1, 2], "text", 5, False]


@pytest.fixture
def logs(stack):
    return Logs(stack)


async def test_keep_alive_is_not_answered_whatever_is_in_it(connects, user):
    person = await connects(user)

    for number, data in enumerate(ANYTHING):
        frame = {"action": "keepAlive", "data": data, "requestId": f"k-{number}", "more": number}
        await person.say(json.dumps(frame))
    await person.say(json.dumps({"action": "keepAlive"}))
    await person.say(json.dumps({"action": "keepAlive", "requestId": 5}))

    assert (await person.ask("ping"))["type"] == "pong"
    assert [frame["type"] for frame in person.heard] == ["pong"]


async def test_keep_alive_runs_no_function(connects, user, logs):
    person = await connects(user)
    connection_id = await person.connection_id()
    for _ in range(3):
        await person.say(json.dumps({"action": "keepAlive", "data": {"requestId": "x"}}))

    await person.ask("ping", requestId=f"{user}-after")

    await logs.wait_for_line("message_router", "answered", f"{user}-after")
    lines = [json.loads(line) for line in logs.read_lines("message_router", connection_id)]
    assert [line["action"] for line in lines if line["event"] == "answered"] == ["getStatus", "ping"]


async def test_keep_alive_is_in_the_access_log_with_the_status_of_the_api_itself(connects, user, logs):
    person = await connects(user)
    connection_id = await person.connection_id()
    await person.say(json.dumps({"action": "keepAlive"}))

    line = await logs.wait_for_access("keepAlive", connection_id)

    assert line["status"] == "200"
    assert line["integrationStatus"] == "-"


async def test_keep_alive_resets_the_idle_time(stack, connects, user):
    person = await connects(user)
    await person.ask("ping")

    for _ in range(3):
        stack.control("clock", {"advance": 595})
        await person.say(json.dumps({"action": "keepAlive"}))
        await (await person.socket.ping())  # the frame before it has arrived

    assert (await person.ask("ping"))["type"] == "pong"
