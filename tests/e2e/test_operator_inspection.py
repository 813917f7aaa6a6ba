"""`deals_ops status`, `connections`, `who`: what is there, by rights that only look."""

from __future__ import annotations

import pytest

from tests.e2e.documented_shapes import keys_of, shape

ROOT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


async def test_status_shows_every_function_and_queue(reader, stack):
    said = await reader.does("status", "--json")
    assert keys_of(said.data) == keys_of(shape("status"))
    assert {one["function"] for one in said.data["functions"]} == set(stack.outputs["function_names"])
    assert {one["queue"] for one in said.data["queues"]} == set(stack.outputs["queue_urls"])
    assert said.data["websocketUrl"] == stack.websocket_url
    assert {one["state"] for one in said.data["functions"]} == {"Active"}


async def test_status_for_people_names_the_stack_and_its_parts(reader, stack):
    said = await reader.does("status")
    assert "deals-local (us-east-1)" in said.out
    for word in ("authorizer", "janitor", "deliveries_dlq", stack.websocket_url):
        assert word in said.out


async def test_connections_are_counted_and_listed_by_page_and_by_user(reader, connects, user):
    people = [await connects(f"{user}-{number}") for number in range(3)]
    twice = await connects(f"{user}-0")
    ids = {await person.connection_id() for person in (*people, twice)}

    assert (await reader.does("connections", "count", "--json")).data["count"] >= 4
    mine = await reader.does("connections", "count", "--user", f"{user}-0", "--json")
    assert mine.data == {"count": 2}

    found, after = [], []
    while True:
        page = (await reader.does("connections", "list", "--limit", "2", *after, "--json")).data
        assert len(page["connections"]) <= 2
        found += page["connections"]
        if page["next"] is None:
            break
        after = ["--after", page["next"]]
    listed = [one["connectionId"] for one in found]
    assert ids <= set(listed)
    assert len(listed) == len(set(listed))

    whole = (await reader.does("connections", "list", "--all", "--json")).data
    assert ids <= {one["connectionId"] for one in whole["connections"]}
    assert keys_of(whole) == keys_of(shape("connections list"))
    own = (await reader.does("connections", "list", "--user", f"{user}-0", "--json")).data
    assert {one["userId"] for one in own["connections"]} == {f"{user}-0"}
    assert len(own["connections"]) == 2


async def test_who_tells_the_record_and_what_the_gateway_knows(reader, connects, user, topic):
    person = await connects(user, jti=f"{user}-phone")
    await person.subscribe(topic, {"maxPrice": 400})
    connection = await person.connection_id()
    said = (await reader.does("who", connection, "--json")).data
    assert keys_of(said) == keys_of(shape("who"))
    assert (said["record"]["userId"], said["record"]["tokenId"]) == (user, f"{user}-phone")
    assert [(one["topic"], one["filters"]) for one in said["record"]["subscriptions"]] == [
        (topic, {"maxPrice": 400})
    ]
    assert said["gateway"]["sourceIp"] == "127.0.0.1"
    shown = (await reader.does("who", connection)).out
    assert topic in shown
    assert user in shown


async def test_who_tells_a_connection_that_was_lost(operator, connects, user, stack):
    person = await connects(user)
    connection = await person.connection_id()
    stack.vanish(connection)
    said = await operator.does("who", connection, "--json")
    assert said.data["gateway"] is None
    assert said.data["record"]["userId"] == user
    assert "gone at API Gateway" in (await operator.does("who", connection)).out


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "said"),
    [
        (["who", "AAAAAAAAAAAAAAA="], {}, 3, "there is no connection AAAAAAAAAAAAAAA="),
        (["who", "ann"], {}, 2, 'no connection id: they end in "="'),
        (
            ["status"],
            {"DEALS_ENVIRONMENT": "nowhere", **ROOT},
            3,
            "there is no function deals-nowhere-janitor in us-east-1",
        ),
        (
            ["status"],
            {"DEALS_ENVIRONMENT": "nowhere"},
            4,
            "may not look at the function deals-nowhere-janitor",
        ),
        (["status"], {"DEALS_ENVIRONMENT": "No!"}, 2, "--environment: 'No!' is no such name"),
        (["status"], {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}, 4, "AWS credentials are not valid"),
        (["status"], {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, 5, "AWS did not answer"),
        (["status", "--profile", "nobody"], {}, 2, "nobody"),
        (["index", "check"], {}, 3, "Redis is not enabled in deals-local"),
        (["index", "rebuild", "--yes"], {}, 3, "Redis is not enabled in deals-local"),
        (["connections", "list", "--limit", "0"], {}, 2, "not a whole number from 1 to"),
    ],
)
async def test_what_cannot_be_is_said_with_the_remedy(operator, arguments, environment, code, said):
    told = await operator.does(*arguments, code=code, **environment)
    assert said in told.err
    assert told.out == ""
