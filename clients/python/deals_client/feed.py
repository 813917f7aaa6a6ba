"""One subscriber of a topic: its progress, its reader, its state."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from deals_client.delivery import Delivery
from deals_client.emitter import Handler
from deals_client.errors import ClientClosed
from deals_client.ordering import Ordering
from deals_client.progress import Page, Progress
from deals_client.runtime import Runtime
from deals_client.values import Event, Ready, SubscriptionChange, SubscriptionState


class Feed:
    """Brings the events of a topic to one reader, each once."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        since: int | None = None,
        recent: int | None = None,
        in_order: bool = False,
        on_event: Handler | None = None,
        on_gap: Handler | None = None,
        on_state: Handler | None = None,
    ) -> None:
        self._limit = runtime.options.buffer
        self._emitter, self._on_gap, self._on_state = runtime.emitter, on_gap, on_state
        self.progress: Progress = Progress(runtime.options, since, recent)
        self.delivery: Delivery = Delivery(runtime.emitter, on_event, self._limit)
        self.state: SubscriptionState = "pending"
        self.error: BaseException | None = None
        """What ended it, if that was an error."""
        self.ready: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()
        self._ordering = Ordering(runtime.clock, self.delivery.put) if in_order else None
        # A failure that nobody waits for is not reported as never retrieved.
        self.ready.add_done_callback(lambda ready: ready.cancelled() or ready.exception())

    @property
    def wants_page(self) -> bool:
        """Whether the next page of the history should be asked for: the last one is consumed."""
        return (
            self.state != "ended"
            and self.progress.is_catching_up
            and self.delivery.is_drained
            and len(self._ordering or ()) < self._limit
        )

    @property
    def safe_position(self) -> int | None:
        """The position to resume from in another process: the reader has got all until there."""
        return self.progress.position if self.delivery.is_drained else self.delivery.handed_out

    def safe_ids(self, count: int) -> list[str]:
        """Return the newest ids that the reader has got."""
        waiting = self.delivery.waiting_ids
        return [event_id for event_id in self.progress.seen.newest(count) if event_id not in waiting]

    def begin(self) -> None:
        """Catch up: the subscription was asked for on a connection."""
        self.progress.begin()
        if self.progress.position is not None or self.progress.recent is not None:
            self._change("catchingUp")

    def join(self, position: int) -> None:
        """Be live at once, beside another subscriber that is."""
        self.progress.join(position)
        self._become_live()

    def lose(self) -> None:
        """Wait for the next connection."""
        self.progress.lose()
        self._change("pending")

    def take_live(self, event: Event) -> None:
        """Take an event that was pushed."""
        if self.state == "ended":
            return
        has_room = self.delivery.has_room and len(self._ordering or ()) < self._limit
        was_live = not self.progress.is_catching_up
        taken = self.progress.take_live(event, has_room=has_room)
        if taken is not None:
            self._put((taken,))
        elif was_live and self.progress.is_catching_up:
            self._change("catchingUp")

    def take_page(self, page: Page, since: int | None) -> None:
        """Take a page of the history; its last one makes the subscription live."""
        if self.state == "ended":
            return
        taken = self.progress.take_page(page, since)
        if taken.gap is not None and self._on_gap is not None:
            self._emitter.emit_to(self._on_gap, taken.gap)
        self._put(taken.events)
        held = self.progress.finish(page)
        if held is not None:
            self._put(held)
            self._become_live()

    def end(self, reason: str, error: BaseException | None = None) -> None:
        """End the subscription, for good."""
        if self.state == "ended":
            return
        if self._ordering is not None:
            self._ordering.stop()
        self.error = error
        self._change("ended", reason)
        self.delivery.end(error)
        if not self.ready.done():
            self.ready.set_exception(error or ClientClosed(f"the subscription has ended: {reason}"))

    def _put(self, events: Sequence[Event]) -> None:
        for event in events:
            if self._ordering is None:
                self.delivery.put(event)
            else:
                self._ordering.put(event)

    def _become_live(self) -> None:
        self._change("live")
        position = self.progress.position
        if not self.ready.done() and position is not None:
            self.ready.set_result(Ready(position, self.progress.recovered))

    def _change(self, state: SubscriptionState, reason: str | None = None) -> None:
        if self.state in {state, "ended"}:
            return
        self.state = state
        if self._on_state is not None:
            self._emitter.emit_to(self._on_state, SubscriptionChange(state, reason))
