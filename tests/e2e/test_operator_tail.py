"""`deals_ops tail`: a client on a real socket, which signs its token or takes one from out of sight."""

from __future__ import annotations

import asyncio
import json

from tests.e2e.documented_shapes import keys_of, shape


async def test_tail_replays_since_a_position_then_prints_live_what_matches(operator, topic, stack):
    first = stack.publish(topic=topic, data={"price": 1})
    old = stack.publish(topic=topic, data={"price": 10})
    stack.publish(topic=topic, data={"price": 500})
    listening = asyncio.create_task(
        operator.runs(
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
    said = await listening
    frames = [json.loads(line) for line in said.out.splitlines()]
    assert [frame["data"] for frame in frames] == [{"price": 10}, {"price": 20}]
    assert frames[0]["eventId"] == old["eventId"]
    assert keys_of(frames[0]) == keys_of(shape("tail"))
    assert f"listening to {topic}" in said.err


async def test_tail_for_people_is_a_line_an_event_without_control_characters(operator, topic, stack):
    before = stack.publish(topic=topic, data={})["position"]
    stack.publish(topic=topic, data={"title": "red \x1b[31m alert"})
    said = await operator.runs("tail", topic, "--since", str(before), "--count", "1")
    [line] = said.out.splitlines()
    assert f"#{before + 1} {topic} dealUpdate" in line
    assert "\x1b" not in line


async def test_tail_goes_on_where_it_was_when_the_connection_is_lost(operator, topic, stack):
    user, before = f"tail-{topic}", stack.publish(topic=topic, data={"number": 0})["position"]
    listening = asyncio.create_task(
        operator.runs("tail", topic, "--since", str(before), "--count", "2", "--user", user, "--json")
    )
    stack.publish(topic=topic, data={"number": 1})
    connections: list[dict] = []
    while not (connections and connections[0]["subscriptions"]) and not listening.done():
        connections = (await operator.does("connections", "list", "--user", user, "--json")).data[
            "connections"
        ]
    stack.vanish(connections[0]["connectionId"])
    stack.publish(topic=topic, data={"number": 2})
    said = await listening
    assert [json.loads(line)["data"]["number"] for line in said.out.splitlines()] == [1, 2]
    assert "disconnected" in said.err


async def test_tail_connects_with_the_token_of_its_variable_or_a_file(reader, topic, stack, tmp_path, user):
    """By rights that only look: whoever brings a token needs none on the secret."""
    before = stack.publish(topic=topic, data={})["position"]
    stack.publish(topic=topic, data={"title": "Atlas"})
    asked = ["tail", topic, "--since", str(before), "--count", "1", "--json"]
    said = await reader.runs(*asked, DEALS_TOKEN=stack.token(user))
    assert json.loads(said.out)["data"] == {"title": "Atlas"}
    file = tmp_path / "token"
    file.write_text(stack.token(user) + "\n")
    assert (await reader.runs(*asked, "--token-file", str(file))).out == said.out
    assert (await reader.runs(*asked, "--token-file", "-", stdin=stack.token(user))).out == said.out


async def test_tail_with_a_token_that_is_refused_says_so_and_ends(reader, topic, stack, user):
    said = await reader.runs("tail", topic, code=4, DEALS_TOKEN=stack.token(user, exp=1_000_000_000))
    assert "the token was refused (401)" in said.err
    said = await reader.runs("tail", topic, code=4, DEALS_TOKEN=stack.token(user, scope="else"))
    assert "the token was refused (403)" in said.err
    said = await reader.runs("tail", topic, "--filter", '{"price":{"above":1}}', code=2)
    assert "filter.price" in said.err
