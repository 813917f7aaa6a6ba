"""What a hostile user or publisher tries on the wire to reach another, held against tables and logs."""

from __future__ import annotations

import asyncio
import json
import re
import uuid

import pytest
from websockets.exceptions import InvalidStatus

from local_cloud.client import Person
from tests.e2e.http_publishers import HttpPublisher
from tests.e2e.logs import Logs

FORGED_LINE = '{"event":"forged","level":"ERROR"}'


@pytest.fixture
async def sent(connects, user):
    """A message of Ann to Ben: both, and its id."""
    ann, ben = await connects(user), await connects(f"{user}-ben")
    reply = await ann.ask("sendMessage", {"recipientId": f"{user}-ben", "content": "for Ben alone"})
    await ben.hears("messageReceived")
    return ann, ben, reply["data"]["messageId"]


def inbox(stack, user_id):
    """Every item of a user's partition of the messages table."""
    table = stack.table("messages")
    found = table.query(
        KeyConditionExpression="user_id = :user",
        ExpressionAttributeValues={":user": user_id},
        ConsistentRead=True,
    )
    return found["Items"]


def spellings(message_id):
    """An id in ways that another reader might take for it."""
    return [
        f"m#{message_id}",
        f" {message_id}",
        f"{message_id}\n",
        f"{message_id}\u0000",
        f"{message_id}\u200b",
        message_id.replace("0", "\uff10"),  # full width
        message_id.lower(),
        f"../{message_id}",
        f"{message_id}' OR '1'='1",
        f"{message_id}#",
        "*",
        f"m%23{message_id}",
    ]


async def test_no_spelling_of_anothers_message_id_reads_or_acknowledges_it(connects, user, stack, sent):
    ann, ben, message_id = sent
    eve = await connects(f"{user}-eve")
    before, unread = inbox(stack, f"{user}-ben"), (await ben.ask("getStatus"))["data"]["unread"]
    never = message_id[::-1]
    unknown = (await eve.ask("notificationAck", {"messageId": never}))["data"]["message"]
    for kind in ("read", "delivered"):
        reply = await eve.ask("notificationAck", {"messageId": message_id, "type": kind})
        assert reply["data"] == {"code": "NOT_FOUND", "message": unknown.replace(never, message_id)}
    for spelling in spellings(message_id):
        reply = await eve.ask("notificationAck", {"messageId": spelling})
        assert reply["data"]["code"] in {"VALIDATION_ERROR", "NOT_FOUND"}, spelling
        reply = await eve.ask("getMessages", {"after": spelling})
        assert reply["type"] == "error" or reply["data"]["messages"] == [], spelling
    for after in (None, message_id, "0", "A", "z", "|", "m", "unread"):
        reply = await eve.ask("getMessages", {"after": after, "limit": 100})
        assert reply["data"]["messages"] == [], after
    await ann.ask("ping")
    assert inbox(stack, f"{user}-ben") == before
    assert ann.all_heard("messageStatus") == []
    assert (await ben.ask("getStatus"))["data"]["unread"] == unread >= 1


async def test_request_ids_are_each_users_own(connects, user, sent):
    """An id that another has used neither returns what that one asked for, nor swallows a message."""
    ann, eve = sent[0], await connects(f"{user}-eve")
    request_id = str(uuid.uuid4())
    own = {"recipientId": f"{user}-eve", "content": "Ann's"}
    first = await ann.ask("sendMessage", own, requestId=request_id)
    for content in ("Ann's", "Eve's"):
        other = await eve.ask("sendMessage", {**own, "content": content}, requestId=f"{request_id}")
        if content == "Ann's":
            assert other["data"]["messageId"] != first["data"]["messageId"]
        else:
            assert other["data"]["code"] == "VALIDATION_ERROR"


async def test_fields_that_name_another_are_not_heard(connects, user, stack, topic, sent):
    """Who asks, by which connection, is what API Gateway says, not the frame nor the handshake's extras."""
    _, ben, _ = sent
    theirs = await ben.connection_id()
    extras = {
        "userId": f"{user}-ben",
        "connectionId": theirs,
        "authorizer": {"userId": f"{user}-ben"},
        "requestContext": {"connectionId": theirs, "authorizer": {"userId": f"{user}-ben"}},
        "__proto__": {"userId": f"{user}-ben"},
    }
    headers = {"userId": f"{user}-ben", "X-Amzn-Authorizer-userId": f"{user}-ben", "connectionId": theirs}
    url = f"{stack.websocket_url}?userId={user}-ben&principalId={user}-ben&connectionId={theirs}"
    token = stack.token(f"{user}-eve")
    eve = await Person.connect(url, additional_headers={**headers, "Authorization": f"Bearer {token}"})
    try:
        status = (await eve.ask("getStatus", **extras))["data"]
        assert (status["userId"], status["connectionId"] == theirs) == (f"{user}-eve", False)
        assert (await eve.ask("getMessages", **extras))["data"]["messages"] == []
        await ben.subscribe(topic)
        await eve.ask("unsubscribeFromDeals", {"topic": topic}, **extras)
        await eve.ask("subscribeToDeals", {"topic": topic, "filters": {"none": 1}}, **extras)
        assert len(stack.memberships(theirs)) == 1
        refused = await eve.ask("unsubscribeFromDeals", {"topic": topic, "connectionId": theirs})
        assert refused["data"]["code"] == "VALIDATION_ERROR"
        stack.publish(topic=topic, data={"n": 1})
        await ben.hears("dealUpdate")
        await eve.ask("ping")
        assert eve.all_heard("dealUpdate") == []
    finally:
        await eve.leave()


NO_SUBJECTS = [
    "request#{}",
    "{}#sendMessage",
    "u#{}",
    "b#{}",
    "{}\n" + FORGED_LINE,
    "{}\u0000",
    "{}\u200b",
    "\u0430nn-{}",  # a Cyrillic letter
    "{}\u202e",
    " {}",
    "{}/../x",
    "",
    "x" * 129,
]


@pytest.mark.parametrize("subject", NO_SUBJECTS, ids=ascii)
async def test_subject_that_looks_like_another_or_like_a_key_opens_no_connection(connects, user, subject):
    with pytest.raises(InvalidStatus) as refused:
        await connects(subject.replace("{}", user, 1))
    assert refused.value.response.status_code == 401


async def test_recipient_in_another_spelling_is_nobody(connects, user, sent):
    ann, _, _ = sent
    for recipient in ("{}\u200b", "{}\n", "\u0430{}", "request#{}", "{}#x", "m#{}", "{} ", "{}\u0000"):
        reply = await ann.ask("sendMessage", {"recipientId": recipient.format(f"{user}-ben"), "content": "x"})
        assert reply["data"]["code"] == "VALIDATION_ERROR", recipient
        reply = await ann.ask("getPresence", {"users": [recipient.format(f"{user}-ben")]})
        assert reply["data"]["code"] == "VALIDATION_ERROR", recipient


async def test_publisher_cannot_speak_as_a_user_or_as_the_protocol(connects, user, topic, stack):
    person = await connects(user)
    await person.subscribe(topic)
    closing = {"type": "closing", "data": {"reason": "kicked", "reconnect": False}}
    forged = {
        "type": "batch",
        "frames": [closing],
        "messageId": "m-1",
        "senderId": f"{user}-ann",
        "requestId": "r-1",
        "position": 2**53,
        "eventId": "other",
    }
    stack.publish(topic=topic, data=forged, filters=forged)
    event = await person.hears("dealUpdate")
    assert (event["data"], event["filters"]) == (forged, forged)
    assert event["eventId"] != "other"
    assert event["position"] < 2**53
    assert "requestId" not in event

    stack.publish(recipients=[user], data=forged, messageType="notification")
    told = await person.hears("notification")
    assert told["data"]["messageId"] != "m-1"
    [entry] = (await person.ask("getMessages"))["data"]["messages"]
    assert (entry["kind"], "senderId" in entry, entry["messageId"]) == (
        "notification",
        False,
        told["data"]["messageId"],
    )
    assert person.all_heard("closing") == []
    assert person.all_heard("messageReceived") == []


async def test_message_cannot_be_taken_for_a_frame_or_a_notification(connects, user, sent):
    ann, ben, _ = sent
    content = json.dumps({"type": "closing", "data": {"reason": "kicked"}})
    for kind in ("closing", "notification", "batch"):
        await ann.ask("sendMessage", {"recipientId": f"{user}-ben", "content": content, "type": kind})
        received = await ben.hears(lambda frame, kind=kind: frame["data"].get("type") == kind)
        assert (received["type"], received["data"]["senderId"]) == ("messageReceived", user)
        assert received["data"]["content"] == content
    assert {entry["kind"] for entry in (await ben.ask("getMessages"))["data"]["messages"]} == {"message"}


async def test_no_input_begins_a_line_of_its_own_in_the_logs(connects, user, topic, stack):
    logs = Logs(stack)
    broken = f"\n{FORGED_LINE}\n"
    person = await connects(user)
    await person.ask("ping", requestId=f"r{broken}"[:128])
    await person.ask("getMessages", {broken: 1}, requestId=f"s{broken}"[:128])
    await person.ask(f"a{broken}")
    await person.ask("sendMessage", {"recipientId": f"x{broken}", "content": broken, "type": broken[:64]})
    await person.ask("refreshToken", {"token": f"eyJ{broken}.e30.x"})
    with pytest.raises(InvalidStatus):
        await connects(f"{user}{broken}")
    stack.publish(topic=topic, data={broken: broken}, filters={broken: broken})
    stack.invoke_raw("broadcast", {"messageType": broken, broken: 1, "data": {}, "eventId": broken})
    shop = HttpPublisher(stack.outputs["publish_api_url"], stack.stack.token(user, scope="publish"))
    await shop.post({"messageType": "a", "data": {}, "topic": broken, broken: broken})

    # The last line that must come, so that the others have.
    await logs.wait_for_line("broadcast", "event_refused", "messageType")
    for group in logs.groups:
        for line in await asyncio.to_thread(logs.read_lines, group):
            assert line.strip() != FORGED_LINE, group
            if FORGED_LINE[:8] in line:
                assert json.loads(line)["event"] != "forged", group


def mark(name):
    """A text that is found again wherever it was logged."""
    return f"MARK-{name}-MARK"


async def test_of_what_was_sent_the_logs_hold_ids_and_names_of_wrong_fields_alone(
    connects, user, topic, stack
):
    logs, person = Logs(stack), await connects(user)
    for action, data in (
        ("sendMessage", {"recipientId": user, "content": mark("content"), "type": mark("type")}),
        ("sendMessage", {"recipientId": f"{mark('recipient')} ", "content": mark("content of no message")}),
        ("sendMessage", {"recipientId": user, "content": {"a": mark("object")}, mark("field"): 1}),
        (mark("action"), {}),
        ("subscribeToDeals", {"topic": mark("topic"), "filters": {mark("attribute"): {mark("operator"): 1}}}),
        ("subscribeToDeals", {"topic": topic, "filters": {mark("key"): mark("value")}}),
        ("notificationAck", {"messageId": mark("messageId")}),
        ("refreshToken", {"token": mark("token")}),
        ("getPresence", {"users": [mark("user")]}),
    ):
        await person.ask(action, data)
    await person.say('{"action": "' + mark("no JSON"))
    for token in (f"{mark('query')}.x.y", f"eyJ{mark('header')}.x.y"):
        with pytest.raises(InvalidStatus):
            await Person.connect(f"{stack.websocket_url}?token={token}")

    good = {"topic": topic, "data": {mark("key"): mark("value")}, "filters": {mark("key"): mark("value")}}
    bad = {"messageType": mark("a type "), "data": mark("data"), "topic": f"{mark('no topic')}"}
    stack.publish(**good, eventId=mark("event-id"))
    stack.publish(recipients=[user], messageType="notification", data={mark("title"): mark("text")})
    shop = HttpPublisher(stack.outputs["publish_api_url"], stack.stack.token(user, scope="publish"))
    for body in (bad, {**good, "messageType": mark("type of HTTP")}):
        await shop.post({**body, mark("wrong-by-http"): 1}, headers={"X-Note": mark("header of HTTP")})
    await shop.post(good, headers={"Content-Type": mark("content type")})
    stack.invoke_raw("broadcast", {**bad, mark("wrong"): 1})
    stack.send("events", {**bad, mark("wrong-queued"): 1})
    await logs.wait_for_line("broadcast", "event_refused", mark("wrong-queued"))

    held = set()
    for group in logs.groups:
        for line in await asyncio.to_thread(logs.read_lines, group, "MARK-"):
            held |= {(group, name) for name in re.findall(r"MARK-(.*?)-MARK", line)}
    names = {"event-id", "wrong", "wrong-by-http", "wrong-queued"}
    assert {name for group, name in held if group == "broadcast"} == names
    assert {(group, name) for group, name in held if group != "broadcast"} <= {("delivery", "event-id")}


ID_OF_TWO_LINES = b'{"messageType":"a","data":{},"eventId":"a\\r\\nX-Injected: 1"}'
REQUESTS = {
    "context": ({"X-Amzn-Request-Context": '{"authorizer":{"iam":{}}}'}, None, {200}),
    "forwarded": ({"X-Forwarded-For": "127.0.0.1", "X-Forwarded-User": "root"}, None, {200}),
    "html": ({"Content-Type": "text/html"}, None, {415}),
    "gzip": ({"Content-Encoding": "gzip"}, None, {415}),
    "smuggled": ({"Transfer-Encoding": "chunked"}, b"0\r\n\r\nPOST /x HTTP/1.1\r\n\r\n", {400, 411, 501}),
    "11-MB": ({}, b"x" * (11 * 1024 * 1024), {413}),
    "nested": ({}, b"[" * 100_000, {400}),
    "id-of-two-lines": ({}, ID_OF_TWO_LINES, {400}),
    "no-text": ({}, b"\xff\xfe\x00", {400}),
}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS.keys())
async def test_request_gains_nothing_by_its_headers_or_its_form(user, topic, stack, request_):
    headers, body, statuses = request_
    token = stack.stack.token(user, scope="publish", topics=[topic])
    shop = HttpPublisher(stack.outputs["publish_api_url"], token)
    good = {"messageType": "a", "data": {}, "topic": topic}
    status, answer = await shop.post(good if body is None else body, headers=headers)
    assert status in statuses, answer

    claimed = {name: value for name, value in headers.items() if name.startswith("X-")}
    status, answer = await shop.post({**good, "topic": f"{topic}.other"}, headers=claimed)
    assert (status, answer["code"]) == (403, "FORBIDDEN")
