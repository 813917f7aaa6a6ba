"""The policies of operators.tf: read-only operators change nothing and see which permission is missing."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("arguments", "action"),
    [
        (["kick", "USER"], "execute-api:ManageConnections"),
        (["revoke", "USER"], "dynamodb:PutItem"),
        (["unsubscribe", "Kx2vTfVroAMCJlg=", "books"], "lambda:InvokeFunction"),
        (["block", "USER"], "dynamodb:PutItem"),
        (["unblock", "USER"], "dynamodb:DeleteItem"),
        (["publish", "books", "--data", "{}"], "lambda:InvokeFunction"),
        (["notify", "USER", "--data", "{}"], "lambda:InvokeFunction"),
        (["token", "USER"], "secretsmanager:GetSecretValue"),
        (["tail", "books"], "secretsmanager:GetSecretValue"),
    ],
)
async def test_read_only_operator_is_refused_every_change(reader, connects, user, arguments, action):
    person = await connects(user)
    command = [user if argument == "USER" else argument for argument in arguments]
    result = await reader.expect(*command, "--yes", code=4)
    assert f"may not {action}" in result.err
    assert "docs/operator_cli.md" in result.err
    assert (await person.ask("ping"))["type"] == "pong"


@pytest.mark.parametrize(("verb", "action"), [("redrive", "sqs:SendMessage"), ("purge", "sqs:DeleteMessage")])
async def test_read_only_operator_is_refused_to_change_dead_letters(reader, operator, stack, verb, action):
    topic = f"policies.{verb}"
    stack.send("events_dlq", {"messageType": "dealUpdate", "topic": topic, "data": {}})
    result = await reader.expect("dlq", verb, "events", "--yes", code=4)
    assert f"may not {action}" in result.err
    listed = (await operator.expect("dlq", "list", "events", "--limit", "1000", "--json")).data["letters"]
    ids = [item["id"] for item in listed if item["about"] == f"dealUpdate for {topic}"]
    assert len(ids) == 1
    await operator.expect("dlq", "purge", "events", "--id", ids[0], "--yes")
