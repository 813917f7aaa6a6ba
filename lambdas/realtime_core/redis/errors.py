"""Faults of Redis: a failed call, or an index that cannot be used."""

from __future__ import annotations

from realtime_core.errors import StoreUnavailable


class RedisFault(StoreUnavailable):
    """A call to Redis failed; `reason` is a short word for the metric and the log.

    For the connection: `refused`, `timeout`, `closed`, `tls`, `login`, `protocol`. For error replies:
    `loading`, `read_only`, `out_of_memory`, `no_script`, `error`. For the index: `not_ready`, `not_primary`,
    `other_server`, `untended`, `changed`, `behind`.
    """

    def __init__(self, reason: str, text: str = "") -> None:
        super().__init__(f"Redis: {text or reason}")
        self.reason = reason


_REASONS = {
    "NOAUTH": "login",
    "WRONGPASS": "login",
    "NOPERM": "login",
    "LOADING": "loading",
    "MASTERDOWN": "loading",
    "READONLY": "read_only",
    "OOM": "out_of_memory",
    "NOSCRIPT": "no_script",
}


def refusal(text: str) -> RedisFault:
    """The fault of an error reply. Only its first word is used, because the rest may quote values."""
    code = text.partition(" ")[0]
    return RedisFault(_REASONS.get(code, "error"), f"refused with {code or 'an error'}")
