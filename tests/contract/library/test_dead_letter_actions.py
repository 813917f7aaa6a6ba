"""Redriving and purging dead letters: ten by ten, each by itself, none lost."""

import json
from types import SimpleNamespace

import boto3
import pytest

from deals_ops.commands import dlq_actions
from deals_ops.terminal import Terminal
from tests.contract.support.emulator import emulator_url


class Sqs:
    """The emulator's client, with a note of each call; `refuses` has bodies that it does not take."""

    def __init__(self, client):
        self.client, self.calls, self.refuses = client, [], set()

    def __getattr__(self, name):
        def call(**parameters):
            self.calls.append(name)
            return getattr(self.client, name)(**parameters)

        return call

    def send_message_batch(self, QueueUrl, Entries):  # noqa: N803 - as AWS names them
        self.calls.append("send_message_batch")
        taken = [entry for entry in Entries if not any(part in entry["MessageBody"] for part in self.refuses)]
        failed = [{"Id": entry["Id"], "Code": "InternalError"} for entry in Entries if entry not in taken]
        if taken:
            self.client.send_message_batch(QueueUrl=QueueUrl, Entries=taken)
        return {"Failed": failed}


@pytest.fixture
def stack(cloud):
    session = boto3.Session("test", "test", region_name="us-east-1")
    sqs = Sqs(session.client("sqs", endpoint_url=emulator_url()))
    url = sqs.client.create_queue(QueueName="events")["QueueUrl"]
    dead = sqs.client.create_queue(QueueName="events-dlq")["QueueUrl"]
    return SimpleNamespace(
        aws=SimpleNamespace(client=lambda _service: sqs),
        sqs=sqs,
        prefix="deals-test",
        url=url,
        get_queue_url=lambda _queue: url,
        get_dead_letter_url=lambda _queue: dead,
        dead=dead,
    )


def put(stack, number, size=10, **more):
    event = {
        "messageType": "dealUpdate",
        "topic": "books",
        "eventId": f"e-{number}",
        "data": {"x": "y" * size},
    }
    stack.sqs.client.send_message(QueueUrl=stack.dead, MessageBody=json.dumps({**event, **more}))


def run(action, stack, **options):
    arguments = SimpleNamespace(queue="events", id=None, limit=None, dry_run=False, **options)
    return action(stack, arguments, Terminal(as_json=True, assume_yes=True)).data


def left(stack, url):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = stack.sqs.client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


def test_ten_letters_take_three_calls(stack):
    for number in range(25):
        put(stack, number)
    assert run(dlq_actions.run_redrive, stack)["redriven"] == 25
    assert (left(stack, stack.url), left(stack, stack.dead)) == (25, 0)
    assert stack.sqs.calls.count("send_message_batch") == stack.sqs.calls.count("delete_message_batch") == 3
    assert "send_message" not in stack.sqs.calls


def test_large_letters_go_in_several_calls(stack):
    for number in range(4):
        put(stack, number, 110_000)
    assert run(dlq_actions.run_redrive, stack)["redriven"] == 4
    assert stack.sqs.calls.count("send_message_batch") == 2
    assert (left(stack, stack.url), left(stack, stack.dead)) == (4, 0)


def test_letter_that_is_not_taken_stays_with_the_reason_and_holds_up_no_other(stack):
    for number in range(10):
        put(stack, number)
    put(stack, 10, colour="red")
    stack.sqs.refuses = {'"e-3"', '"e-7"'}
    data = run(dlq_actions.run_redrive, stack)
    assert (data["redriven"], data["kept"]) == (8, 3)
    verdicts = {letter["eventId"]: (letter["verdict"], letter["why"]) for letter in data["letters"]}
    assert verdicts["e-3"] == verdicts["e-7"] == ("failed", "InternalError")
    assert [letter["verdict"] for letter in data["letters"]].count("keep") == 1
    assert (left(stack, stack.url), left(stack, stack.dead)) == (8, 3)
    stack.sqs.refuses = set()
    assert run(dlq_actions.run_redrive, stack)["redriven"] == 2


def test_limit_is_kept_to_the_letter(stack):
    for number in range(30):
        put(stack, number)
    arguments = SimpleNamespace(queue="events", id=None, limit=13, dry_run=False)
    result = dlq_actions.run_redrive(stack, arguments, Terminal(as_json=True, assume_yes=True))
    assert result.data["redriven"] == 13
    assert (left(stack, stack.url), left(stack, stack.dead)) == (13, 17)


def test_purge_deletes_ten_by_ten(stack):
    for number in range(25):
        put(stack, number)
    assert run(dlq_actions.run_purge, stack, older_than=None)["purged"] == 25
    assert stack.sqs.calls.count("delete_message_batch") == 3
    assert left(stack, stack.dead) == 0
