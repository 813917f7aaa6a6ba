import pytest

from realtime_core.aws import backoff
from realtime_core.errors import StoreUnavailable
from realtime_core.push.base import DeliveryJob
from realtime_core.push.memory import MemoryDeadLetterQueue, MemoryDeliveries
from realtime_core.push.planning import decode_job
from realtime_core.push.sqs import SqsDeadLetterQueue, SqsDeliveries
from tests.contract.ports.cases import NOW
from tests.contract.ports.clouds import answering, fault, moto_client, recording, watching

UNKNOWN = "\N{REPLACEMENT CHARACTER}"


def job(number=0, payload='{"type":"dealUpdate"}'):
    return DeliveryJob(payload, (f"c{number}", "d="), "deal", "e1", NOW * 1000)


@pytest.fixture
def sqs(cloud):
    return moto_client("sqs")


@pytest.fixture
def queue_url(sqs):
    # The largest message that Terraform's provider lets a queue take.
    return sqs.create_queue(QueueName="q", Attributes={"MaximumMessageSize": "262144"})["QueueUrl"]


def taken(sqs, queue_url):
    """Every message that the queue holds, as often as it holds it."""
    found = []
    while more := sqs.receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
    ).get("Messages"):
        found += more
    return found


@pytest.fixture(params=["sqs", "memory"])
def deliveries(request):
    """The port, and a function that tells which jobs its queue holds."""
    if request.param == "memory":
        memory = MemoryDeliveries()
        return memory, lambda: memory.jobs
    sqs, queue_url = request.getfixturevalue("sqs"), request.getfixturevalue("queue_url")
    return SqsDeliveries(sqs, queue_url), lambda: [decode_job(one["Body"]) for one in taken(sqs, queue_url)]


def sorted_jobs(jobs):
    return sorted(jobs, key=lambda one: one.connection_ids)


def test_send_queues_every_job_as_it_is(deliveries):
    port, queued = deliveries
    jobs = [job(n, f'{{"text":"schön \\u0000 {n}"}}') for n in range(23)]

    port.send(jobs)

    assert sorted_jobs(queued()) == sorted_jobs(jobs)


def test_send_of_nothing_queues_nothing(deliveries):
    port, queued = deliveries
    port.send([])
    assert queued() == []


def test_send_splits_what_is_too_large_for_one_batch(deliveries):
    port, queued = deliveries
    jobs = [job(n, f'"{"ü" * 60_000}"') for n in range(5)]

    port.send(jobs)

    assert sorted_jobs(queued()) == sorted_jobs(jobs)


def test_no_batch_passes_what_sqs_takes_at_once(sqs, queue_url):
    with recording(sqs, "SendMessageBatch") as calls:
        SqsDeliveries(sqs, queue_url).send([job(n, f'"{"ü" * 60_000}"') for n in range(5)])

    sizes = [sum(len(entry["MessageBody"].encode()) for entry in call["Entries"]) for call in calls]
    assert [len(call["Entries"]) for call in calls] == [2, 2, 1]
    assert max(sizes) <= 262_144


def test_batches_are_as_few_as_sqs_allows(sqs, queue_url):
    with watching(sqs) as watch:
        SqsDeliveries(sqs, queue_url).send([job(n) for n in range(30)])

    assert watch.calls == {"SendMessageBatch": 3}


def test_delay_is_kept(sqs, queue_url):
    SqsDeliveries(sqs, queue_url).send([job()], delay_seconds=30)

    state = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
    assert state["ApproximateNumberOfMessagesDelayed"] == "1"


def part_failed(*places, sender_fault=False, code="InternalError"):
    return 200, {
        "Successful": [],
        "Failed": [{"Id": str(place), "SenderFault": sender_fault, "Code": code} for place in places],
    }


def test_what_sqs_did_not_take_is_sent_again_and_only_that(sqs, queue_url, monkeypatch):
    monkeypatch.setattr(backoff.time, "sleep", lambda _: None)
    jobs = [job(n) for n in range(10)]

    with answering(sqs, "SendMessageBatch", part_failed(2, 7)) as seen:
        SqsDeliveries(sqs, queue_url).send(jobs)

    assert seen.calls == 2
    again = sorted_jobs(decode_job(one["Body"]) for one in taken(sqs, queue_url))
    assert again == [jobs[2], jobs[7]], "the others count as taken by the first call, which was made up"


@pytest.mark.parametrize(
    ("answer", "calls"),
    [
        (part_failed(0), backoff.ATTEMPTS),
        (part_failed(0, sender_fault=True, code="InvalidMessageContents"), 1),
        (fault("AWS.SimpleQueueService.NonExistentQueue"), 1),
    ],
)
def test_send_that_stays_refused_is_reported(sqs, queue_url, monkeypatch, answer, calls):
    monkeypatch.setattr(backoff.time, "sleep", lambda _: None)

    with (
        answering(sqs, "SendMessageBatch", *[answer] * 99) as seen,
        pytest.raises(StoreUnavailable, match="SQS"),
    ):
        SqsDeliveries(sqs, queue_url).send([job()])

    assert seen.calls == calls


def test_job_larger_than_a_queue_takes_is_reported_with_its_size(sqs, queue_url):
    with pytest.raises(StoreUnavailable, match="262144"):
        SqsDeliveries(sqs, queue_url).send([job(payload="x" * 262_144)])


@pytest.fixture(params=["sqs", "memory"])
def refusals(request):
    """The port, and a function that tells what it kept."""
    if request.param == "memory":
        memory = MemoryDeadLetterQueue()
        return memory, lambda: memory.entries
    sqs, queue_url = request.getfixturevalue("sqs"), request.getfixturevalue("queue_url")

    def kept():
        return [
            (one["Body"], one["MessageAttributes"]["reason"]["StringValue"]) for one in taken(sqs, queue_url)
        ]

    return SqsDeadLetterQueue(sqs, queue_url), kept


@pytest.mark.parametrize("raw", ['{"messageType": 1}', "not JSON", "schön 👋\n\t"])
def test_keep_keeps_the_input_as_it_came_with_the_reason(refusals, raw):
    port, kept = refusals
    port.put(raw, "messageType: must be a string")
    assert kept() == [(raw, "messageType: must be a string")]


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        ("", "(empty)"),
        ("a\0b", f"a{UNKNOWN}b"),
        ("\ud800x\uffff", f"{UNKNOWN}x{UNKNOWN}"),
    ],
)
def test_keep_makes_do_with_what_sqs_takes(sqs, queue_url, raw, body):
    SqsDeadLetterQueue(sqs, queue_url).put(raw, "")

    [found] = taken(sqs, queue_url)
    assert (found["Body"], found["MessageAttributes"]["reason"]["StringValue"]) == (body, "unknown")


def test_keep_of_what_is_too_large_keeps_its_beginning_and_says_so(sqs, queue_url):
    raw = "ü" * 200_000

    SqsDeadLetterQueue(sqs, queue_url).put(raw, "👋" * 5_000)

    [found] = taken(sqs, queue_url)
    reason, size = (found["MessageAttributes"][name]["StringValue"] for name in ("reason", "originalBytes"))
    assert raw.startswith(found["Body"])
    assert reason == "👋" * 1_000
    assert size == "400000"
    attributes = sum(
        len((name + "String" + text).encode()) for name, text in [("reason", reason), ("originalBytes", size)]
    )
    assert 250_000 < len(found["Body"].encode()) + attributes <= 262_144


def test_keep_that_fails_is_reported(sqs, queue_url):
    with (
        answering(sqs, "SendMessage", fault("AccessDenied", 403)),
        pytest.raises(StoreUnavailable, match="AccessDenied"),
    ):
        SqsDeadLetterQueue(sqs, queue_url).put("{}", "reason")


@pytest.mark.parametrize(
    ("trace", "handed_on"),
    [
        ("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1", True),
        ("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0", False),
        (None, False),
    ],
)
def test_send_hands_the_trace_of_a_sampled_invocation_on(sqs, queue_url, monkeypatch, trace, handed_on):
    """docs.aws.amazon.com/xray/latest/devguide/xray-services-sqs.html: the message system attribute."""
    if trace is None:
        monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
    else:
        monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
    # Seen in the call: moto takes the attribute, but forgets it of a batch.
    with recording(sqs, "SendMessageBatch") as calls:
        SqsDeliveries(sqs, queue_url).send([job(1), job(2)])
    sent = [entry.get("MessageSystemAttributes") for call in calls for entry in call["Entries"]]
    header = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}
    assert sent == [header if handed_on else None] * 2
    assert len(taken(sqs, queue_url)) == 2
