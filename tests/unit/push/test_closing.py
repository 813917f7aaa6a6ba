"""Closing connections with a last frame, as far as that can still be sent."""

import typing

import pytest

from realtime_core.errors import StoreUnavailable
from realtime_core.push.closing import announce_and_close
from realtime_core.push.memory import MemoryManagementApi
from realtime_core.wire.closing import ClosingReason, closing_frame
from realtime_core.wire.strict_json import loads

NOW = 1_795_382_480


def test_frame_says_why_and_whether_to_come_back():
    for reason in typing.get_args(ClosingReason):
        frame = loads(closing_frame(reason, NOW))
        reconnect = reason not in {"blocked", "replaced"}
        assert frame == {
            "type": "closing",
            "data": {"reason": reason, "reconnect": reconnect},
            "timestamp": NOW,
        }
    assert loads(closing_frame("handover", NOW, retry_after_ms=500))["data"]["retryAfterMs"] == 500


def test_each_connection_gets_the_frame_before_it_is_closed():
    api = MemoryManagementApi()
    assert announce_and_close(api, ["a", "b"], "kicked", NOW) == ()
    assert api.closed == ["a", "b"]
    assert {name: len(frames) for name, frames in api.received.items()} == {"a": 1, "b": 1}


@pytest.mark.parametrize("answer", [429, 500, 413])
def test_frame_that_cannot_be_sent_holds_up_no_closing(answer):
    api = MemoryManagementApi()
    api.answers = {"a": [answer]}
    assert announce_and_close(api, ["a", "b"], "revoked", NOW) == ()
    assert api.closed == ["a", "b"]


def test_connection_that_is_gone_is_told_and_not_closed_again():
    api = MemoryManagementApi()
    api.answers = {"a": [410], "b": [200, 410]}
    assert announce_and_close(api, ["a", "b", "c"], "expired", NOW) == ("a", "b")
    assert api.closed == ["c"]


def test_closing_that_fails_is_told():
    api = MemoryManagementApi()
    api.down = True
    with pytest.raises(StoreUnavailable):
        announce_and_close(api, ["a"], "expired", NOW)
