"""Which rights a call needs, and whether policies grant them, as tables of inputs and outputs."""

from __future__ import annotations

import pytest

from local_cloud.rights.ledger import Ledger
from local_cloud.rights.needs import CalledApi, Place, UnknownCall, list_needs
from local_cloud.rights.policies import Grant, Need, UnknownPolicy, decide, list_grants, read_policy

PLACE = Place("us-east-1", "111122223333")
TABLE = "arn:aws:dynamodb:us-east-1:111122223333:table/deals"
KEYS = {"deals": "pk"}


def policy(**statement):
    usual = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": TABLE}
    return read_policy({"Version": "2012-10-17", "Statement": [usual | statement]})


def needs(service, operation, parameters=None, method="POST", path="/", **query):
    call = CalledApi(service, operation, method, path, query, parameters or {})
    return [tuple(need) for need in list_needs(call, PLACE, KEYS)]


def without_context(found):
    return [(action, resource.removeprefix(TABLE.partition(":table")[0])) for action, resource, _ in found]


@pytest.mark.parametrize(
    ("operation", "parameters", "expected"),
    [
        ("GetItem", {"TableName": "deals"}, [("dynamodb:GetItem", ":table/deals")]),
        ("GetItem", {"TableName": TABLE}, [("dynamodb:GetItem", ":table/deals")]),
        ("Query", {"TableName": "deals"}, [("dynamodb:Query", ":table/deals")]),
        (
            "Query",
            {"TableName": "deals", "IndexName": "ByUser"},
            [("dynamodb:Query", ":table/deals/index/ByUser")],
        ),
        (
            "BatchGetItem",
            {"RequestItems": {"b": {}, "a": {}}},
            [("dynamodb:BatchGetItem", ":table/a"), ("dynamodb:BatchGetItem", ":table/b")],
        ),
        (
            "TransactWriteItems",
            {
                "TransactItems": [
                    {"Put": {"TableName": "a"}},
                    {"Update": {"TableName": "a"}},
                    {"Put": {"TableName": "a"}},
                    {"Delete": {"TableName": "b"}},
                    {"ConditionCheck": {"TableName": "b"}},
                ]
            },
            [
                ("dynamodb:ConditionCheckItem", ":table/b"),
                ("dynamodb:DeleteItem", ":table/b"),
                ("dynamodb:PutItem", ":table/a"),
                ("dynamodb:UpdateItem", ":table/a"),
            ],
        ),
    ],
)
def test_dynamodb_calls_need_the_actions_of_their_tables_and_items(operation, parameters, expected):
    assert without_context(needs("dynamodb", operation, parameters)) == expected


@pytest.mark.parametrize(
    ("statement", "action", "scans"),
    [
        ('SELECT pk, sk FROM "deals" WHERE pk IN [?,?] AND e > ?', "PartiQLSelect", "false"),
        ('SELECT * FROM deals WHERE "pk" = ?', "PartiQLSelect", "false"),
        ('select * from "deals" where sk = ?', "PartiQLSelect", "true"),
        ('SELECT * FROM "deals" WHERE pk = ? OR sk = ?', "PartiQLSelect", "true"),
        ('SELECT * FROM "deals" WHERE epk = ?', "PartiQLSelect", "true"),
        ('SELECT * FROM "deals"', "PartiQLSelect", "true"),
        ("INSERT INTO \"deals\" VALUE {'pk': ?}", "PartiQLInsert", None),
        ('UPDATE "deals" SET a = ? WHERE pk = ?', "PartiQLUpdate", None),
        ('DELETE FROM "deals" WHERE pk = ?', "PartiQLDelete", None),
    ],
)
def test_statements_need_their_own_actions_and_a_select_tells_whether_it_scans(statement, action, scans):
    [(needed, resource, context)] = needs("dynamodb", "ExecuteStatement", {"Statement": statement})

    assert (needed, resource) == (f"dynamodb:{action}", TABLE)
    assert dict(context).get("dynamodb:FullTableScan") == scans


def test_statement_on_an_index_needs_the_index():
    statement = 'SELECT * FROM "deals"."ByUser" WHERE pk = ?'
    [(_, resource, _)] = needs(
        "dynamodb", "BatchExecuteStatement", {"Statements": [{"Statement": statement}]}
    )
    assert resource == f"{TABLE}/index/ByUser"


BROADCAST = "arn:aws:lambda:us-east-1:111122223333:function:broadcast"


@pytest.mark.parametrize(
    ("call", "action", "resource"),
    [
        (
            ("sqs", "SendMessageBatch", {"QueueUrl": "http://127.0.0.1:4566/111122223333/events"}),
            "sqs:SendMessage",
            "arn:aws:sqs:us-east-1:111122223333:events",
        ),
        (
            ("events", "PutEvents", {"Entries": [{"EventBusName": "b"}, {"EventBusName": "b"}]}),
            "events:PutEvents",
            "arn:aws:events:us-east-1:111122223333:event-bus/b",
        ),
        (
            ("secretsmanager", "GetSecretValue", {"SecretId": "arn:x"}),
            "secretsmanager:GetSecretValue",
            "arn:x",
        ),
        (
            ("execute-api", "PostToConnection", {}, "POST", "/_aws/execute-api/a1/v1/@connections/c="),
            "execute-api:ManageConnections",
            "arn:aws:execute-api:us-east-1:111122223333:a1/v1/POST/@connections/c=",
        ),
        (
            ("lambda", "Invoke", {}, "POST", f"/2015-03-31/functions/{BROADCAST}:live/invocations"),
            "lambda:InvokeFunction",
            f"{BROADCAST}:live",
        ),
        (
            ("lambda", "Invoke", {}, "POST", f"/2015-03-31/functions/{BROADCAST}/invocations"),
            "lambda:InvokeFunction",
            BROADCAST,
        ),
        (
            ("logs", "FilterLogEvents", {"logGroupName": "/g"}),
            "logs:FilterLogEvents",
            "arn:aws:logs:us-east-1:111122223333:log-group:/g:*",
        ),
        (("monitoring", "DescribeAlarms"), "cloudwatch:DescribeAlarms", "*"),
    ],
    ids=lambda value: "-".join(value[:2]) if isinstance(value, tuple) else None,
)
def test_calls_of_other_services_need_the_action_that_aws_judges_by(call, action, resource):
    assert needs(*call) == [(action, resource, ())]


def test_qualifier_of_the_query_names_the_alias():
    path = "/2015-03-31/functions/broadcast/configuration"
    [(action, resource, _)] = needs("lambda", "*", None, "GET", path, Qualifier="live")
    assert (action, resource) == ("lambda:GetFunctionConfiguration", f"{BROADCAST}:live")


@pytest.mark.parametrize(
    "call", [("s3", "GetObject"), ("dynamodb", "CreateTable"), ("lambda", "*", {}, "PUT", "/x"), ("*", "*")]
)
def test_calls_whose_rights_are_not_known_are_named(call):
    with pytest.raises(UnknownCall, match=call[0].replace("*", r"\*")):
        needs(*call)


@pytest.mark.parametrize(
    ("statement", "need", "allowed"),
    [
        ({}, Need("dynamodb:GetItem", TABLE), True),
        ({"Action": ["x:Y", "DynamoDB:getitem"]}, Need("dynamodb:GetItem", TABLE), True),
        ({"Action": "dynamodb:Get*"}, Need("dynamodb:GetItem", TABLE), True),
        ({}, Need("dynamodb:PutItem", TABLE), False),
        ({}, Need("dynamodb:GetItem", f"{TABLE}s"), False),
        ({}, Need("dynamodb:GetItem", f"{TABLE}/index/ByUser"), False),
        ({"Resource": f"{TABLE}/index/*"}, Need("dynamodb:GetItem", f"{TABLE}/index/ByUser"), True),
        ({"Resource": f"{TABLE}?"}, Need("dynamodb:GetItem", f"{TABLE}s"), True),
        ({"Resource": TABLE.replace("deals", "[d]eals")}, Need("dynamodb:GetItem", TABLE), False),
        ({"Resource": TABLE.upper()}, Need("dynamodb:GetItem", TABLE), False),
        ({"Effect": "Deny"}, Need("dynamodb:GetItem", TABLE), False),
    ],
)
def test_policy_covers_actions_without_regard_to_case_and_resources_with_it(statement, need, allowed):
    assert decide(policy(**statement), need).allowed is allowed


SELECT = Need("dynamodb:GetItem", TABLE, (("dynamodb:FullTableScan", "false"),))


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ({"Bool": {"dynamodb:FullTableScan": "false"}}, True),
        ({"Bool": {"dynamodb:FullTableScan": ["False"]}}, True),
        ({"Bool": {"dynamodb:FullTableScan": "true"}}, False),
        ({"BoolIfExists": {"dynamodb:Else": "true"}}, True),
        ({"Bool": {"dynamodb:Else": "true"}}, False),
        ({"StringEquals": {"dynamodb:FullTableScan": ["true", "false"]}}, True),
        ({"StringEquals": {"dynamodb:FullTableScan": "f*"}}, False),
        ({"StringLike": {"dynamodb:FullTableScan": "f*"}}, True),
        ({"ArnEquals": {"dynamodb:FullTableScan": "f*"}}, True),
        ({"Bool": {"dynamodb:FullTableScan": "false"}, "StringEquals": {"a": "b"}}, False),
    ],
)
def test_every_condition_of_a_statement_must_be_met(condition, allowed):
    assert decide(policy(Condition=condition), SELECT).allowed is allowed


def test_deny_wins_where_its_conditions_are_met():
    denial = policy(Effect="Deny", Condition={"Bool": {"dynamodb:FullTableScan": "true"}})
    assert decide([*policy(), *denial], SELECT).allowed
    scan = SELECT._replace(context=(("dynamodb:FullTableScan", "true"),))
    assert not decide([*policy(), *denial], scan).allowed


def test_decision_names_every_grant_that_met_the_need():
    statements = [*policy(), *policy(Action="dynamodb:*"), *policy(Action="dynamodb:PutItem")]
    assert decide(statements, Need("dynamodb:GetItem", TABLE)).by == (
        Grant("dynamodb:GetItem", TABLE),
        Grant("dynamodb:*", TABLE),
    )


@pytest.mark.parametrize(
    "statement",
    [
        {"NotAction": "a:B"},
        {"Principal": "*"},
        {"Effect": "allow"},
        {"Resource": "arn:aws:s3:::${aws:username}"},
        {"Condition": {"NumericLessThan": {"a": "1"}}},
    ],
    ids=lambda statement: next(iter(statement)),
)
def test_policies_beyond_the_part_that_is_understood_are_not_guessed_at(statement):
    with pytest.raises(UnknownPolicy):
        policy(**statement)


def test_ledger_tells_what_was_allowed_used_missing_and_not_judged():
    ledger, statements = Ledger(), policy(Action=["dynamodb:GetItem", "dynamodb:PutItem"])
    ledger.note_policy("function:f", statements)
    ledger.note_policy("function:f", policy(Effect="Deny"))
    ledger.note_use("function:f", list_grants(statements)[:1])
    ledger.note_missing("function:f", Need("dynamodb:Scan", TABLE))
    ledger.note_unknown("function:f", "s3 GetObject GET /")

    assert ledger.describe() == {
        "function:f": {
            "allowed": [("dynamodb:GetItem", TABLE), ("dynamodb:PutItem", TABLE)],
            "used": [("dynamodb:GetItem", TABLE)],
            "missing": [("dynamodb:Scan", TABLE)],
            "unknown": ["s3 GetObject GET /"],
        }
    }
