"""Permissions: what a token may subscribe to and whom its user may write to, as patterns in two claims.

| claim | permits | without it |
| --- | --- | --- |
| `topics` | subscribing to topics, and publishing to them | every public topic |
| `recipients` | writing to users, notifying them, and asking for their presence | every user |

A pattern is a whole name, a beginning of names followed by `*`, or `*`. Names are compared character by
character: topics and user ids have one spelling, in ASCII, so no other case or normal form matches.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from realtime_core.errors import Forbidden, TokenRefused
from realtime_core.wire.topics import ALL_DEALS, PRIVATE_PREFIX, TOPIC_CHARS_MAX, is_private

ANY = "*"

TOPIC_PATTERNS_MAX = 50
"""As many as a connection may have subscriptions."""

PERMISSIONS_BYTES_MAX = 4 * 1024
"""Of all patterns of a token, each with a separator. Outside limits: the authorizer's whole answer has 8 KB,
and each KB of a connection's record is a write unit more for every change of it (docs/adr/0030)."""

_NONE = "!"
"""The text of no pattern at all. Not the empty text, which the way may drop like a missing one."""

_TOPIC_PATTERN = re.compile(r"\*|[a-z0-9-]+(?:\.[a-z0-9-]+)*(?:\.?\*)?")
_USER_PATTERN = re.compile(r"\*|[A-Za-z0-9._:@|-]{1,128}\*?")

Claims = Mapping[str, Any]


class Permissions(NamedTuple):
    """The patterns of a token. None permits everything public, an empty tuple nothing."""

    topics: tuple[str, ...] | None = None
    recipients: tuple[str, ...] | None = None

    def permits_topic(self, topic: str) -> bool:
        """Whether the topic may be subscribed to.

        A private topic needs a pattern that begins with `private.` itself. `all-deals` brings every public
        topic, so it needs `*`, or its own name.
        """
        if is_private(topic):
            private = [pattern for pattern in self.topics or () if pattern.startswith(PRIVATE_PREFIX)]
            return any(_matches(pattern, topic) for pattern in private)
        if self.topics is None:
            return True
        if topic == ALL_DEALS:
            return ANY in self.topics or ALL_DEALS in self.topics
        return any(_matches(pattern, topic) for pattern in self.topics)

    def permits_recipient(self, user_id: str) -> bool:
        """Whether the user may be written to, and asked for."""
        return self.recipients is None or any(_matches(pattern, user_id) for pattern in self.recipients)


UNRESTRICTED = Permissions()
"""Of a token without the claims."""


def _matches(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith(ANY) else name == pattern


def check_topic_permitted(permissions: Permissions, topic: str) -> None:
    """Raise Forbidden unless the permissions of a token cover the topic."""
    if not permissions.permits_topic(topic):
        raise Forbidden(f"The token does not permit the topic {topic}", {"reason": "topic", "topic": topic})


def check_recipient_permitted(permissions: Permissions, user_id: str) -> None:
    """Raise Forbidden unless the permissions of a token cover the user."""
    if not permissions.permits_recipient(user_id):
        raise Forbidden(
            f"The token does not permit the recipient {user_id}",
            {"reason": "recipient", "recipientId": user_id},
        )


def read_permissions(claims: Claims, topics_claim: str, recipients_claim: str) -> Permissions:
    """The permissions of a token's claims. Raises TokenRefused (403) unless they are lists of patterns.

    A claim that is there and not understood is never taken for one that is missing: that would permit more.
    """
    topics = recipients = None
    if topics_claim in claims:
        topics = _read_patterns(claims[topics_claim], topics_claim, _TOPIC_PATTERN, TOPIC_CHARS_MAX)
        if not 1 <= len(topics) <= TOPIC_PATTERNS_MAX:
            raise _refused(f"{topics_claim} has {len(topics)} patterns, not 1 to {TOPIC_PATTERNS_MAX}")
    if recipients_claim in claims:
        recipients = _read_patterns(claims[recipients_claim], recipients_claim, _USER_PATTERN, 128)

    size = sum(len(pattern) + 1 for pattern in (*(topics or ()), *(recipients or ())))
    if size > PERMISSIONS_BYTES_MAX:
        detail = (
            f"{topics_claim} and {recipients_claim} take {size} bytes; at most {PERMISSIONS_BYTES_MAX} fit"
        )
        raise TokenRefused(403, "permissions_too_large", detail)
    return Permissions(topics, recipients)


def _read_patterns(claim: Any, name: str, pattern: re.Pattern[str], name_chars_max: int) -> tuple[str, ...]:
    if not isinstance(claim, list):
        raise _refused(f"{name} is not a list of patterns")
    for number, item in enumerate(claim):
        fits = isinstance(item, str) and pattern.fullmatch(item) and len(item.rstrip(ANY)) <= name_chars_max
        if not fits:
            raise _refused(f"{name}[{number}] is not a name, a beginning followed by *, or *")
    return tuple(dict.fromkeys(claim))


def _refused(detail: str) -> TokenRefused:
    return TokenRefused(403, "permissions", detail)


def encode_permissions(permissions: Permissions) -> dict[str, str]:
    """The permissions as texts by name, for the authorizer's context and the record; None has no text."""
    # No pattern has a space.
    return {
        name: " ".join(patterns) or _NONE
        for name, patterns in permissions._asdict().items()
        if patterns is not None
    }


def decode_permissions(texts: Mapping[str, Any]) -> Permissions:
    """The permissions of texts by name."""
    topics, recipients = texts.get("topics"), texts.get("recipients")
    if topics is None and recipients is None:
        return UNRESTRICTED
    return Permissions(_decode(topics), _decode(recipients))


def _decode(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    return () if text == _NONE else tuple(str(text).split(" "))
