"""`deals_ops tail` on a real socket, with a token that it signs or that the operator supplies."""

from __future__ import annotations

import asyncio
import json

from tests.e2e.documented_shapes import documented_shape, key_paths


async def test_tail_replays_since_a_position_then_prints_live_matches(operator, topic, stack):
    first = stack.publish(topic=topic, data={"price": 1})
    old = stack.publish(topic=topic, data={"price": 10})
    stack.publish(topic=topic, data={"price": 500})
    listening = asyncio.create_task(
        operator.expect_process(
            "tail",
            topic,
            "--since",
            str(first["position"]),
            "--filter",
            '{"maxPrice":100}',
            "--count",
            "2",
            "--json",
        )
    )

    live = None
    while not listening.done():
        live = await asyncio.to_thread(stack.publish, topic=topic, data={"price": 20})
        if live["total"]:
            break
        await asyncio.sleep(0.1)

    result = await listening
    frames = [json.loads(line) for line in result.out.splitlines()]
    assert [frame["data"] for frame in frames] == [{"price": 10}, {"price": 20}]
    assert frames[0]["eventId"] == old["eventId"]
    assert key_paths(frames[0]) == key_paths(documented_shape("tail"))
    assert f"listening to {topic}" in result.err


async def test_tail_prints_each_event_on_one_line_without_control_characters(operator, topic, stack):
    before = stack.publish(topic=topic, data={})["position"]
    stack.publish(topic=topic, data={"title": "red \x1b[31m alert"})
    result = await operator.expect_process("tail", topic, "--since", str(before), "--count", "1")
    [line] = result.out.splitlines()
    assert f"#{before + 1} {topic} dealUpdate" in line
    assert "\x1b" not in line


async def test_tail_resumes_after_its_connection_is_lost(operator, topic, stack):
    user, before = f"tail-{topic}", stack.publish(topic=topic, data={"number": 0})["position"]
    listening = asyncio.create_task(
        operator.expect_process(
            "tail", topic, "--since", str(before), "--count", "2", "--user", user, "--json"
        )
    )
    stack.publish(topic=topic, data={"number": 1})
    connections: list[dict] = []
    while not (connections and connections[0]["subscriptions"]) and not listening.done():
        connections = (await operator.expect("connections", "list", "--user", user, "--json")).data[
            "connections"
        ]
    stack.vanish(connections[0]["connectionId"])
    stack.publish(topic=topic, data={"number": 2})
    result = await listening
    assert [json.loads(line)["data"]["number"] for line in result.out.splitlines()] == [1, 2]
    assert "disconnected" in result.err


async def test_tail_takes_the_token_from_its_variable_or_a_file(reader, topic, stack, tmp_path, user):
    """With read-only permissions: an operator with a token needs no access to the secret."""
    before = stack.publish(topic=topic, data={})["position"]
    stack.publish(topic=topic, data={"title": "Atlas"})
    command = ["tail", topic, "--since", str(before), "--count", "1", "--json"]
    result = await reader.expect_process(*command, DEALS_TOKEN=stack.token(user))
    assert json.loads(result.out)["data"] == {"title": "Atlas"}
    file = tmp_path / "token"
    file.write_text(stack.token(user) + "\n")
    assert (await reader.expect_process(*command, "--token-file", str(file))).out == result.out
    assert (
        await reader.expect_process(*command, "--token-file", "-", stdin=stack.token(user))
    ).out == result.out


async def test_tail_with_a_refused_token_reports_it_and_exits(reader, topic, stack, user):
    result = await reader.expect_process(
        "tail", topic, code=4, DEALS_TOKEN=stack.token(user, exp=1_000_000_000)
    )
    assert "the token was refused (401)" in result.err
    result = await reader.expect_process("tail", topic, code=4, DEALS_TOKEN=stack.token(user, scope="else"))
    assert "the token was refused (403)" in result.err
    result = await reader.expect_process("tail", topic, "--filter", '{"price":{"above":1}}', code=2)
    assert "filter.price" in result.err
