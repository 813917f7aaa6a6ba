"""How far the notices of a partition are sent, so that no record has to say what its connection was sent.

A pass reads the due records in order, and sends the notices whose time is in its span. It is noted after each
page of which something was sent, so a run that dies leaves at most one page to be sent again, and the next
run ends the pass before it begins one of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from realtime_core.connections.schedule import NoticeSpan, Place

if TYPE_CHECKING:
    from janitor.leases import Progress


class NoticePass(NamedTuple):
    """A pass through the due records of a partition."""

    span: NoticeSpan
    place: Place | None = None
    """The last record that is done; None at the beginning."""

    @classmethod
    def of(cls, progress: Progress, now: int) -> NoticePass:
        """The pass to go on with: the noted one if it has not ended, or a new one up to `now`."""
        sent_until = int(progress.get("notices_until", 0))
        if "notices_id" not in progress:
            return cls(NoticeSpan(sent_until, max(now, sent_until)))
        place = Place(int(progress["notices_due"]), str(progress["notices_id"]))
        return cls(NoticeSpan(sent_until, int(progress["notices_end"])), place)

    def ended(self, now: int) -> NoticePass:
        """The next pass, after all records are done."""
        return NoticePass(NoticeSpan(self.span.until, max(now, self.span.until)))

    def noted(self) -> dict[str, int | str]:
        """The progress to note."""
        noted: dict[str, int | str] = {"notices_until": self.span.after}
        if self.place is not None:
            noted |= {
                "notices_end": self.span.until,
                "notices_due": self.place.due_at,
                "notices_id": self.place.connection_id,
            }
        return noted
