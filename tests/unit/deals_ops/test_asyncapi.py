"""docs/asyncapi.yaml is what the code says, and what the service sends is as it says."""

from __future__ import annotations

from typing import get_args

import pytest

from deals_ops.asyncapi import messages, typed_dicts, typescript
from deals_ops.asyncapi.document import PAGE, build_document
from deals_ops.asyncapi.text import to_yaml
from deals_publisher.validation import PROTOCOL_FRAME_TYPES
from message_router.requests import ACTIONS
from realtime_core import errors
from realtime_core.messages.base import Message
from realtime_core.messages.frames import inbox_page, received_frame, status_frame
from realtime_core.wire.frames import error_frame, pack_frames
from realtime_core.wire.strict_json import loads
from tests.documented_frames import find_problems, validator_of


def test_document_is_up_to_date():
    assert PAGE.read_text("utf-8") == to_yaml(build_document()), "run `make reference`"


def test_types_of_the_clients_are_up_to_date():
    document = build_document()
    assert typescript.PAGE.read_text("utf-8") == typescript.to_typescript(document), "run `make reference`"
    assert typed_dicts.PAGE.read_text("utf-8") == typed_dicts.to_python(document), "run `make reference`"


def test_types_of_the_clients_follow_the_document():
    document = build_document()
    schema = document["components"]["schemas"]["MessageSent"]
    schema["properties"]["held"] = {
        "anyOf": [{"type": "array", "items": {"enum": ["a", 1]}}, {"type": "null"}]
    }
    assert '  held?: ("a" | 1)[] | null;' in typescript.to_typescript(document)
    assert '    held: NotRequired[list[Literal["a", 1]] | None]' in typed_dicts.to_python(document)
    schema["properties"]["held"] = {"type": "unheard of"}
    for write in (typescript.to_typescript, typed_dicts.to_python):
        with pytest.raises(KeyError, match="unheard of"):
            write(document)


def test_every_action_of_the_router_is_documented_with_its_fields():
    operations = build_document()["operations"]
    for action, spec in ACTIONS.items():
        assert operations[action]["reply"]["messages"]
        data = build_document()["components"]["messages"][action]["payload"]["properties"]["data"]
        assert list(data["properties"]) == [field.name for field in spec.fields]


def test_error_codes_are_those_of_the_code():
    codes = {kind.code for kind in [errors.ActionError, *errors.ActionError.__subclasses__()]}
    assert codes == set(get_args(messages.ErrorCode))


def test_frame_types_are_those_that_publishers_may_not_use():
    documented = {type_ for type_, _ in messages.REPLIES.values()} | set(messages.PUSHES) | {"error"}
    assert documented - {"notification"} == PROTOCOL_FRAME_TYPES


MESSAGE = Message(
    message_id="m",
    recipient_id="ben",
    sender_id="ann",
    kind="message",
    type="text",
    content="x",
    created_at=1,
)


@pytest.mark.parametrize(
    "text",
    [
        received_frame(MESSAGE, now=1),
        status_frame(MESSAGE, "read", now=1),
        error_frame(errors.RateLimited(5), now=1, request_id="r"),
        pack_frames([received_frame(MESSAGE, now=1)] * 2, now=1)[0][0],
    ],
)
def test_frames_that_the_code_builds_are_as_documented(text):
    assert find_problems(loads(text)) == []


def test_inbox_page_is_as_documented():
    frame = {"type": "messages", "data": inbox_page([MESSAGE], None, 1_795_382_480_000), "timestamp": 1}
    assert find_problems(frame) == []


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        ({"type": "surprise", "data": {}, "timestamp": 1}, "not documented"),
        ({"type": "pong", "timestamp": 1}, "'data' is a required property"),
        ({"type": "tokenRefreshed", "data": {"expiresAt": "x"}, "timestamp": 1}, "is not of type 'integer'"),
        ({"type": "dealUpdate", "position": 1, "data": {}, "timestamp": 1, "topic": "a"}, "'eventId'"),
        ({"strange": 1}, "neither a type nor API Gateway's"),
    ],
)
def test_frame_that_differs_is_found(frame, problem):
    assert problem in " ".join(find_problems(frame))


def test_request_that_the_router_refuses_is_not_documented_either():
    good = {"action": "getMessages", "data": {"limit": 5}}
    assert validator_of("getMessages").is_valid(good)
    assert not validator_of("getMessages").is_valid({**good, "data": {"limit": 101}})
    assert not validator_of("getMessages").is_valid({**good, "data": {"unknown": 1}})
    assert not validator_of("sendMessage").is_valid({"action": "sendMessage", "data": {"content": "x"}})
