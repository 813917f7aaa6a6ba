"""Topics: what an event is about, and which subscriptions it reaches."""

from __future__ import annotations

import re
from typing import Any

from realtime_core.wire.fields import refuse

ALL_DEALS = "all-deals"
TOPIC_CHARS_MAX = 64
_TOPIC = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*")


def topic_problem(raw: Any) -> str | None:
    """What is wrong with a topic, or None."""
    if isinstance(raw, str) and len(raw) <= TOPIC_CHARS_MAX and _TOPIC.fullmatch(raw):
        return None
    return (
        f'must be 1 to {TOPIC_CHARS_MAX} characters of a-z 0-9 -, parts joined by "." (electronics.laptops)'
    )


def read_topic(raw: Any, path: str) -> str:
    """A topic from outside, as a field reader. Raises ValidationFailed."""
    if problem := topic_problem(raw):
        refuse(path, problem)
    return str(raw)


def topics_reached(topic: str) -> tuple[str, ...]:
    """The topics whose subscribers receive an event of `topic`: itself, and once `all-deals`."""
    return (topic,) if topic == ALL_DEALS else (topic, ALL_DEALS)
