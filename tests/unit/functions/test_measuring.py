"""The metrics that each function publishes, and the correlation id of its lines."""

import json
import re
import time
from pathlib import Path

import pytest

from authorizer import handler as authorizer
from authorizer.token_authorizer import TokenAuthorizer
from authorizer.wiring import Authorizers
from broadcast import handler as broadcast
from broadcast.wiring import Broadcast
from connection_handler import handler as connection_handler
from connection_handler.connection_limit import ConnectionLimit
from connection_handler.wiring import Stores
from deals_ops.token_issuer import issue_token
from delivery import handler as delivery
from message_router import handler as message_router
from message_router.requests import ACTIONS
from realtime_core.auth.memory import MemoryRevocations, MemorySigningSecrets
from realtime_core.auth.tokens import TokenRules
from realtime_core.auth.verifier import TokenVerifier
from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections
from realtime_core.errors import StoreUnavailable
from realtime_core.push.base import DeliveryJob
from realtime_core.push.memory import MemoryDeadLetterQueue, MemoryDeliveries, MemoryManagementApi
from realtime_core.push.planning import encode_job
from realtime_core.push.pusher import ATTEMPTS_MAX, Pusher
from realtime_core.push.removal import remove_connections
from realtime_core.subscriptions.memory import MemorySubscriptions
from tests.published import published_in
from tests.unit.delivery.test_delivery import Clock
from tests.unit.message_router.test_router import NOW, SECRET, RouterHarness

LAMBDAS = Path(__file__).parents[3] / "lambdas"
CONNECT = json.loads(Path(__file__).parents[2].joinpath("events/authorizer_request.json").read_text())


@pytest.fixture
def harness():
    return RouterHarness()


def ask(harness, capsys, monkeypatch, body, *, received_ms=None):
    """The reply of the router's handler, what it published, and its line."""
    monkeypatch.setattr(message_router, "_router", lambda: harness.router)
    context = {"userId": "ann", "tokenExp": str(NOW + 3600)}
    request = {"connectionId": "c1", "requestId": "gw-1", "authorizer": context}
    if received_ms is not None:
        request["requestTimeEpoch"] = received_ms
    reply = message_router.handler({"body": body, "requestContext": request}, None)
    printed = capsys.readouterr().out.splitlines()
    line = next(line for text in printed if (line := json.loads(text)).get("event") == "answered")
    return json.loads(reply["body"]), published_in(printed), line


@pytest.mark.parametrize("action", ACTIONS)
def test_router_counts_each_action_and_whether_it_was_an_error(harness, capsys, monkeypatch, action):
    data = {
        "getEvents": {"recent": 5},
        "sendMessage": {"recipientId": "ben", "content": "hi"},
        "notificationAck": {"messageId": "01JZZZZZZZZZZZZZZZZZZZZZZZ"},
        "refreshToken": {"token": issue_token("ann", SECRET, NOW, 7200)},
        "getPresence": {"users": ["ben"]},
    }.get(action, {})
    text = json.dumps({"action": action, "data": data, "requestId": "c-17"})
    received = round(time.time() * 1000) - 250

    reply, found, line = ask(harness, capsys, monkeypatch, text, received_ms=received)

    failed = reply["type"] == "error"
    assert failed == (action == "notificationAck")
    assert found["MessageCount",] == found["MessageCount", action] == [1]
    assert found["ErrorRate",] == [int(failed)]
    assert found.get(("ErrorRate", "NOT_FOUND")) == ([1] if failed else None)
    ((latency,),) = [found["MessageLatency", "reply"]]
    assert 250 <= latency < 1000
    about = ("action", "correlationId", "clientRequestId", "connectionId", "userId")
    assert [line[name] for name in about] == [action, "gw-1", "c-17", "c1", "ann"]


@pytest.mark.parametrize(
    ("body", "counted"),
    [
        ("no json", "unknown"),
        ('{"action":"dropTables"}', "unknown"),
        ('{"action":"sendMessage"}', "sendMessage"),
    ],
)
def test_router_makes_no_metric_of_what_clients_make_up(harness, capsys, monkeypatch, body, counted):
    _, found, line = ask(harness, capsys, monkeypatch, body)
    assert found["MessageCount", counted] == found["ErrorRate", "VALIDATION_ERROR"] == [1]
    assert len([name for name in found if name[0] == "MessageCount"]) == 2
    assert "dropTables" not in json.dumps(line)
    assert line.get("action", "unknown") == counted


def test_router_counts_its_own_faults(harness, capsys, monkeypatch):
    harness.connections.down = True
    _, found, _ = ask(harness, capsys, monkeypatch, '{"action":"getStatus"}')
    assert found["ErrorRate", "INTERNAL_ERROR"] == [1]


def test_clocks_that_differ_make_no_negative_latency(harness, capsys, monkeypatch):
    _, found, _ = ask(
        harness, capsys, monkeypatch, '{"action":"ping"}', received_ms=time.time() * 1000 + 5000
    )
    assert found["MessageLatency", "reply"] == [0]


def test_a_resume_that_has_lost_something_is_a_gap(harness, published):
    assert harness.ask("subscribeToDeals", {"since": 0})["data"]["recovered"] is True
    found = published()
    assert (found["Resumes",], found.get(("ResumeGaps",))) == ([1], None)
    assert harness.ask("subscribeToDeals", {"since": 999})["data"]["recovered"] is False
    found = published()
    assert found["Resumes",] == found["ResumeGaps",] == [1]


def test_refused_refreshes_count_by_reason(harness, published):
    for token in ("rubbish", issue_token("ann", "x" * 32, NOW), issue_token("ben", SECRET, NOW)):
        harness.refresh(token)
    found = published()
    assert sum(found["TokenFailures",]) == 3
    assert {name[1] for name in found if name[0] == "TokenFailures" and name[1:]} == {
        "malformed",
        "signature",
        "other_user",
    }


@pytest.fixture
def connect_authorizer(monkeypatch):
    connect_authorizer = TokenAuthorizer(
        TokenVerifier(TokenRules(), MemorySigningSecrets(SECRET), None),
        MemoryRevocations(),
    )
    authorizers = Authorizers(connect_authorizer, connect_authorizer, 30)
    monkeypatch.setattr(authorizer, "_authorizers", lambda: authorizers)
    return connect_authorizer


def connect(token):
    event = {**CONNECT, "headers": {"Authorization": f"Bearer {token}"}, "queryStringParameters": {}}
    return authorizer.handler(event, None)


def test_authorizer_counts_who_was_refused_by_reason_and_no_fault_for_it(connect_authorizer, published):
    with pytest.raises(authorizer.Unauthorized):
        connect(issue_token("ann", "x" * 32, int(time.time())))
    connect(issue_token("ann", SECRET, int(time.time()), scope="other"))
    found = published()
    assert found["TokenFailures", "signature"] == found["TokenFailures", "scope"] == [1]
    assert ("AuthorizerFaults",) not in found


def test_authorizer_counts_its_own_faults_apart(connect_authorizer, published):
    connect_authorizer.revocations.down = True
    with pytest.raises(StoreUnavailable):
        connect(issue_token("ann", SECRET, int(time.time())))
    assert published() == {("AuthorizerFaults",): [1]}


def test_reasons_are_few_words_of_the_code_and_never_of_a_client():
    """Each is a metric that costs money; a reason put together from a token would be without end."""
    code = "\n".join(path.read_text() for path in LAMBDAS.rglob("*.py"))
    raised = re.findall(r"TokenRefused\(\d+, ([^),]+)[),]", code)
    assert len(raised) > 15
    assert all(re.fullmatch(r'"[a-z_]+"', reason) for reason in raised), raised


def test_a_removed_connection_tells_how_long_it_was_open(published):
    connections = MemoryConnections()
    now = int(time.time())
    connections.add(Connection("old", "ann", now - 600, now + 60))
    connections.add(Connection("new", "ann", now + 2, now + 60))
    remove_connections(["old", "new", "unknown"], connections, MemorySubscriptions(connections))
    old, new = published()["ConnectionDuration",]
    assert 600 <= old <= 602
    assert new == 0


def test_disconnect_publishes_the_duration(monkeypatch, capsys):
    connections = MemoryConnections()
    connections.add(Connection("c1", "ann", int(time.time()) - 60, 0))
    limit = ConnectionLimit(connections, 3, room=lambda: pytest.fail("nobody has the maximum"))
    stores = Stores(connections, MemorySubscriptions(connections), limit)
    monkeypatch.setattr(connection_handler, "_stores", lambda: stores)
    request = {"connectionId": "c1", "requestId": "gw-1", "eventType": "DISCONNECT"}
    connection_handler.handler({"requestContext": request}, None)
    ((seconds,),) = published_in(capsys.readouterr().out).values()
    assert 60 <= seconds < 65


@pytest.fixture
def post(monkeypatch):
    connections, management_api, queue, dead_letters = (
        MemoryConnections(),
        MemoryManagementApi(),
        MemoryDeliveries(),
        MemoryDeadLetterQueue(),
    )
    pusher = Pusher(
        management_api, connections, MemorySubscriptions(connections), queue, undeliverable=dead_letters
    )
    monkeypatch.setattr(delivery, "_pusher", lambda: pusher)
    return management_api


def job(*ids, age_ms=0, attempt=1):
    published_at = round(time.time() * 1000) - age_ms
    return DeliveryJob("{}", ids, "deal", "e1", published_at, attempt=attempt, correlation_id="e1")


def deliver(*jobs, waited_ms=0):
    attributes = {"SentTimestamp": str(round(time.time() * 1000) - waited_ms)}
    records = [
        {"messageId": f"m{at}", "body": encode_job(item), "attributes": attributes}
        for at, item in enumerate(jobs)
    ]
    return delivery.handler({"Records": records}, Clock(60))


def test_delivery_counts_what_became_of_each_push_and_how_late_it_was(post, published, capsys):
    post.answers = {"b": [410], "c": [503], "d": [413]}
    deliver(job("a", "b", "c", "d", age_ms=4000), job("e", age_ms=900), waited_ms=700)
    found = published_in(capsys.readouterr().out)
    counts = {name: found[f"Deliveries{name}",] for name in ("Delivered", "Gone", "Retried", "Failed")}
    assert counts == {"Delivered": [2], "Gone": [1], "Retried": [1], "Failed": [1]}
    assert ("DeliveriesThrottled",) not in found
    assert sorted(round(ms, -3) for ms in found["MessageLatency", "push"]) == [1000, 4000]
    assert all(700 <= ms < 2000 for ms in found["QueueAge", "deliveries"])


def test_delivery_counts_the_dead_letters_of_the_last_attempt(post, capsys):
    post.answers = {"a": [503], "b": [503]}
    deliver(job("a", "b", attempt=ATTEMPTS_MAX))
    found = published_in(capsys.readouterr().out)
    assert found["DeliveriesFailed",] == [2]
    assert ("DeliveriesRetried",) not in found
    assert ("MessageLatency", "push") not in found


def test_delivery_speaks_of_a_job_by_the_id_of_what_it_comes_from(post, capsys):
    deliver(job("a"))
    posted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"posted"' in line]
    assert [(line["correlationId"], line["eventId"]) for line in posted] == [("e1", "e1")]


def test_broadcast_counts_what_it_refused(monkeypatch, capsys):
    dead_letters = MemoryDeadLetterQueue()
    monkeypatch.setattr(broadcast, "_broadcast", lambda: Broadcast(None, dead_letters, None))
    answer = broadcast.handler({"data": {}}, Clock(60))
    assert answer["statusCode"] == 400
    printed = capsys.readouterr().out.splitlines()
    assert published_in(printed) == {("EventsRefused",): [1]}
    assert {json.loads(line)["correlationId"] for line in printed} == {"l-1"}
    assert [raw for raw, _ in dead_letters.entries] == ['{"data": {}}']
