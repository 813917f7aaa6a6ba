"""The audience of one event, read as a stream: each connection once, with places to go on from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from broadcast.seen_connections import SeenConnections
from realtime_core.subscriptions.base import MemberPlace
from realtime_core.telemetry.logs import get_logger
from realtime_core.wire.strict_json import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from realtime_core.subscriptions.base import Group, Subscriptions

log = get_logger(__name__)

WINDOW = 40_000
"""So many connections, and up to a page more, are planned at a time: twenty chunks, about 4 MB."""
WINDOW_PAGES = 500
"""The most pages of a window: groups may have few members, and a window is what must fit an attempt."""
JOINING_MS = 60_000
"""How long before it is stored a membership may have been asked for. Outside limit: API Gateway waits 29 s
for an answer, and the router's function ends then too; the rest is for clocks that differ."""
REREAD_SHARE = 0.5
"""The part of an attempt's time in which it may read again what earlier ones have planned."""


class Window(NamedTuple):
    """Some connections of an audience."""

    connection_ids: list[str]
    place: str
    """Behind them: where another attempt can go on."""
    wants_pause: bool = False
    """Whether another attempt should go on, since what follows may take longer than this one has."""


class Audience:
    """The members of the groups that an event matches, by topic: its own first, then `all-deals`.

    A connection has one subscription a topic, so it can be a member twice only by both topics. The members of
    the first are remembered for that. An attempt that goes on from a place does not know them: it reads them
    again, those whose membership is older than the first attempt, which began at `began_ms`. One that may be
    younger counts as not planned: better an event twice, which its client drops by the id, than never. So do
    those that there is no time to read.
    """

    def __init__(
        self,
        subscriptions: Subscriptions,
        groups: Mapping[str, Sequence[Group]],
        *,
        began_ms: int,
        now: int,
        clock: Callable[[], float],
        window: int = WINDOW,
    ) -> None:
        """`window` is about how many connections are planned at a time."""
        self._subscriptions, self._groups = subscriptions, groups
        self._window = window
        self._began_ms, self._now, self._clock = began_ms, now, clock
        self.sizes: dict[str, int] = {}
        """How many members of each group were read, by its id."""

    def windows(self, place: str, deadline: float) -> Generator[Window]:
        """The connections behind a place, "" for all. The attempt has until `deadline`, by `clock`."""
        began = self._clock()
        at, start = self._read_place(place)
        topics = list(self._groups)
        seen = SeenConnections() if len(topics) > 1 and all(self._groups.values()) else None

        if at == 0:
            end, came_further = place, False
            for window in self._windows_of(topics[0], start):
                if seen is not None:
                    seen.add(window.connection_ids)
                end, came_further = window.place, True
                yield window
            if len(topics) == 1:
                return
            is_late = self._clock() > began + (deadline - began) * (1 - REREAD_SHARE)
            if seen is not None and place and came_further and is_late:
                yield Window([], end, wants_pause=True)

        if seen is not None and place:
            until = self._clock() + (deadline - began) * REREAD_SHARE
            self._reread(topics[0], start if at == 0 else None, seen, until)
        for window in self._windows_of(topics[1], start if at == 1 else None):
            ids = window.connection_ids
            yield window if seen is None else window._replace(connection_ids=seen.unseen(ids))

    def _read_place(self, place: str) -> tuple[int, MemberPlace | None]:
        """The index of a place's topic, and the place among its members."""
        if not place:
            return 0, None
        topic, group_id, shard, connection_id = loads(place)
        return list(self._groups).index(topic), MemberPlace(group_id, shard, connection_id)

    def _windows_of(self, topic: str, after: MemberPlace | None) -> Generator[Window]:
        collected: list[str] = []
        page, pages = None, 0
        for page in self._subscriptions.member_pages(self._groups[topic], self._now, after=after):
            pages += 1
            group_id = page.place.group_id
            self.sizes[group_id] = self.sizes.get(group_id, 0) + len(page.connection_ids)
            collected += page.connection_ids
            if len(collected) >= self._window or pages >= WINDOW_PAGES:
                yield Window(collected, dumps([topic, *page.place]))
                collected, pages = [], 0
        if page is not None and collected:
            yield Window(collected, dumps([topic, *page.place]))

    def _reread(self, topic: str, last: MemberPlace | None, seen: SeenConnections, until: float) -> None:
        """Remember whom earlier attempts have planned: of a whole topic, or up to a last place."""
        for page in self._subscriptions.member_pages(
            self._groups[topic], self._now, until=last, joined_before_ms=self._began_ms - JOINING_MS
        ):
            seen.add(page.connection_ids)
            if self._clock() > until:
                log.warning("repeats_not_removed", topic=topic)
                return
