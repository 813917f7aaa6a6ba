"""A call that its signer's policies do not allow is refused; the control API tells which grants were used."""

from __future__ import annotations

import json
import uuid

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.contract.gateway.probe import _TRUST, build_zip

pytestmark = pytest.mark.local_only("AWS tells nobody which grants a call used")

# A function that hands out the credentials of its role, with which the test then makes the function's calls.
SOURCE = """
import os

def handler(event, context):
    return [os.environ["AWS_" + name] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")]
"""


class Things:
    """Two tables, and principals with a policy."""

    def __init__(self, target, cloud):
        self._target, self._cloud = target, cloud
        self._iam, self._dynamodb = target.client("iam"), target.client("dynamodb")
        self.name = f"rights-{uuid.uuid4().hex[:8]}"
        self.mine, self.other = f"{self.name}-mine", f"{self.name}-other"
        self.arn = f"arn:aws:dynamodb:{target.session.region_name}:{target.account}:table/"
        for table in (self.mine, self.other):
            self._dynamodb.create_table(
                TableName=table,
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )

    def grant(self, actions, **more):
        """Return a policy that allows actions on the table `mine`."""
        statement = {"Effect": "Allow", "Action": actions, "Resource": [self.arn + self.mine], **more}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    def user(self, policy):
        """Create a user with a policy; return its name and a session."""
        name = f"user-{uuid.uuid4().hex[:8]}"
        self._iam.create_user(UserName=name)
        self._iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy)
        key = self._iam.create_access_key(UserName=name)["AccessKey"]
        return name, self._session(key["AccessKeyId"], key["SecretAccessKey"])

    def function(self, policy):
        """Create a function whose role has a policy; return its name and a session with its credentials."""
        name = f"function-{uuid.uuid4().hex[:8]}"
        role = self._iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"][
            "Arn"
        ]
        self._iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
        functions = self._target.client("lambda")
        functions.create_function(
            FunctionName=name, Runtime="python3.13", Handler="index.handler", Role=role, Timeout=30,
            Code={"ZipFile": build_zip(SOURCE)},
        )  # fmt: skip
        functions.get_waiter("function_active_v2").wait(FunctionName=name)
        given = json.loads(functions.invoke(FunctionName=name)["Payload"].read())
        return name, self._session(*given)

    def change_policy(self, user, policy):
        """Give a user another policy."""
        self._iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=policy)

    def _session(self, key, secret, token=None):
        return boto3.Session(key, secret, token, region_name=self._target.session.region_name)

    def dynamodb(self, session):
        """Return a client with a session's credentials."""
        return session.client("dynamodb", endpoint_url=self._target.endpoint)

    def ledger(self, principal):
        """Return what the control API tells of a principal."""
        return self._cloud.control("GET", "rights")[principal]


@pytest.fixture(scope="module")
def things(target, cloud):
    return Things(target, cloud)


def denied(call, **arguments):
    """Expect AWS's error for a missing right, and return its message."""
    with pytest.raises(ClientError) as failed:
        call(**arguments)
    response = failed.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert response["Error"]["Code"] == "AccessDeniedException"
    return response["Error"]["Message"]


KEY = {"pk": {"S": "a"}}


async def test_function_makes_the_calls_of_its_role_and_no_others(things):
    name, session = things.function(things.grant(["dynamodb:GetItem", "dynamodb:PutItem"]))
    dynamodb = things.dynamodb(session)

    dynamodb.get_item(TableName=things.mine, Key=KEY)
    dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": things.mine, "Item": KEY}}])
    message = denied(dynamodb.get_item, TableName=things.other, Key=KEY)
    denied(dynamodb.delete_item, TableName=things.mine, Key=KEY)

    resource = things.arn + things.other
    assert f"is not authorized to perform: dynamodb:GetItem on resource: {resource}" in message
    arn = things.arn + things.mine
    grants = [["dynamodb:GetItem", arn], ["dynamodb:PutItem", arn]]
    assert things.ledger(f"function:{name}") == {
        "allowed": grants,
        "used": grants,
        "missing": [["dynamodb:DeleteItem", arn], ["dynamodb:GetItem", resource]],
        "unknown": [],
    }


async def test_statement_is_judged_by_its_own_action_and_condition(things):
    """The emulator knows neither: it judges a SELECT as a Query."""
    condition = {"BoolIfExists": {"dynamodb:FullTableScan": ["false"]}}
    name, session = things.user(things.grant("dynamodb:PartiQLSelect", Condition=condition))
    dynamodb = things.dynamodb(session)
    select = f'SELECT pk FROM "{things.mine}"'

    dynamodb.execute_statement(Statement=f"{select} WHERE pk IN [?]", Parameters=[{"S": "a"}])
    denied(dynamodb.execute_statement, Statement=select)

    assert things.ledger(f"user:{name}")["used"] == [["dynamodb:PartiQLSelect", things.arn + things.mine]]


async def test_batch_of_messages_is_judged_as_single_ones(things, target):
    queue = f"{things.name}-queue"
    url = target.client("sqs").create_queue(QueueName=queue)["QueueUrl"]
    arn = things.arn.replace("dynamodb", "sqs").replace("table/", queue)
    statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}
    name, session = things.user(json.dumps({"Version": "2012-10-17", "Statement": statement}))
    sqs = session.client("sqs", endpoint_url=target.endpoint)

    answer = sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "a", "MessageBody": "{}"}])
    with pytest.raises(ClientError, match="AccessDenied"):
        sqs.receive_message(QueueUrl=url)

    assert [each["Id"] for each in answer["Successful"]] == ["a"]
    assert things.ledger(f"user:{name}")["missing"] == [["sqs:ReceiveMessage", arn]]


async def test_changed_policy_is_in_force_at_once(things):
    name, session = things.user(things.grant("dynamodb:GetItem"))
    dynamodb = things.dynamodb(session)
    dynamodb.get_item(TableName=things.mine, Key=KEY)

    things.change_policy(name, things.grant("dynamodb:DeleteItem"))

    denied(dynamodb.get_item, TableName=things.mine, Key=KEY)
    dynamodb.delete_item(TableName=things.mine, Key=KEY)


async def test_boundary_takes_away_what_a_policy_allows(things, target):
    iam, actions = target.client("iam"), ["dynamodb:GetItem", "dynamodb:PutItem"]
    name, session = things.user(things.grant(actions))
    boundary = iam.create_policy(PolicyName=name, PolicyDocument=things.grant("dynamodb:GetItem"))
    iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=boundary["Policy"]["Arn"])
    dynamodb = things.dynamodb(session)

    dynamodb.get_item(TableName=things.mine, Key=KEY)
    denied(dynamodb.put_item, TableName=things.mine, Item=KEY)


async def test_wrong_secret_is_no_way_around(things):
    _, session = things.user(things.grant("dynamodb:PartiQLSelect"))
    forged = boto3.Session(session.get_credentials().access_key, "x" * 40, region_name=session.region_name)
    select = f'SELECT pk FROM "{things.mine}" WHERE pk = ?'

    with pytest.raises(ClientError, match=r"InvalidSignature|SignatureDoesNotMatch"):
        things.dynamodb(forged).execute_statement(Statement=select, Parameters=[{"S": "a"}])


async def test_rights_are_not_checked_where_that_limit_is_lifted(things, cloud):
    name, session = things.user(things.grant("dynamodb:PutItem"))
    cloud.control("POST", "limits", rights_checked=False)
    try:
        with pytest.raises(ClientError, match="AccessDenied"):  # by the emulator, with another status
            things.dynamodb(session).get_item(TableName=things.mine, Key=KEY)
        assert f"user:{name}" not in cloud.control("GET", "rights")
    finally:
        cloud.control("POST", "limits", rights_checked=True)
