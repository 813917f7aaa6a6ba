import threading

import pytest

from realtime_core.aws import backoff
from realtime_core.errors import StoreUnavailable
from realtime_core.push.base import DeliveryJob
from realtime_core.push.memory import MemoryDeadLetterQueue, MemoryDeliveries
from realtime_core.push.planning import decode_job, encode_job, split_job
from realtime_core.push.sqs import SqsBodies, SqsDeadLetterQueue, SqsDeliveries, age_ms
from tests.contract.support.cases import NOW
from tests.contract.support.watched_clients import answering, aws_client, fault, hooked, recording, watching

UNKNOWN = "\N{REPLACEMENT CHARACTER}"


def job(number=0, payload='{"type":"dealUpdate"}'):
    return DeliveryJob(payload, (f"c{number}", "d="), "deal", "e1", NOW * 1000)


@pytest.fixture
def sqs(cloud):
    return aws_client("sqs")


@pytest.fixture
def queue_url(sqs):
    # The largest message size that the Terraform provider allows.
    return sqs.create_queue(QueueName="q", Attributes={"MaximumMessageSize": "262144"})["QueueUrl"]


def received(sqs, queue_url):
    """The messages in a queue, with duplicates."""
    messages = []
    while more := sqs.receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
    ).get("Messages"):
        messages += more
    return messages


@pytest.fixture(params=["sqs", "memory"])
def deliveries(request):
    """The port, and a function that returns the queued jobs."""
    if request.param == "memory":
        memory = MemoryDeliveries()
        return memory, lambda: memory.jobs
    sqs, queue_url = request.getfixturevalue("sqs"), request.getfixturevalue("queue_url")
    return SqsDeliveries(sqs, queue_url), lambda: [
        decode_job(message["Body"]) for message in received(sqs, queue_url)
    ]


def sorted_jobs(jobs):
    return sorted(jobs, key=lambda job: job.connection_ids)


def test_send_queues_every_job_unchanged(deliveries):
    port, queued = deliveries
    jobs = [job(n, f'{{"text":"schön \\u0000 {n}"}}') for n in range(23)]

    port.send(jobs)

    assert sorted_jobs(queued()) == sorted_jobs(jobs)


def test_send_of_nothing_queues_nothing(deliveries):
    port, queued = deliveries
    port.send([])
    assert queued() == []


def test_send_splits_jobs_that_are_too_large_for_one_batch(deliveries):
    port, queued = deliveries
    jobs = [job(n, f'"{"ü" * 60_000}"') for n in range(5)]

    port.send(jobs)

    assert sorted_jobs(queued()) == sorted_jobs(jobs)


def test_no_batch_exceeds_the_limit_of_sqs(sqs, queue_url):
    with recording(sqs, "SendMessageBatch") as calls:
        SqsDeliveries(sqs, queue_url).send([job(n, f'"{"ü" * 60_000}"') for n in range(5)])

    sizes = [sum(len(entry["MessageBody"].encode()) for entry in call["Entries"]) for call in calls]
    assert [len(call["Entries"]) for call in calls] == [2, 2, 1]
    assert max(sizes) <= 262_144


def test_batches_are_as_few_as_sqs_allows(sqs, queue_url):
    with watching(sqs) as watch:
        SqsDeliveries(sqs, queue_url).send([job(n) for n in range(30)])

    assert watch.calls == {"SendMessageBatch": 3}


def test_a_batch_is_filled_to_the_last_byte_that_sqs_takes(sqs, queue_url):
    bodies = SqsBodies(sqs, queue_url)
    with recording(sqs, "SendMessageBatch") as calls:
        bodies.send(["x" * 131_072, "y" * 131_072])
        bodies.send(["x" * 131_072, "y" * 131_073])
        bodies.send(["x" * 262_144])
    assert [len(call["Entries"]) for call in calls] == [2, 1, 1, 1]
    with pytest.raises(StoreUnavailable, match="262145 bytes exceeds the 262144"):
        bodies.send(["x" * 262_145])


def test_batches_of_a_large_audience_are_sent_at_once(sqs, queue_url, monkeypatch):
    """500 chunks with a large payload are 500 batches: one after the other they take a third of a minute."""
    together, send = threading.Barrier(4), sqs.send_message_batch

    def sending(**parameters):
        together.wait(5)  # breaks if they come one after the other
        return send(**parameters)

    monkeypatch.setattr(sqs, "send_message_batch", sending)

    SqsDeliveries(sqs, queue_url).send([job(n, f'"{"ü" * 110_000}"') for n in range(4)])

    assert len(received(sqs, queue_url)) == 4


def test_send_of_which_one_batch_fails_raises_after_those_under_way_were_sent(sqs, queue_url):
    together = threading.Barrier(4)

    def wait_for_all(_operation, _parameters):
        together.wait(5)

    with (
        answering(sqs, "SendMessageBatch", fault("AccessDenied", 403)),
        hooked(sqs, wait_for_all),
        pytest.raises(StoreUnavailable, match="AccessDenied"),
    ):
        SqsDeliveries(sqs, queue_url).send([job(n, f'"{"ü" * 110_000}"') for n in range(4)])

    assert len(received(sqs, queue_url)) == 3


def test_send_sets_the_delay(sqs, queue_url):
    SqsDeliveries(sqs, queue_url).send([job()], delay_seconds=30)

    state = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
    assert state["ApproximateNumberOfMessagesDelayed"] == "1"


def part_failed(*indexes, sender_fault=False, code="InternalError"):
    return 200, {
        "Successful": [],
        "Failed": [{"Id": str(index), "SenderFault": sender_fault, "Code": code} for index in indexes],
    }


def test_send_retries_only_the_entries_that_sqs_did_not_accept(sqs, queue_url, monkeypatch):
    monkeypatch.setattr(backoff.time, "sleep", lambda _: None)
    jobs = [job(n) for n in range(10)]

    with answering(sqs, "SendMessageBatch", part_failed(2, 7)) as seen:
        SqsDeliveries(sqs, queue_url).send(jobs)

    assert seen.calls == 2
    retried = sorted_jobs(decode_job(message["Body"]) for message in received(sqs, queue_url))
    assert retried == [jobs[2], jobs[7]], "the first response, which was simulated, accepted the others"


@pytest.mark.parametrize(
    ("answer", "calls"),
    [
        (part_failed(0), backoff.ATTEMPTS),
        (part_failed(0, sender_fault=True, code="InvalidMessageContents"), 1),
        (fault("AWS.SimpleQueueService.NonExistentQueue"), 1),
    ],
)
def test_send_that_keeps_failing_raises(sqs, queue_url, monkeypatch, answer, calls):
    monkeypatch.setattr(backoff.time, "sleep", lambda _: None)

    with (
        answering(sqs, "SendMessageBatch", *[answer] * 99) as seen,
        pytest.raises(StoreUnavailable, match="SQS"),
    ):
        SqsDeliveries(sqs, queue_url).send([job()])

    assert seen.calls == calls


def test_send_of_a_job_that_is_too_large_raises_with_its_size(sqs, queue_url):
    with pytest.raises(StoreUnavailable, match="262144"):
        SqsDeliveries(sqs, queue_url).send([job(payload="x" * 262_144)])


@pytest.fixture(params=["sqs", "memory"])
def dead_letters(request):
    """The port, and a function that returns the stored inputs with their reasons."""
    if request.param == "memory":
        memory = MemoryDeadLetterQueue()
        return memory, lambda: memory.entries
    sqs, queue_url = request.getfixturevalue("sqs"), request.getfixturevalue("queue_url")

    def stored():
        return [
            (message["Body"], message["MessageAttributes"]["reason"]["StringValue"])
            for message in received(sqs, queue_url)
        ]

    return SqsDeadLetterQueue(sqs, queue_url), stored


@pytest.mark.parametrize("raw", ['{"messageType": 1}', "not JSON", "schön 👋\n\t"])
def test_put_stores_the_unchanged_input_with_the_reason(dead_letters, raw):
    port, stored = dead_letters
    port.put(raw, "messageType: must be a string")
    assert stored() == [(raw, "messageType: must be a string")]


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        ("", "(empty)"),
        ("a\0b", f"a{UNKNOWN}b"),
        ("\ud800x\uffff", f"{UNKNOWN}x{UNKNOWN}"),
    ],
)
def test_put_replaces_characters_that_sqs_rejects(sqs, queue_url, raw, body):
    SqsDeadLetterQueue(sqs, queue_url).put(raw, "")

    [message] = received(sqs, queue_url)
    assert (message["Body"], message["MessageAttributes"]["reason"]["StringValue"]) == (body, "unknown")


def test_put_cuts_an_input_that_is_too_large_and_stores_its_size(sqs, queue_url):
    raw = "ü" * 200_000

    SqsDeadLetterQueue(sqs, queue_url).put(raw, "👋" * 5_000)

    [message] = received(sqs, queue_url)
    reason, size = (message["MessageAttributes"][name]["StringValue"] for name in ("reason", "originalBytes"))
    assert raw.startswith(message["Body"])
    assert reason == "👋" * 1_000
    assert size == "400000"
    attributes = sum(
        len((name + "String" + text).encode()) for name, text in [("reason", reason), ("originalBytes", size)]
    )
    assert 250_000 < len(message["Body"].encode()) + attributes <= 262_144


def test_largest_job_is_kept_whole_as_a_dead_letter(sqs, queue_url):
    ids = tuple(f"{number:04}{'x' * 60}" for number in range(4_000))
    whole = DeliveryJob(f'"{"y" * 131_070}"', ids, "deal", "e" * 128, NOW * 1000, correlation_id="c" * 128)
    largest = split_job(whole)[0]

    SqsDeadLetterQueue(sqs, queue_url).put(encode_job(largest), "👋" * 5_000)

    [message] = received(sqs, queue_url)
    assert decode_job(message["Body"]) == largest
    assert "originalBytes" not in message["MessageAttributes"]


def test_put_that_fails_raises(sqs, queue_url):
    with (
        answering(sqs, "SendMessage", fault("AccessDenied", 403)),
        pytest.raises(StoreUnavailable, match="AccessDenied"),
    ):
        SqsDeadLetterQueue(sqs, queue_url).put("{}", "reason")


@pytest.mark.parametrize(
    ("trace", "passed_on"),
    [
        ("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1", True),
        ("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0", False),
        (None, False),
    ],
)
def test_send_passes_on_the_trace_of_a_sampled_invocation(sqs, queue_url, monkeypatch, trace, passed_on):
    """docs.aws.amazon.com/xray/latest/devguide/xray-services-sqs.html: the message system attribute."""
    if trace is None:
        monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
    else:
        monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
    # Checked in the request: moto accepts the attribute, but does not store it for a batch.
    with recording(sqs, "SendMessageBatch") as calls:
        SqsDeliveries(sqs, queue_url).send([job(1), job(2)])
    sent = [entry.get("MessageSystemAttributes") for call in calls for entry in call["Entries"]]
    header = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}
    assert sent == [header if passed_on else None] * 2
    assert len(received(sqs, queue_url)) == 2


@pytest.mark.parametrize(
    ("sent", "age"), [(NOW * 1000 - 1_234, 1_234), (NOW * 1000, 0), (NOW * 1000 + 5_000, 0), (None, 0)]
)
def test_age_of_a_message_is_from_its_sending_and_never_negative(sent, age):
    """SQS's clock and the function's differ."""
    record = {"attributes": {"SentTimestamp": str(sent)}} if sent is not None else {"body": "{}"}
    assert age_ms(record, NOW) == age
