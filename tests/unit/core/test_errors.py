"""What errors say of themselves, in logs and to clients."""

from realtime_core.errors import RateLimited, TokenRefused


def test_a_refused_token_says_its_reason_and_with_detail_that_too():
    assert str(TokenRefused(401, "missing")) == "missing"
    refused = TokenRefused(403, "scope", "needs websocket")
    assert (str(refused), refused.status, refused.reason, refused.detail) == (
        "scope: needs websocket", 403, "scope", "needs websocket",
    )  # fmt: skip


def test_a_rate_limit_says_when_to_try_again():
    limited = RateLimited(1500)
    assert (str(limited), limited.details) == (
        "Too many requests; try again in 1500 ms",
        {"retryAfterMs": 1500},
    )
