"""The frames and reply data of messages."""

import json

import pytest

from realtime_core.ids import new_message_id
from realtime_core.messages.base import Message
from realtime_core.messages.frames import inbox_page, received_frame, sent_reply, status_frame
from realtime_core.wire.frames import FRAME_BYTES_MAX, frame

NOW = 1_795_382_480
MESSAGE = Message("m-1", "user-2", "user-1", "message", "text", "hé", NOW)
SETTLED = new_message_id((NOW - 30) * 1000, bytes(10))


def test_received_frame_is_that_of_the_protocol():
    assert json.loads(received_frame(MESSAGE, now=NOW + 1)) == {
        "type": "messageReceived",
        "data": {"messageId": "m-1", "senderId": "user-1", "content": "hé", "type": "text", "timestamp": NOW},
        "timestamp": NOW + 1,
    }


def test_sent_reply_is_that_of_the_protocol():
    assert sent_reply(MESSAGE) == {"messageId": "m-1", "recipientId": "user-2", "timestamp": NOW}


@pytest.mark.parametrize(
    ("message", "acknowledged", "at"),
    [
        (MESSAGE._replace(status="read", delivered_at=NOW + 1, read_at=NOW + 2), "read", NOW + 2),
        (MESSAGE._replace(status="read", delivered_at=NOW + 1, read_at=NOW + 2), "delivered", NOW + 1),
        (MESSAGE._replace(status="read", read_at=NOW + 2), "delivered", NOW + 9),
    ],
)
def test_status_frame_has_the_status_and_its_time(message, acknowledged, at):
    assert json.loads(status_frame(message, acknowledged, now=NOW + 9)) == {
        "type": "messageStatus",
        "data": {"messageId": "m-1", "recipientId": "user-2", "type": acknowledged, "timestamp": at},
        "timestamp": NOW + 9,
    }


def test_inbox_page_lists_messages_and_notifications():
    read = MESSAGE._replace(status="read", delivered_at=NOW + 1, read_at=NOW + 2)
    notified = Message("m-2", "user-2", "", "notification", "priceDrop", {"title": "T"}, NOW)
    assert inbox_page([read, notified], None, NOW * 1000) == {
        "messages": [
            {
                "messageId": "m-1",
                "kind": "message",
                "senderId": "user-1",
                "type": "text",
                "content": "hé",
                "timestamp": NOW,
                "status": "read",
                "deliveredAt": NOW + 1,
                "readAt": NOW + 2,
            },
            {
                "messageId": "m-2",
                "kind": "notification",
                "type": "priceDrop",
                "content": {"title": "T"},
                "timestamp": NOW,
                "status": "sent",
            },
        ],
        "cursor": SETTLED,
    }


def test_inbox_page_continues_where_the_store_stopped():
    assert inbox_page([MESSAGE], "m-1", NOW * 1000)["next"] == "m-1"
    assert inbox_page([], None, NOW * 1000) == {"messages": [], "cursor": SETTLED}


def test_cursor_is_half_a_minute_behind_and_not_beyond_the_page():
    """A message that began to be stored before another may be stored after it."""
    young, old = (new_message_id((NOW - age) * 1000, b"\xff" * 10) for age in (20, 40))
    assert old < SETTLED < young
    assert inbox_page([MESSAGE], old, NOW * 1000)["cursor"] == old
    assert inbox_page([MESSAGE], young, NOW * 1000)["cursor"] == SETTLED


def ids(page):
    return [item["messageId"] for item in page["messages"]]


@pytest.mark.parametrize("more", [None, "m-99"])
def test_inbox_page_that_exceeds_a_frame_is_cut_and_continues_after_its_last_entry(more):
    entries = [MESSAGE._replace(message_id=f"m-{number:02}", content="é" * 2000) for number in range(20)]
    page = inbox_page(entries, more, NOW * 1000)
    assert 1 < len(page["messages"]) < 20
    assert page["next"] == ids(page)[-1] == f"m-{len(page['messages']) - 1:02}"
    assert len(frame("messages", page, now=NOW, request_id="\x01" * 128).encode()) <= FRAME_BYTES_MAX


def test_inbox_page_has_at_least_one_entry():
    large = MESSAGE._replace(message_id="m-0", content="x" * 100_000)
    page = inbox_page([large, MESSAGE], None, NOW * 1000)
    assert ids(page) == ["m-0"]
    assert page["next"] == "m-0"
    assert ids(inbox_page([MESSAGE, large], None, NOW * 1000)) == ["m-1"]
