"""What an end-to-end run says of the rights that it saw: tests/e2e/rights.py."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.e2e.rights import FOLDER, Gathered, Reason, find_missing, find_unused, is_whole, read_reasons

ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/deals-local-history"
GET, PUT = ["dynamodb:GetItem", ARN], ["dynamodb:PutItem", ARN]


def gathered(principal="function:deals-local-broadcast", **calls):
    found = Gathered()
    found.add({principal: {"allowed": [GET, PUT], "used": [GET], "missing": [], "unknown": []} | calls})
    return found


def reason(holder="broadcast", action="dynamodb:PutItem", resource="table/history"):
    return Reason((holder,), (action,), (resource,), "why")


def test_call_without_a_right_names_function_action_and_resource():
    run = gathered(missing=[["dynamodb:Scan", ARN]], unknown=["s3 GetObject GET /"])
    assert list(find_missing(run)) == [
        "broadcast: dynamodb:Scan on table/history: is not allowed",
        "broadcast: s3 GetObject GET / on : is not known to local_cloud/rights",
    ]


def test_calls_that_tests_let_operators_try_are_no_problem():
    assert list(find_missing(gathered("user:reader", missing=[PUT]))) == []


def test_grant_that_nobody_used_is_a_problem_unless_it_has_a_reason():
    [problem] = find_unused(gathered(), [])
    assert problem.startswith("broadcast: dynamodb:PutItem on table/history: never used")
    assert list(find_unused(gathered(), [reason()])) == []
    assert list(find_unused(gathered(), [reason("*", "dynamodb:P*", "table/*")])) == []
    assert len(list(find_unused(gathered(), [reason(holder="janitor")]))) == 2


def test_grant_that_another_deployment_used_is_used():
    run = gathered()
    other = ["dynamodb:PutItem", ARN.replace("deals-local", "deals-east")]
    run.add({"function:deals-east-broadcast": {"allowed": [], "used": [other], "missing": [], "unknown": []}})
    assert list(find_unused(run, [])) == []


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (reason(action="dynamodb:GetItem"), "was used"),
        (reason(action="dynamodb:Scan"), "no policy has what it names"),
    ],
)
def test_reason_that_no_longer_holds_is_a_problem(given, problem):
    stale = [line for line in find_unused(gathered(), [given]) if "stale" in line]
    assert len(stale) == 1
    assert problem in stale[0]


@pytest.mark.parametrize(
    ("arn", "shortened"),
    [
        ("arn:aws:execute-api:us-east-1:0:a1b2c3d4e5/v1/POST/@connections/*", "API/v1/POST/@connections/*"),
        (
            "arn:aws:secretsmanager:us-east-1:0:secret:deals-local-jwt-signing-keys-AbCdEf",
            "secret:jwt-signing-keys",
        ),
        ("arn:aws:events:us-east-1:0:event-bus/deals-west-forwarded", "event-bus/forwarded"),
        ("arn:aws:sqs:us-east-1:0:deals-local-events-dlq", "events-dlq"),
        (
            "arn:aws:dynamodb:us-east-1:0:table/deals-local-subscriptions/stream/2026-11-28T15:50:50.123",
            "table/subscriptions/stream/LABEL",
        ),
        ("*", "*"),
    ],
)
def test_deployments_share_the_names_of_rights(arn, shortened):
    run = gathered(used=[["a:B", arn]])
    assert {right.resource for right in run.rights["used"]} == {shortened}


def test_what_workers_gather_comes_together():
    run = Gathered()
    run.merge(gathered().dump())
    run.merge(gathered("function:deals-local-janitor").dump())
    assert {right.holder for right in run.rights["used"]} == {"broadcast", "janitor"}


def config(*arguments, **options):
    return SimpleNamespace(
        args=arguments,
        invocation_params=SimpleNamespace(dir=FOLDER.parents[1]),
        getoption=options.get,
    )


def test_run_of_a_part_does_not_judge_what_is_unused():
    assert is_whole(config("tests/unit", "tests/e2e"))
    assert is_whole(config("tests"))
    assert is_whole(config(str(Path(FOLDER))))
    assert not is_whole(config("tests/unit"))
    assert not is_whole(config("tests/e2e/test_limits.py"))
    assert not is_whole(config("tests/e2e", keyword="limits"))
    assert not is_whole(config("tests/e2e", lf=True))


def test_committed_reasons_are_sentences():
    for given in read_reasons():
        assert len(given.reason.split()) > 3
