"""The publish API: who may publish what over HTTP, on real sockets, and every way around it."""

from __future__ import annotations

import asyncio
import base64
import json
import time
import uuid
from pathlib import Path

import boto3
import jwt
import pytest

from deals_publisher import Event, Forbidden, HttpApi, NotPublished, Published, Publisher
from local_cloud.client import WAIT_SECONDS
from local_cloud.stack import REGION
from local_cloud.terraform import Terraform
from tests.e2e.http_publishers import HttpPublisher, create_user
from tests.e2e.logs import Logs

DEAL = {"title": "Espresso machine", "price": 599}
BY_IAM = Path(__file__).parent / "publish_by_iam"


def deal(topic, **fields):
    return {"messageType": "dealUpdate", "topic": topic, "data": DEAL, **fields}


@pytest.fixture
def publisher(stack, user):
    """Makes a publisher with a token of these claims."""

    def make(**claims):
        token = stack.stack.token(f"{user}-shop", **{"scope": "publish", **claims})
        return HttpPublisher(stack.outputs["publish_api_url"], token)

    return make


@pytest.fixture
def private(topic):
    return f"private.{topic}"


def forbidden(topic):
    """What an event is answered whose topic the token does not cover."""
    return {
        "broadcast": "rejected",
        "code": "FORBIDDEN",
        "details": {"reason": "topic", "topic": topic},
        "errors": [{"field": "topic", "problem": f"the token does not permit the topic {topic}"}],
    }


async def test_events_that_the_token_covers_arrive_and_others_do_not(
    connects, user, topic, private, publisher
):
    person = await connects(user, topics=["*", private])
    for name in (topic, private, f"{topic}.more"):
        await person.subscribe(name)
    shop = publisher(topics=[topic, private])

    status, answer = await shop.post(deal(topic, eventId=f"e-{topic}"))
    assert (status, answer["broadcast"], answer["eventId"], answer["total"]) == (
        200,
        "success",
        f"e-{topic}",
        1,
    )
    assert (await shop.post(deal(private)))[0] == 200
    for other in (f"{topic}.more", "all-deals", f"{private}.a", "private", "other"):
        assert await shop.post(deal(other)) == (403, forbidden(other))
    assert await shop.post({"messageType": "dealUpdate", "data": DEAL}) == (403, forbidden("all-deals"))

    await person.hears(lambda frame: frame.get("topic") == private)
    await person.ask("ping")
    assert {frame["topic"] for frame in person.all_heard("dealUpdate")} == {topic, private}


@pytest.mark.parametrize("topics", [["*"], ["p*", "private*", "*"], None], ids=str)
async def test_no_pattern_but_a_private_one_lets_publish_to_a_private_topic(private, publisher, topics):
    claims = {} if topics is None else {"topics": topics}
    assert await publisher(**claims).post(deal(private)) == (403, forbidden(private))


async def test_batch_is_answered_in_order_each_event_by_its_own_right(
    connects, user, topic, private, publisher
):
    person = await connects(user)
    await person.subscribe(topic)
    events = [
        deal(topic, eventId=f"a-{topic}"),
        deal(private),
        {"messageType": "dealUpdate"},
        deal(topic, eventId=f"b-{topic}"),
        deal(topic, eventId=f"a-{topic}"),
    ]
    status, answer = await publisher(topics=[topic]).post({"events": events})
    results = answer["results"]
    assert (status, answer["broadcast"]) == (200, "success")
    kinds = [item["broadcast"] for item in results]
    assert kinds == ["success", "rejected", "rejected", "success", "success"]
    assert results[1] == forbidden(private)
    assert results[2]["errors"][0]["field"] == "data"
    assert (results[4], results[3]["position"]) == (results[0], results[0]["position"] + 1)

    await person.hears(lambda frame: frame.get("eventId") == f"b-{topic}")
    heard = [frame["eventId"] for frame in person.all_heard("dealUpdate")]
    assert sorted(heard) == [f"a-{topic}", f"b-{topic}"]


async def test_repeats_with_one_event_id_are_one_event_by_whatever_way(
    connects, user, topic, publisher, stack
):
    person = await connects(user)
    await person.subscribe(topic)
    shop, event = publisher(), deal(topic, eventId=str(uuid.uuid4()))
    first = (await shop.post(event))[1]
    assert [(await shop.post(event))[1] for _ in range(2)] == [first, first]
    assert stack.publish(**event) == first
    await person.hears("dealUpdate")
    await person.ask("ping")
    assert len(person.all_heard("dealUpdate")) == 1


async def test_recipients_are_held_to_the_tokens_claim(connects, user, publisher):
    ann, ben = await connects(f"{user}-ann"), await connects(f"{user}-ben")
    shop = publisher(recipients=[f"{user}-a*"])
    event = {"messageType": "notification", "data": {"title": "Sale"}}
    status, answer = await shop.post({**event, "recipients": [f"{user}-ann", f"{user}-ben"]})
    assert (status, answer["code"]) == (403, "FORBIDDEN")
    assert answer["details"] == {"reason": "recipient", "recipientId": f"{user}-ben"}

    assert (await shop.post({**event, "recipients": [f"{user}-ann"]}))[0] == 200
    await ann.hears("notification")
    await ben.ask("ping")
    assert not ben.all_heard("notification")
    assert (await ben.ask("getStatus"))["data"]["unread"] == 0


async def test_without_a_good_token_of_the_scope_nothing_is_published(
    connects, user, topic, publisher, stack
):
    person = await connects(user)
    await person.subscribe(topic)
    url, now = stack.outputs["publish_api_url"], int(time.time())

    def signed(secret, algorithm="HS256", **claims):
        usual = {"sub": user, "iat": now, "exp": now + 60, "scope": "publish"}
        return HttpPublisher(url, jwt.encode({**usual, **claims}, secret, algorithm=algorithm))

    good = publisher().token
    refused = {
        "no token": (HttpPublisher(url), 401),
        "rubbish": (HttpPublisher(url, "rubbish"), 401),
        "another secret": (signed("x" * 48), 401),
        "no signature": (signed("", "none"), 401),
        "expired": (publisher(exp=now - 120), 401),
        "the scope of clients": (publisher(scope="websocket"), 403),
        "no scope": (publisher(scope=""), 403),
        "topics that are no list": (publisher(topics="*"), 403),
    }
    for name, (shop, status) in refused.items():
        answered, answer = await shop.post(deal(topic))
        assert (answered, set(answer)) == (status, {"message"}), name

    in_url = HttpPublisher(f"{url}?token={good}")
    assert (await in_url.post(deal(topic)))[0] == 401
    assert (await HttpPublisher(url).post(deal(topic), headers={"Sec-WebSocket-Protocol": good}))[0] == 401
    await person.ask("ping")
    assert not person.all_heard("dealUpdate")


async def test_publishers_token_opens_no_connection(connects, user):
    with pytest.raises(Exception, match="403"):
        await connects(user, scope="publish")


async def test_publisher_cannot_say_who_it_is_in_the_request(private, publisher, topic):
    shop = publisher(topics=[topic])
    context = {"authorizer": {"iam": {"userArn": "arn:aws:iam::1:root"}}, "http": {"method": "POST"}}
    bodies = [
        {"version": "2.0", "requestContext": context, "body": json.dumps(deal(private))},
        {"Records": [{"eventSource": "aws:sqs", "messageId": "1", "body": json.dumps(deal(private))}]},
        {"forwardedEvent": deal(private), "acceptedAtMs": 1, "origin": "other@eu-west-1"},
        {"Type": "Notification", "MessageId": "1", "Message": json.dumps(deal(private))},
        deal(private, requestContext=context),
    ]
    for body in bodies:
        assert (await shop.post(body))[0] == 400
    for spelling in (private.upper(), f"{private}\n", f"{topic}\u200b", private.replace("p", "\uff50", 1)):
        assert (await shop.post(deal(spelling)))[0] == 400
    headers = {"x-authorizer-topics": "*", "requestContext.authorizer.topics": "*"}
    assert await shop.post(deal(private), headers=headers) == (403, forbidden(private))


@pytest.mark.parametrize(
    ("body", "headers", "status", "field"),
    [
        (b"{", {}, 400, "body"),
        (b"", {}, 400, "body"),
        (b"\xff\xfe", {"Content-Type": "application/vnd.deals+json"}, 400, "body"),
        (b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "content-type"),
        (b"{}", {"Content-Encoding": "gzip"}, 415, "content-encoding"),
        (b'{"messageType":"x","data":"' + b"y" * 5_000_000 + b'"}', {}, 413, "body"),
        (b'{"events": []}', {}, 400, "events"),
    ],
    ids=["no JSON", "empty", "no UTF-8", "form", "gzip", "5 MB", "no events"],
)
async def test_request_that_is_no_event_is_answered_with_what_is_wrong(
    publisher, body, headers, status, field
):
    answered, answer = await publisher().post(body, headers=headers)
    assert (answered, answer["broadcast"], answer["errors"][0]["field"]) == (status, "rejected", field)


async def test_json_under_another_name_is_read_and_other_routes_are_not_there(publisher, topic):
    shop = publisher()
    body = json.dumps(deal(topic)).encode()
    assert (await shop.post(body, headers={"Content-Type": "application/vnd.deals+json"}))[0] == 200
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/more"), ("POST", "s")):
        assert await shop.post(body, method=method, path=path) == (404, {"message": "Not Found"})


async def test_blocked_publisher_is_kept_out_with_every_new_token(stack, user, topic, publisher, operator):
    assert (await publisher().post(deal(topic)))[0] == 200
    await operator.expect("block", f"{user}-shop", "--yes")
    assert (await publisher(jti="new").post(deal(topic)))[0] == 403
    await operator.expect("unblock", f"{user}-shop")
    assert (await publisher(jti="newer").post(deal(topic)))[0] == 200


async def test_store_that_fails_is_503_and_a_repeat_is_the_same_event(
    connects, user, topic, publisher, stack
):
    person = await connects(user)
    await person.subscribe(topic)
    shop, event = publisher(), deal(topic, eventId=str(uuid.uuid4()))
    assert (await shop.post(deal("warm")))[0] == 200
    fault = {"service": "dynamodb", "operation": "*", "status": 500, "error": "InternalServerError"}
    stack.control("faults", fault)
    try:
        status, answer = await shop.post(event)
    finally:
        stack.control("faults", method="DELETE")
    assert (status, answer["broadcast"], answer["eventId"]) == (503, "failed", event["eventId"])
    assert (await shop.post(event))[0] == 200
    await person.hears("dealUpdate")


async def test_requests_are_logged_without_the_token_and_refusals_fill_no_dead_letters(
    publisher, private, stack, user
):
    shop = publisher(topics=["none"])
    before = stack.outputs["queue_urls"]["events_dlq"]
    sqs = stack.stack.client("sqs")

    def waiting():
        attributes = sqs.get_queue_attributes(QueueUrl=before, AttributeNames=["All"])["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"])

    kept = waiting()
    assert (await shop.post(deal(private)))[0] == 403
    assert (await shop.post({"messageType": 7}))[0] == 400
    assert waiting() == kept

    logs, lines = Logs(stack, back_ms=60_000), []
    deadline = time.monotonic() + WAIT_SECONDS
    while len(lines) < 2:
        assert time.monotonic() < deadline, lines
        lines = await asyncio.to_thread(logs.read_lines, "publish_api", f"{user}-shop")
    assert {json.loads(line)["status"] for line in lines} == {"403", "400"}
    signature = shop.token.rpartition(".")[2]
    for group in logs.groups:
        assert not logs.read_lines(group, signature), group


async def test_python_publisher_posts_events_with_its_token_and_is_told_what_it_may_not(
    connects, user, topic, private, publisher
):
    person = await connects(user)
    await person.subscribe(topic)
    shop = publisher(topics=[topic])
    deals = Publisher(HttpApi(shop.url, token=lambda: shop.token))
    events = [Event(topic, {"n": number}) for number in range(3)] + [Event(private, {})]
    results = await asyncio.to_thread(deals.publish_events, events)
    assert [type(result) for result in results] == [Published] * 3 + [Forbidden]
    assert [result.delivered for result in results[:3]] == [1, 1, 1]
    await person.hears(lambda frame: frame.get("data") == {"n": 2})

    with pytest.raises(Forbidden, match=private):
        await asyncio.to_thread(deals.publish_event, private, {})
    refused = Publisher(HttpApi(shop.url, token=publisher(scope="websocket").token))
    with pytest.raises(NotPublished, match="HTTP 403"):
        await asyncio.to_thread(refused.publish_event, topic, {})


@pytest.fixture(scope="module")
def by_iam(stack, tmp_path_factory):
    """The URL and the route's ARN of a publish API with IAM, which takes a dozen requests and no more."""
    environment = {
        "AWS_ENDPOINT_URL": stack.stack.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "TF_VAR_function_arn": stack.outputs["function_arns"]["broadcast"],
    }
    state = tmp_path_factory.mktemp("by_iam") / "state" / "terraform.tfstate"
    terraform = Terraform(BY_IAM, state, environment)
    terraform.init()
    terraform.apply(lambda _line: None)
    outputs = terraform.outputs()
    yield f"{stack.stack.endpoint}/_aws/execute-api/{outputs['api_id']}/v1/events", outputs["route_arn"]
    terraform.destroy(lambda _line: None)


@pytest.mark.timeout(300)
async def test_caller_whom_iam_allows_publishes_everything_until_throttled(
    connects, user, topic, *, private, stack, by_iam
):
    url, route_arn = by_iam
    iam = stack.stack.client("iam")
    person = await connects(user, topics=["*", private])
    await person.subscribe(private)

    session = create_user(iam, ["execute-api:Invoke"], route_arn)
    deals = Publisher(HttpApi(url, session=session))
    assert (await asyncio.to_thread(deals.publish_event, private, DEAL)).delivered == 1
    shop = HttpPublisher(url, session=session)
    status, answer = await shop.post(deal(private))
    assert (status, answer["total"]) == (200, 1)
    await person.hears("dealUpdate")

    refused = {
        "nobody": HttpPublisher(url),
        "a token": HttpPublisher(url, stack.stack.token(user, scope="publish")),
        "another route": create_user(iam, ["execute-api:Invoke"], route_arn.replace("events", "other")),
        "another API": create_user(iam, ["execute-api:Invoke"], route_arn.replace("/v1/", "/v2/")),
        "another right": create_user(iam, ["execute-api:ManageConnections"], route_arn),
        "a wrong secret": boto3.Session("test", "guessed", region_name=REGION),
    }
    for name, who in refused.items():
        caller = HttpPublisher(url, session=who) if isinstance(who, boto3.Session) else who
        assert await caller.post(deal(private)) == (403, {"message": "Forbidden"}), name

    statuses = [(await shop.post(deal(topic)))[0] for _ in range(12)]
    assert (statuses[0], statuses[-1], set(statuses)) == (200, 429, {200, 429})


async def test_body_in_base64_is_no_way_around(publisher, private, topic):
    encoded = base64.b64encode(json.dumps(deal(private)).encode())
    kind = {"Content-Type": "application/octet-stream"}
    assert (await publisher(topics=[topic]).post(encoded, headers=kind))[0] == 415
    kind = {"Content-Type": "application/x+json"}
    body = json.dumps(deal(private)).encode()
    assert (await publisher(topics=[topic]).post(body, headers=kind))[0] == 403
