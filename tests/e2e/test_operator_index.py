"""`deals_ops index`: what it asks of the function that keeps the index, and what it makes of the answers.

The local stack has no Redis, so a function that answers as `index_projector` does stands in its place.
"""

from __future__ import annotations

import io
import json
import zipfile

import pytest

ANSWERS = {
    "check": {"task": "check", "outcome": "equal", "shards": 3, "members": 7, "missing": 0, "extra": 0},
    "rebuild": {"task": "rebuild", "outcome": "ready", "members": 7, "groups": 3, "seconds": 0.5},
}
_CODE = """
ANSWERS = {answers!r}

def handler(event, context):
    if event.get("groups") == 13:
        raise ValueError("unlucky")
    answer = dict(ANSWERS[event["task"]], asked=event)
    return dict(answer, outcome="different") if event.get("repair") else answer
"""


@pytest.fixture
def projector(stack):
    """The function under its own name, with an alias as all have it."""
    client, name = stack.stack.client("lambda"), "deals-local-index_projector"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", _CODE.format(answers=ANSWERS))
    told = client.get_function_configuration(FunctionName=stack.outputs["function_names"]["janitor"])
    client.create_function(
        FunctionName=name,
        Role=told["Role"],
        Runtime="python3.13",
        Handler="index.handler",
        Code={"ZipFile": packed.getvalue()},
        Publish=True,
    )
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    yield
    client.delete_function(FunctionName=name)


async def test_check_and_rebuild_say_what_the_function_says(operator, projector):
    check = (await operator.does("index", "check", "--json")).data
    assert check == {**ANSWERS["check"], "asked": {"task": "check"}}
    some = (await operator.does("index", "check", "--groups", "50", "--json")).data
    assert some["asked"] == {"task": "check", "groups": 50}
    assert "members" in (await operator.does("index", "rebuild", "--yes")).out
    assert "repeat it with --yes" in (await operator.does("index", "rebuild", code=6)).err


async def test_a_difference_is_exit_code_1_and_a_fault_of_the_function_5(operator, projector):
    said = await operator.does("index", "check", "--repair", "--json", code=1)
    assert json.loads(said.out)["outcome"] == "different"
    said = await operator.does("index", "check", "--groups", "13", code=5)
    assert "index_projector failed: " in said.err
    assert "unlucky" in said.err
    assert "aws logs tail /aws/lambda/deals-local-index_projector" in said.err
