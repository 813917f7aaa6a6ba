"""What is in flight, and what an event may have overtaken.

A position is *settled* when its event is completely pushed, or will never exist. Before positions are
allocated to a batch of events, an in-flight item is stored. Its id holds the newest position known at that
time: the batch's own positions are higher. A publisher that allocates a position afterwards finds it, so no
unsettled position below its own escapes it.

An in-flight item does not say at once which positions its batch got. It ends by itself, 15 minutes after a
publisher that died, and until then it should not make every resume repeat all that came after it: so a
publisher or the janitor that meets an old one looks up its positions (*resolves* it).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

IN_FLIGHT_SECONDS_MAX = 15 * 60
"""After this a batch no longer counts as in flight, unless it is extended: by who takes an event of it over,
and by chunks that are pushed. Outside limit: no Lambda invocation runs longer."""

UNRESOLVED_SECONDS_MAX = 5
"""The age at which the positions of a batch in flight are looked up."""

EXTENSION_SECONDS = 5 * 60
"""How often a batch is extended while chunks of it are pushed: two extensions may fail."""

EXTENSION_RESERVE_SECONDS = 60
"""A batch that ends sooner is not taken over with its positions: it might end meanwhile."""

CLAIM_SECONDS = 32
"""How long a claim is exclusive: longer than an invocation of `broadcast` may run. A batch that was not
stored by then never will be."""

BATCHES_MAX = 50
"""The most batches in flight that an event lists. Beyond, it knows only the lowest unsettled position."""

# A batch's id is the newest position known at its beginning, then this many random digits. Outside limit: a
# number of DynamoDB has 38 digits; positions have 16.
_RANDOM_DIGITS = 15
_SCALE: int = 10**_RANDOM_DIGITS
ENTROPY_BYTES = 6
"""Random bytes that a batch id takes: their largest number has 15 digits."""

NEAR_POSITIONS = 100
"""Ranges that are closer than this are read as one."""


class InFlightBatch(NamedTuple):
    """A batch in flight."""

    batch: int
    """Its id."""
    first: int | None = None
    """Its lowest position, None if that is not known."""
    size: int = 1
    """The number of its positions."""


class Overtaken(NamedTuple):
    """The positions below an event that were not settled when its own was allocated."""

    low: int | None = None
    """The lowest of them, None if there is none. Where a batch's positions are not known, a lower bound."""
    batches: tuple[InFlightBatch, ...] | None = ()
    """The batches that they belong to; None if there were too many: all from `low` may be among them."""


NOTHING = Overtaken()


class PositionRange(NamedTuple):
    """Positions from `first` to `last`, inclusive."""

    first: int
    last: int


def new_batch_id(known: int, entropy: bytes) -> int:
    """An id for a batch in flight that begins when `known` is the newest position known."""
    return known * _SCALE + int.from_bytes(entropy) % _SCALE


def known_at_begin(batch: int) -> int:
    """The newest position that was known when a batch began: its own are higher."""
    return batch // _SCALE


def lowest_position(batches: Iterable[InFlightBatch]) -> int | None:
    """The lowest position that may belong to one of the batches, or None."""
    return min((_range_of(batch, None).first for batch in batches), default=None)


def overtaken_by(position: int, own: InFlightBatch, others: Sequence[InFlightBatch]) -> Overtaken:
    """What the event at `position` may overtake, whose batch is `own`; `others` are all others in flight.

    `others` may hold more than BATCHES_MAX, and begins with those of the lowest ids.
    """
    assert own.first is not None, "an event has its position"  # noqa: S101
    below = [batch for batch in others if _range_of(batch, None).first < position]
    if own.first < position:
        below.append(own._replace(size=position - own.first))
    if not below:
        return NOTHING
    return Overtaken(lowest_position(below), tuple(below) if len(below) <= BATCHES_MAX else None)


def encode_overtaken(overtaken: Overtaken) -> str:
    """The stored text of the batches: `first+size`, or `?id` where the positions are not known."""
    if overtaken.batches is None:
        return "*"
    return ",".join(
        f"?{batch.batch}" if batch.first is None else f"{batch.first}+{batch.size}"
        for batch in overtaken.batches
    )


def decode_overtaken(low: int | None, text: str) -> Overtaken:
    """The inverse of `encode_overtaken`. The id of a batch whose positions are known is not stored: 0."""
    if text == "*":
        return Overtaken(low, None)
    batches: list[InFlightBatch] = []
    for entry in filter(None, text.split(",")):
        if entry.startswith("?"):
            batches.append(InFlightBatch(int(entry[1:])))
        else:
            first, _, size = entry.partition("+")
            batches.append(InFlightBatch(0, int(first), int(size)))
    return Overtaken(low, tuple(batches))


def ranges_to_read(overtaken: Overtaken, position: int) -> list[PositionRange]:
    """The ranges below `position` where the overtaken events are, in order; they may hold others too."""
    if overtaken.low is None:
        return []
    if overtaken.batches is None:
        return [PositionRange(overtaken.low, position - 1)]
    ranges: list[PositionRange] = []
    for part in sorted(_range_of(batch, position - 1) for batch in overtaken.batches):
        if ranges and part.first <= ranges[-1].last + NEAR_POSITIONS:
            ranges[-1] = PositionRange(ranges[-1].first, max(ranges[-1].last, part.last))
        elif part.first <= part.last:
            ranges.append(part)
    return ranges


def is_overtaken(overtaken: Overtaken, position: int, batch: int) -> bool:
    """Whether the event at `position`, of a batch with this id, may have been overtaken."""
    if overtaken.batches is None:
        return True
    return any(
        batch == other.batch if other.first is None else other.first <= position < other.first + other.size
        for other in overtaken.batches
    )


def _range_of(batch: InFlightBatch, last: int | None) -> PositionRange:
    """The positions that may belong to a batch; up to `last`, where they are not known."""
    if batch.first is None:
        first = known_at_begin(batch.batch) + 1
        return PositionRange(first, first if last is None else last)
    end = batch.first + batch.size - 1
    return PositionRange(batch.first, end if last is None else min(end, last))
