"""The port `Forwards`, and the message that carries an event to `forwarder`."""

import pytest

from realtime_core.errors import StoreUnavailable
from realtime_core.forwarding.base import Forward, bus_region, decode_forward, encode_forward, parse_bus_arns
from realtime_core.forwarding.memory import MemoryForwards
from realtime_core.forwarding.sqs import SqsForwards
from tests.contract.support.watched_clients import answering, aws_client, fault, watching

ARN = "arn:aws:events:eu-central-1:123456789012:event-bus/deals-production-forwarded"


@pytest.fixture(params=["sqs", "memory"])
def forwards(request):
    """The port, and a function that returns what is queued."""
    if request.param == "memory":
        memory = MemoryForwards()
        return memory, lambda: memory.queued
    request.getfixturevalue("cloud")
    sqs = aws_client("sqs")
    url = sqs.create_queue(QueueName="q", Attributes={"MaximumMessageSize": "262144"})["QueueUrl"]

    def queued():
        messages = []
        while more := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            messages += more
        return [decode_forward(message["Body"]) for message in messages]

    return SqsForwards(sqs, url), queued


def test_send_queues_every_event_unchanged(forwards):
    port, queued = forwards
    sent = [Forward(ARN, f'{{"text":"schön \\u0000\\n {n}"}}') for n in range(12)]
    port.send(sent)
    assert sorted(queued()) == sorted(sent)


def test_largest_event_fits_the_queue(forwards):
    port, queued = forwards
    sent = [Forward(ARN, "x" * 256_000)]
    port.send(sent)
    assert queued() == sent


def test_one_event_for_two_buses_takes_one_call(cloud):
    sqs = aws_client("sqs")
    port = SqsForwards(sqs, sqs.create_queue(QueueName="q")["QueueUrl"])
    with watching(sqs) as watch:
        port.send([Forward(ARN, "{}"), Forward(ARN.replace("central", "west"), "{}")])
    assert watch.calls == {"SendMessageBatch": 1}


def test_send_that_fails_raises(cloud):
    sqs = aws_client("sqs")
    with (
        answering(sqs, "SendMessageBatch", fault("AccessDenied", 403)),
        pytest.raises(StoreUnavailable, match="AccessDenied"),
    ):
        SqsForwards(sqs, "http://127.0.0.1/q").send([Forward(ARN, "{}")])


def test_region_is_that_of_the_bus():
    assert bus_region(ARN) == "eu-central-1"
    assert parse_bus_arns(f"{ARN}, {ARN.replace('eu-central-1', 'us-gov-east-1')}")[1].split(":")[3] == (
        "us-gov-east-1"
    )


@pytest.mark.parametrize(
    "body", ["", "{}", ARN, f"{ARN}x!\n{{}}", "arn:aws:sqs:eu-west-1:123456789012:queue\n{}"]
)
def test_message_that_names_no_bus_is_malformed(body):
    with pytest.raises(ValueError, match=r"."):
        decode_forward(body)


def test_message_is_the_bus_and_the_text():
    assert encode_forward(Forward(ARN, '{"a":1}')) == f'{ARN}\n{{"a":1}}'
