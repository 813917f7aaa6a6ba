"""`deals_ops status`, `connections` and `who`, with read-only permissions."""

from __future__ import annotations

import pytest

from tests.e2e.documented_shapes import documented_shape, key_paths

ROOT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


async def test_status_shows_every_function_and_queue(reader, stack):
    result = await reader.expect("status", "--json")
    assert key_paths(result.data) == key_paths(documented_shape("status"))
    assert {item["function"] for item in result.data["functions"]} == set(stack.outputs["function_names"])
    assert {item["queue"] for item in result.data["queues"]} == set(stack.outputs["queue_urls"])
    assert result.data["websocketUrl"] == stack.websocket_url
    assert {item["state"] for item in result.data["functions"]} == {"Active"}


async def test_status_as_text_names_the_stack_and_its_parts(reader, stack):
    result = await reader.expect("status", "--all")
    assert "deals-local (us-east-1)" in result.out
    for word in ("authorizer", "janitor", "deliveries_dlq", stack.websocket_url):
        assert word in result.out


async def test_status_opens_with_how_it_is_and_leaves_out_what_is_fine(reader, stack):
    result = await reader.expect("status")

    problems = (await reader.expect("status", "--json")).data["problems"]
    verdict = result.out.splitlines()[0]
    assert verdict == "deals-local is well" or verdict.startswith("deals-local has ")
    assert verdict.endswith("well") == (not problems)
    assert "INSUFFICIENT_DATA" not in result.out
    assert "timeout" not in result.out, "the table of functions"
    assert "--all shows each" in result.out


async def test_status_shows_no_alarm_that_the_emulator_cannot_judge(reader, stack):
    """The emulator takes metric maths over metrics without values for a value above the threshold."""
    alarms = (await reader.expect("status", "--json")).data["alarms"]

    judged = {alarm["alarm"] for alarm in alarms if alarm["state"] != "NOT_JUDGED"}
    described = stack.stack.client("cloudwatch").describe_alarms(
        AlarmNamePrefix="deals-local-", AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    plain = {alarm["AlarmName"] for alarm in described["MetricAlarms"] if alarm.get("MetricName")}
    assert len(judged) < len(alarms)
    assert plain & judged
    assert not {alarm["AlarmName"] for alarm in described["CompositeAlarms"]} & judged


async def test_connections_are_counted_and_listed_by_page_and_by_user(reader, connects, user):
    people = [await connects(f"{user}-{number}") for number in range(3)]
    twice = await connects(f"{user}-0")
    ids = {await person.connection_id() for person in (*people, twice)}

    assert (await reader.expect("connections", "count", "--json")).data["count"] >= 4
    mine = await reader.expect("connections", "count", "--user", f"{user}-0", "--json")
    assert mine.data == {"count": 2}

    listed, after = [], []
    while True:
        page = (await reader.expect("connections", "list", "--limit", "2", *after, "--json")).data
        assert len(page["connections"]) <= 2
        listed += page["connections"]
        if page["next"] is None:
            break
        after = ["--after", page["next"]]
    listed_ids = [item["connectionId"] for item in listed]
    assert ids <= set(listed_ids)
    assert len(listed_ids) == len(set(listed_ids))

    whole = (await reader.expect("connections", "list", "--all", "--json")).data
    assert ids <= {item["connectionId"] for item in whole["connections"]}
    assert key_paths(whole) == key_paths(documented_shape("connections list"))
    own = (await reader.expect("connections", "list", "--user", f"{user}-0", "--json")).data
    assert {item["userId"] for item in own["connections"]} == {f"{user}-0"}
    assert len(own["connections"]) == 2


async def test_who_shows_the_record_and_the_gateways_view(reader, connects, user, topic):
    person = await connects(user, jti=f"{user}-phone")
    await person.subscribe(topic, {"maxPrice": 400})
    connection = await person.connection_id()
    result = (await reader.expect("who", connection, "--json")).data
    assert key_paths(result) == key_paths(documented_shape("who"))
    assert (result["record"]["userId"], result["record"]["tokenId"]) == (user, f"{user}-phone")
    assert [(item["topic"], item["filters"]) for item in result["record"]["subscriptions"]] == [
        (topic, {"maxPrice": 400})
    ]
    assert result["gateway"]["sourceIp"] == "127.0.0.1"
    shown = (await reader.expect("who", connection)).out
    assert topic in shown
    assert user in shown


async def test_who_of_a_lost_connection_shows_it_is_gone(operator, connects, user, stack):
    person = await connects(user)
    connection = await person.connection_id()
    stack.vanish(connection)
    result = await operator.expect("who", connection, "--json")
    assert result.data["gateway"] is None
    assert result.data["record"]["userId"] == user
    assert "gone at API Gateway" in (await operator.expect("who", connection)).out


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "message"),
    [
        (["who", "AAAAAAAAAAAAAAA="], {}, 3, "there is no connection AAAAAAAAAAAAAAA="),
        (["who", "ann"], {}, 2, 'not a connection id: those end in "="'),
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
        (["status"], {"DEALS_ENVIRONMENT": "No!"}, 2, "--environment: 'No!' is not a valid name"),
        (["status"], {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}, 4, "AWS credentials are not valid"),
        (["status"], {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, 5, "AWS did not answer"),
        (["status", "--profile", "nobody"], {}, 2, "nobody"),
        (["index", "check"], {}, 3, "Redis is not enabled in deals-local"),
        (["index", "rebuild", "--yes"], {}, 3, "Redis is not enabled in deals-local"),
        (["connections", "list", "--limit", "0"], {}, 2, "not a whole number from 1 to"),
    ],
)
async def test_failed_command_names_the_remedy(operator, arguments, environment, code, message):
    result = await operator.expect(*arguments, code=code, **environment)
    assert message in result.err
    assert result.out == ""
