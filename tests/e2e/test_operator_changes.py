"""`deals_ops kick`, `revoke`, `publish`, `notify`, `token`: on real connections, by the `full` policy."""

from __future__ import annotations

import json
import time

import pytest
from websockets.exceptions import InvalidStatus

from tests.e2e.documented_shapes import keys_of, shape


async def closed(person) -> None:
    await person.socket.wait_closed()


async def test_kick_closes_one_connection_and_leaves_the_users_others(operator, connects, user):
    leaver, other = await connects(user), await connects(user)
    connection = await leaver.connection_id()
    said = await operator.does("kick", connection, "--yes", "--json")
    assert keys_of(said.data) == keys_of(shape("kick"))
    assert said.data == {"closed": [connection], "gone": []}
    await closed(leaver)
    assert (await other.ask("ping"))["type"] == "pong"


async def test_kick_closes_all_of_a_user_who_may_come_back(operator, connects, user):
    people = [await connects(user), await connects(user)]
    ids = sorted([await person.connection_id() for person in people])
    said = await operator.does("kick", user, "--yes", "--json")
    assert sorted(said.data["closed"]) == ids
    for person in people:
        await closed(person)
    assert (await (await connects(user)).ask("ping"))["type"] == "pong"


async def test_kick_removes_the_record_and_memberships_of_a_lost_connection(
    operator, connects, user, topic, stack
):
    person = await connects(user)
    await person.subscribe(topic)
    connection = await person.connection_id()
    stack.vanish(connection)
    said = await operator.does("kick", connection, "--yes", "--json")
    assert said.data == {"closed": [], "gone": [connection]}
    assert "Item" not in stack.table("connections").get_item(Key={"connection_id": connection})
    assert stack.memberships(connection) == []
    await operator.does("kick", connection, "--yes", code=3)


async def test_harm_without_a_terminal_or_a_yes_is_refused_and_not_done(operator, connects, user):
    person = await connects(user)
    for arguments in (["kick", user], ["revoke", user]):
        said = await operator.does(*arguments, code=6)
        assert "repeat it with --yes" in said.err
    assert (await person.ask("ping"))["type"] == "pong"
    await connects(user)


async def test_revoke_with_kick_closes_at_once_what_it_covers(operator, connects, user):
    phone, laptop = await connects(user, jti=f"{user}-phone"), await connects(user, jti=f"{user}-laptop")
    said = await operator.does("revoke", user, "--token-id", f"{user}-phone", "--kick", "--yes", "--json")
    assert keys_of(said.data) == keys_of(shape("revoke"))
    assert len(said.data["closed"]) == 1
    await closed(phone)
    assert (await laptop.ask("ping"))["type"] == "pong"
    with pytest.raises(InvalidStatus):
        await connects(user, jti=f"{user}-phone")


async def test_revoke_of_a_token_alone_finds_whose_it_is(operator, connects, user):
    person = await connects(user, jti=f"{user}-lost")
    said = await operator.does("revoke", "--token-id", f"{user}-lost", "--kick", "--yes", "--json")
    assert said.data["userId"] == user
    await closed(person)
    said = await operator.does("revoke", "--token-id", f"{user}-unknown", "--yes", code=3)
    assert "name whose it is" in said.err
    assert "Name a USER" in (await operator.does("revoke", "--yes", code=2)).err


async def test_publish_reaches_whom_it_matches_once_for_each_event_id(operator, connects, user, topic):
    person = await connects(user)
    await person.subscribe(topic, {"category": "travel"})
    arguments = ["publish", topic, "--data", '{"title":"Lisbon","price":218}', "--json"]
    miss = await operator.does(*arguments)
    assert miss.data["total"] == 0
    more = ["--filters", '{"category":"travel"}', "--event-id", f"{user}-1", "--type", "flashSale"]
    said = await operator.does(*arguments, *more)
    assert keys_of(said.data) == keys_of(shape("publish"))
    assert (said.data["eventId"], said.data["delivered"]) == (f"{user}-1", 1)
    assert (await operator.does(*arguments, *more)).data == said.data
    await person.hears("flashSale")
    await person.ask("ping")
    assert len(person.all_heard("flashSale")) == 1


async def test_publish_takes_its_data_from_a_file_and_from_standard_input(
    operator, connects, user, topic, tmp_path
):
    person = await connects(user)
    await person.subscribe(topic)
    file = tmp_path / "deal.json"
    file.write_text('{"title": "Atlas"}')
    await operator.does("publish", topic, "--data", f"@{file}")
    await operator.does("publish", topic, "--data", "-", stdin='{"title": "Globe"}')
    await person.hears(lambda frame: frame.get("data") == {"title": "Globe"})
    assert [frame["data"]["title"] for frame in person.all_heard("dealUpdate")] == ["Atlas", "Globe"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["publish", "A B", "--data", "{}"], "TOPIC"),
        (["publish", "books", "--data", "{"], "not JSON"),
        (["publish", "books", "--data", "[]"], "a JSON object is needed"),
        (["publish", "books", "--data", "@/nowhere/deal.json"], "/nowhere/deal.json cannot be read"),
        (["publish", "books", "--data", "{}", "--type", "1x"], "messageType"),
        (["publish", "books", "--data", json.dumps({"x": "y" * 140_000})], "data: is too large"),
        (["notify", "a b", "--data", "{}"], "no user id"),
    ],
)
async def test_a_bad_event_is_refused_before_it_is_sent(operator, arguments, said):
    assert said in (await operator.does(*arguments, code=2)).err


async def test_notify_stores_for_each_and_pushes_to_those_connected(operator, connects, user):
    here = await connects(f"{user}-here")
    said = await operator.does(
        "notify", f"{user}-here", f"{user}-away", "--data", '{"title":"Price drop"}', "--json"
    )
    assert keys_of(said.data) == keys_of(shape("notify"))
    assert said.data["total"] == 1
    assert (await here.hears("notification"))["data"]["title"] == "Price drop"
    away = await connects(f"{user}-away")
    assert len((await away.ask("getMessages"))["data"]["messages"]) == 1


async def test_token_opens_a_connection_for_as_long_as_was_said(operator, connects, user, stack):
    from local_cloud.client import Person

    said = await operator.does("token", user, "--seconds", "120", "--json")
    assert keys_of(said.data) == keys_of(shape("token"))
    assert 100 < said.data["expiresAt"] - time.time() <= 120
    header = {"Authorization": f"Bearer {said.data['token']}"}
    person = await Person.connect(stack.websocket_url, additional_headers=header)
    assert (await person.ask("getStatus"))["data"]["userId"] == user
    await person.leave()
