"""The items of the history table.

| item | `pk` | `position` | attributes |
| --- | --- | --- | --- |
| counter | `counter` | 0 | `n` newest position, `began` and `floor` first position of the history |
| floor | `floor` | 0 | `floor` no event below is stored, `trimmed` no item below is left |
| event | `b#<position // 100>` | its own | `v` the event, `at`, `batch_id`, `low`, `overtook` |
| repeat | `e#<event id>` | 0 | `p` position, `first`, `batch_id`, `batch_size`, `at`, `taken`, `answer` |
| in flight | `inflight` | batch id | `e` an event id, `batch_size`, `began`, `until`, `p` lowest position |
| settled | `s#<batch id>` | 0 | `done` positions of a batch of several that are settled |
| chunks | `c#<tracking id>` | 0 | `done` chunks, `expected` number, `settles`: batches with their positions |

All but the counter and the floor have `expires_at`, the table's time to live. No item is written by many at
once but the counter, which holds three numbers.
"""

from __future__ import annotations

from realtime_core.aws.dynamodb import Item, number

BUCKET_EVENTS = 100
"""Positions that share a partition."""

COUNTER: Item = {"pk": {"S": "counter"}, "position": {"N": "0"}}
FLOOR: Item = {"pk": {"S": "floor"}, "position": {"N": "0"}}
IN_FLIGHT = "inflight"


def event_key(position: int) -> Item:
    """The key of the event at a position."""
    return {"pk": {"S": bucket_of(position)}, "position": number(position)}


def bucket_of(position: int) -> str:
    """The partition of a position."""
    return f"b#{position // BUCKET_EVENTS}"


def repeat_key(event_id: str) -> Item:
    """The key of the record that makes an event's repeats known."""
    return {"pk": {"S": f"e#{event_id}"}, "position": {"N": "0"}}


def in_flight_key(batch: int) -> Item:
    """The key of a batch in flight."""
    return {"pk": {"S": IN_FLIGHT}, "position": number(batch)}


def settled_key(batch: int) -> Item:
    """The key of the settled positions of a batch of several events."""
    return {"pk": {"S": f"s#{batch}"}, "position": {"N": "0"}}


def chunks_key(tracking_id: int) -> Item:
    """The key of the chunks of an attempt to publish."""
    return {"pk": {"S": f"c#{tracking_id}"}, "position": {"N": "0"}}
