"""The policies of operators.tf: who may only look can do nothing else, and is told which right is missing."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("arguments", "action"),
    [
        (["kick", "USER"], "execute-api:ManageConnections"),
        (["revoke", "USER"], "dynamodb:PutItem"),
        (["publish", "books", "--data", "{}"], "lambda:InvokeFunction"),
        (["notify", "USER", "--data", "{}"], "lambda:InvokeFunction"),
        (["token", "USER"], "secretsmanager:GetSecretValue"),
        (["tail", "books"], "secretsmanager:GetSecretValue"),
    ],
)
async def test_who_may_look_may_not_mend(reader, connects, user, arguments, action):
    person = await connects(user)
    asked = [user if one == "USER" else one for one in arguments]
    said = await reader.does(*asked, "--yes", code=4)
    assert f"may not {action}" in said.err
    assert "docs/operator_cli.md" in said.err
    assert (await person.ask("ping"))["type"] == "pong"


@pytest.mark.parametrize(("verb", "action"), [("redrive", "sqs:SendMessage"), ("purge", "sqs:DeleteMessage")])
async def test_who_may_look_may_not_touch_dead_letters(reader, operator, stack, verb, action):
    topic = f"policies.{verb}"
    stack.send("events_dlq", {"messageType": "dealUpdate", "topic": topic, "data": {}})
    said = await reader.does("dlq", verb, "events", "--yes", code=4)
    assert f"may not {action}" in said.err
    left = (await operator.does("dlq", "list", "events", "--limit", "1000", "--json")).data["letters"]
    mine = [one["id"] for one in left if one["about"] == f"dealUpdate for {topic}"]
    assert len(mine) == 1
    await operator.does("dlq", "purge", "events", "--id", mine[0], "--yes")
