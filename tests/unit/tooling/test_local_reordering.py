"""A fault that reorders messages changes their delays alone."""

from __future__ import annotations

import json

import pytest

from local_cloud.gateway.reordering import delay_messages


def choose_most(_low, high):
    return high


def test_each_message_of_a_batch_waits_unless_it_has_a_delay_of_its_own():
    entries = [{"Id": "a", "MessageBody": "x"}, {"Id": "b", "MessageBody": "y", "DelaySeconds": 1}]
    body = json.dumps({"QueueUrl": "q", "Entries": entries}).encode()

    changed = json.loads(delay_messages("SendMessageBatch", body, 7, choose_most) or b"")

    assert [entry["DelaySeconds"] for entry in changed["Entries"]] == [7, 1]
    assert changed["QueueUrl"] == "q"


def test_single_message_waits():
    changed = json.loads(delay_messages("SendMessage", b'{"MessageBody": "x"}', 7, choose_most) or b"")
    assert changed == {"MessageBody": "x", "DelaySeconds": 7}


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("ReceiveMessage", b'{"QueueUrl": "q"}'),
        ("SendMessage", b"Action=SendMessage"),
        ("SendMessage", b"[1]"),
        ("SendMessageBatch", b"{}"),
        ("SendMessage", None),
    ],
)
def test_what_is_no_sending_of_messages_stays_as_it_is(operation, body):
    assert delay_messages(operation, body, 7) is body
