"""`deals_ops kick`, `revoke`, `publish`, `notify` and `token` on real connections, with the `full` policy."""

from __future__ import annotations

import json
import time

import pytest
from websockets.exceptions import InvalidStatus

from tests.e2e.documented_shapes import documented_shape, key_paths


async def wait_closed(person) -> None:
    await person.socket.wait_closed()


async def test_kick_of_a_connection_leaves_the_users_others_open(operator, connects, user):
    leaver, other = await connects(user), await connects(user)
    connection = await leaver.connection_id()
    result = await operator.expect("kick", connection, "--yes", "--json")
    assert key_paths(result.data) == key_paths(documented_shape("kick"))
    assert result.data == {"closed": [connection], "gone": [], "connecting": []}
    await wait_closed(leaver)
    assert leaver.heard[-1]["type"] == "closing"
    assert leaver.heard[-1]["data"] == {"reason": "kicked", "reconnect": True}
    assert (await other.ask("ping"))["type"] == "pong"


async def test_kick_of_a_user_closes_all_and_lets_the_user_reconnect(operator, connects, user):
    people = [await connects(user), await connects(user)]
    ids = sorted([await person.connection_id() for person in people])
    result = await operator.expect("kick", user, "--yes", "--json")
    assert sorted(result.data["closed"]) == ids
    for person in people:
        await wait_closed(person)
    assert (await (await connects(user)).ask("ping"))["type"] == "pong"


async def test_kick_of_a_lost_connection_removes_its_record_and_memberships(
    operator, connects, user, topic, stack
):
    person = await connects(user)
    await person.subscribe(topic)
    connection = await person.connection_id()
    stack.vanish(connection)
    result = await operator.expect("kick", connection, "--yes", "--json")
    assert result.data == {"closed": [], "gone": [connection], "connecting": []}
    assert "Item" not in stack.table("connections").get_item(Key={"connection_id": connection})
    assert stack.memberships(connection) == []
    await operator.expect("kick", connection, "--yes", code=3)


async def test_destructive_commands_without_a_confirmation_do_nothing(operator, connects, user):
    person = await connects(user)
    for arguments in (["kick", user], ["revoke", user]):
        result = await operator.expect(*arguments, code=6)
        assert "repeat the command with --yes" in result.err
    assert (await person.ask("ping"))["type"] == "pong"
    await connects(user)


async def test_revoke_with_kick_closes_the_covered_connections_at_once(operator, connects, user):
    phone, laptop = await connects(user, jti=f"{user}-phone"), await connects(user, jti=f"{user}-laptop")
    result = await operator.expect("revoke", user, "--token-id", f"{user}-phone", "--kick", "--yes", "--json")
    assert key_paths(result.data) == key_paths(documented_shape("revoke"))
    assert len(result.data["closed"]) == 1
    await wait_closed(phone)
    assert (phone.heard[-1]["type"], phone.heard[-1]["data"]["reason"]) == ("closing", "revoked")
    assert (await laptop.ask("ping"))["type"] == "pong"
    with pytest.raises(InvalidStatus):
        await connects(user, jti=f"{user}-phone")


async def test_revoke_of_a_token_id_alone_finds_its_user(operator, connects, user):
    person = await connects(user, jti=f"{user}-lost")
    result = await operator.expect("revoke", "--token-id", f"{user}-lost", "--kick", "--yes", "--json")
    assert result.data["userId"] == user
    await wait_closed(person)
    result = await operator.expect("revoke", "--token-id", f"{user}-unknown", "--yes", code=3)
    assert "name its user" in result.err
    assert "name a USER" in (await operator.expect("revoke", "--yes", code=2)).err


async def test_publish_with_the_same_event_id_reaches_subscribers_once(operator, connects, user, topic):
    person = await connects(user)
    await person.subscribe(topic, {"category": "travel"})
    arguments = ["publish", topic, "--data", '{"title":"Lisbon","price":218}', "--json"]
    unmatched = await operator.expect(*arguments)
    assert unmatched.data["total"] == 0

    matching = ["--filters", '{"category":"travel"}', "--event-id", f"{user}-1", "--type", "flashSale"]
    result = await operator.expect(*arguments, *matching)
    assert key_paths(result.data) == key_paths(documented_shape("publish"))
    assert (result.data["eventId"], result.data["delivered"]) == (f"{user}-1", 1)
    assert (await operator.expect(*arguments, *matching)).data == result.data
    await person.hears("flashSale")
    await person.ask("ping")
    assert len(person.all_heard("flashSale")) == 1


async def test_publish_reads_its_data_from_a_file_and_from_standard_input(
    operator, connects, user, topic, tmp_path
):
    person = await connects(user)
    await person.subscribe(topic)
    file = tmp_path / "deal.json"
    file.write_text('{"title": "Atlas"}')
    await operator.expect("publish", topic, "--data", f"@{file}")
    await operator.expect("publish", topic, "--data", "-", stdin='{"title": "Globe"}')
    await person.hears(lambda frame: frame.get("data") == {"title": "Globe"})
    assert [frame["data"]["title"] for frame in person.all_heard("dealUpdate")] == ["Atlas", "Globe"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["publish", "A B", "--data", "{}"], "TOPIC"),
        (["publish", "books", "--data", "{"], "not JSON"),
        (["publish", "books", "--data", "[]"], "a JSON object is needed"),
        (["publish", "books", "--data", "@/nowhere/deal.json"], "/nowhere/deal.json cannot be read"),
        (["publish", "books", "--data", "{}", "--type", "1x"], "messageType"),
        (["publish", "books", "--data", json.dumps({"x": "y" * 140_000})], "data: is too large"),
        (["notify", "a b", "--data", "{}"], "not a valid user id"),
    ],
)
async def test_invalid_event_is_refused_before_it_is_sent(operator, arguments, message):
    assert message in (await operator.expect(*arguments, code=2)).err


async def test_notify_stores_for_every_user_and_pushes_to_connected_ones(operator, connects, user):
    here = await connects(f"{user}-here")
    result = await operator.expect(
        "notify", f"{user}-here", f"{user}-away", "--data", '{"title":"Price drop"}', "--json"
    )
    assert key_paths(result.data) == key_paths(documented_shape("notify"))
    assert result.data["total"] == 1
    assert (await here.hears("notification"))["data"]["title"] == "Price drop"
    away = await connects(f"{user}-away")
    assert len((await away.ask("getMessages"))["data"]["messages"]) == 1


async def test_token_opens_a_connection_and_has_the_requested_lifetime(operator, connects, user, stack):
    from local_cloud.client import Person

    result = await operator.expect("token", user, "--seconds", "120", "--json")
    assert key_paths(result.data) == key_paths(documented_shape("token"))
    assert 100 < result.data["expiresAt"] - time.time() <= 120
    header = {"Authorization": f"Bearer {result.data['token']}"}
    person = await Person.connect(stack.websocket_url, additional_headers=header)
    assert (await person.ask("getStatus"))["data"]["userId"] == user
    await person.leave()


async def test_unsubscribe_ends_a_subscription_and_tells_its_client(operator, connects, user, topic, stack):
    person = await connects(user)
    for name in (topic, f"{topic}.a"):
        await person.subscribe(name)
    connection = await person.connection_id()

    result = await operator.expect("unsubscribe", connection, topic, "--yes", "--json")

    assert key_paths(result.data) == key_paths(documented_shape("unsubscribe"))
    assert result.data == {"connectionId": connection, "topic": topic, "told": True}
    told = await person.hears("subscriptionEnded")
    assert told["data"] == {"topic": topic, "reason": "operator"}
    assert stack.publish(topic=topic, data={})["total"] == 0
    assert stack.publish(topic=f"{topic}.a", data={})["total"] == 1
    status = (await person.ask("getStatus"))["data"]
    assert [item["topic"] for item in status["subscriptions"]] == [f"{topic}.a"]
    assert "no subscription" in (await operator.expect("unsubscribe", connection, topic, "--yes", code=3)).err
