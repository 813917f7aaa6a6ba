"""Topics: their syntax, and the topics whose subscribers receive an event."""

from __future__ import annotations

import re
from typing import Any

from realtime_core.wire.fields import reject

ALL_DEALS = "all-deals"
PRIVATE_PREFIX = "private."
TOPIC_CHARS_MAX = 64
_TOPIC = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*")


def topic_problem(raw: Any) -> str | None:
    """The problem with a topic, or None if it is valid."""
    if isinstance(raw, str) and len(raw) <= TOPIC_CHARS_MAX and _TOPIC.fullmatch(raw):
        return None
    return (
        f'must be 1 to {TOPIC_CHARS_MAX} characters of a-z 0-9 -, parts joined by "." (electronics.laptops)'
    )


def read_topic(raw: Any, path: str) -> str:
    """Read a topic of a client or publisher. Raises ValidationFailed."""
    if problem := topic_problem(raw):
        reject(path, problem)
    return str(raw)


def is_private(topic: str) -> bool:
    """Whether the first part of a topic is `private`: such topics are not part of `all-deals`."""
    return f"{topic}.".startswith(PRIVATE_PREFIX)


def topics_reached(topic: str) -> tuple[str, ...]:
    """The topics whose subscribers receive an event of `topic`: itself and, if it is public, `all-deals`."""
    return (topic,) if topic == ALL_DEALS or is_private(topic) else (topic, ALL_DEALS)
