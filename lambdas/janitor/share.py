"""The share of the work that one invocation has: the schedule names it in its event."""

from __future__ import annotations

from typing import NamedTuple

from realtime_core.ids import shard_of

SHARES_MAX = 64


class Share(NamedTuple):
    """One of `of` equal shares, numbered from 0."""

    number: int = 0
    of: int = 1

    def partitions(self, count: int) -> range:
        """The partitions of the schedule in this share, of `count`."""
        return range(self.number, count, self.of)

    def has_user(self, user_id: str) -> bool:
        """Whether the revocations of a user are in this share."""
        return shard_of(user_id, self.of) == self.number


WHOLE = Share()


def share_of(event: object) -> Share:
    """The share that an event names: `{"share": 1, "of": 4}`. Any other event means all of the work.

    Raises ValueError for numbers that name no share: then part of the work would be nobody's.
    """
    if not isinstance(event, dict) or "of" not in event:
        return WHOLE
    share = Share(event.get("share", 0), event["of"])
    if not (type(share.number) is type(share.of) is int and 0 <= share.number < share.of <= SHARES_MAX):
        raise ValueError(f"share must be from 0 to below of, and of at most {SHARES_MAX}: {share}")
    return share
