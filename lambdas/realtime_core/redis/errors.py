"""Why Redis was not used: it failed, or what it holds may not be believed."""

from __future__ import annotations

from realtime_core.errors import StoreUnavailable


class RedisFault(StoreUnavailable):
    """A call to Redis that came to nothing; `reason` is a short word for the metric and the log.

    Of the connection: `refused`, `timeout`, `closed`, `tls`, `login`, `protocol`. Of what Redis answers:
    `loading`, `read_only`, `out_of_memory`, `no_script`, `error`. Of the index in it: `not_ready`,
    `not_primary`, `other_server`, `untended`, `changed`, `behind`.
    """

    def __init__(self, reason: str, text: str = "") -> None:
        super().__init__(f"Redis: {text or reason}")
        self.reason = reason


_WORDS = {
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
    """The fault that an error reply tells of. Only its first word is kept: the rest may quote values."""
    word = text.partition(" ")[0]
    return RedisFault(_WORDS.get(word, "error"), f"refused with {word or 'an error'}")
