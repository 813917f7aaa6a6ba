"""What a failed attempt or a lost connection means: try again, with which token, or stop (rule 4)."""

from __future__ import annotations

from dataclasses import dataclass

from deals_client.errors import HandshakeRefused
from deals_client.values import StopReason, WaitReason

NORMAL_CLOSURE = 1000
BAD_FRAME_CODES = frozenset({1003, 1007, 1009})
"""The server closed because of a frame: the request written last is not repeated."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do next."""

    reason: WaitReason = "network"
    """Of the `waiting` state."""
    new_token: bool = False
    """Whether the next attempt asks for a token with the reason `refused`."""
    at_once: bool = False
    stop: StopReason | None = None
    at_least: float = 0.0
    """Seconds that the server asked to wait."""


@dataclass(frozen=True, slots=True)
class Closing:
    """The `closing` frame, which says why the server is about to close."""

    reason: str
    reconnect: bool = True
    retry_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Loss:
    """How a connection ended; the code 1006 stands for one that broke."""

    code: int
    reason: str = ""
    closing: Closing | None = None


def judge_refusal(error: HandshakeRefused, *, unauthorized_before: bool) -> Verdict:
    """Judge a refused handshake. `unauthorized_before`: the attempt before this was answered 401, too."""
    match error.status:
        case None:
            return Verdict("refused", new_token=True)
        case 401:
            return Verdict("refused", new_token=True, at_once=not unauthorized_before)
        case 403:
            return Verdict("refused", stop="notAuthorized")
        case 429:
            return Verdict("throttled")
        case status if status >= 500:
            return Verdict("network")
        case _:
            return Verdict("refused", stop="configuration")


def judge_loss(loss: Loss) -> Verdict:
    """Judge the end of a connection that was open."""
    if loss.closing is None:
        # API Gateway's DeleteConnection is always 1000: expired, revoked or kicked. Another token may help.
        return Verdict("closed" if loss.code != 1006 else "network", new_token=loss.code == NORMAL_CLOSURE)
    if not loss.closing.reconnect:
        return Verdict("closed", stop="notAuthorized")
    return Verdict(
        "closed",
        new_token=loss.closing.reason in {"expired", "revoked"},
        at_least=loss.closing.retry_after,
    )
