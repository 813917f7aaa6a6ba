"""How far one subscription has come: its position, its repeats, and what it still has to catch up on.

Rules 13, 14 and 17, without any I/O. The caller hands on what these functions return.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deals_client.options import Options
from deals_client.seen import SeenIds
from deals_client.values import Event, Gap


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the history, as a reply brings it."""

    position: int
    events: Sequence[Event] = ()
    more: bool = False
    recovered: bool = True


@dataclass(frozen=True, slots=True)
class Taken:
    """What a page brings to one subscription."""

    events: Sequence[Event] = ()
    """New ones, in their order."""
    gap: Gap | None = None


class Progress:
    """The progress of one subscription. `since` is the position after which it begins, or None.

    It catches up from its beginning to its first page, and again after each connection. Live events wait
    meanwhile.
    """

    def __init__(self, options: Options, since: int | None, recent: int | None) -> None:
        self._options = options
        self.position = since
        """The highest that was handed out, or that of the last page; None before the first."""
        self.recent = recent
        self.is_catching_up: bool = True
        self.recovered: bool = True
        self.seen: SeenIds = SeenIds(options.seen)
        self._held: list[Event] = []
        self._has_missed = False
        self._replayed = 0
        self._gap_since: int | None = None

    @property
    def held(self) -> int:
        """Live events that wait for the end of the replay."""
        return len(self._held)

    def lose(self) -> None:
        """Forget what waits: the connection is gone, and the next one's replay brings it again."""
        self._held.clear()
        self._has_missed = False
        self.begin()

    def begin(self) -> None:
        """Begin to catch up from the position; live events wait."""
        if not self.is_catching_up:
            self.is_catching_up = True
            self._replayed = 0

    def join(self, position: int) -> None:
        """Be live from a position on, beside a subscription that is."""
        self.position, self.is_catching_up = position, False

    def take_live(self, event: Event, *, has_room: bool) -> Event | None:
        """Return a live event if it is to be handed out now.

        Without room it is left to the history: the subscription catches up once its reader has.
        """
        if not has_room and not self.is_catching_up:
            self.begin()
        if self.is_catching_up:
            if has_room and len(self._held) < self._options.buffer:
                self._held.append(event)
            else:
                self._has_missed = True
            return None
        if not self.seen.add(event.event_id):
            return None
        self.position = event.position if self.position is None else max(self.position, event.position)
        return event

    def take_page(self, page: Page, since: int | None) -> Taken:
        """Take over a page that was asked for with `since`, or without (the first, or the first picture)."""
        gap = None
        if self._gap_since is not None:
            gap, self._gap_since = Gap(self._gap_since, page.position, "tooFar"), None
        elif since is not None and not page.recovered:
            self.recovered, gap = False, Gap(since, page.position, "history")

        events = [event for event in page.events if self.seen.add(event.event_id)]
        self.position = page.position
        self._replayed += len(events)
        if page.more and self._replayed >= self._options.max_replay:
            self.recovered, self._gap_since, self._replayed = False, page.position, 0
            # From here on only the present counts.
            self.position = None
        return Taken(events, gap)

    def finish(self, page: Page) -> Sequence[Event] | None:
        """End the replay with its last page; returns the live events that waited, or None to read on."""
        if page.more:
            return None
        if self._has_missed:
            self._has_missed = False
            return None
        self.is_catching_up = False
        held, self._held = sorted(self._held, key=lambda event: event.position), []
        fresh = [event for event in held if self.seen.add(event.event_id)]
        if fresh:
            self.position = max(self.position or 0, fresh[-1].position)
        return fresh
