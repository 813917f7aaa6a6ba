"""What a refusal or the end of a connection means."""

import pytest

from deals_client.errors import HandshakeRefused
from deals_client.refusals import Closing, Loss, judge_loss, judge_refusal


@pytest.mark.parametrize(
    ("status", "before", "expected"),
    [
        (401, False, ("refused", True, True, None)),
        (401, True, ("refused", True, False, None)),
        (403, False, ("refused", False, False, "notAuthorized")),
        (429, False, ("throttled", False, False, None)),
        (500, False, ("network", False, False, None)),
        (503, False, ("network", False, False, None)),
        (404, False, ("refused", False, False, "configuration")),
        (None, False, ("refused", True, False, None)),
    ],
)
def test_each_status_of_a_handshake_has_its_answer(status, before, expected):
    verdict = judge_refusal(HandshakeRefused(status), unauthorized_before=before)
    assert (verdict.reason, verdict.new_token, verdict.at_once, verdict.stop) == expected


@pytest.mark.parametrize("code", [1000, 1001, 1005, 1006, 1011, 1012, 1013, 1003, 1007, 1009, 4999])
def test_every_close_code_is_come_back_from(code):
    verdict = judge_loss(Loss(code))
    assert verdict.stop is None
    assert verdict.new_token is (code == 1000)


@pytest.mark.parametrize(
    ("closing", "stop", "new_token", "wait"),
    [
        (Closing("blocked", reconnect=False), "notAuthorized", False, 0),
        (Closing("expired"), None, True, 0),
        (Closing("replaced", retry_after=20), None, False, 20),
        (Closing("fromTheFuture"), None, False, 0),
    ],
)
def test_closing_frame_decides(closing, stop, new_token, wait):
    verdict = judge_loss(Loss(1000, closing=closing))
    assert (verdict.stop, verdict.new_token, verdict.at_least) == (stop, new_token, wait)
