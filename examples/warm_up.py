"""The demo's first events: they find the functions cold, so they are timed apart from the sixty deals."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from deals_client import DealsClient, Event
    from examples.publish_paths import PublishPaths

TOPIC = "demo.warm-up"
ROUNDS = 2
"""In the first round functions start; the second may find those that started beside one another."""
PATIENCE_SECONDS = 30.0


async def wake(paths: PublishPaths) -> None:
    """Publish an event that nobody waits for, so that `broadcast` starts while the first person connects."""
    await paths.publish_by("invoke", _build_event("invoke"))


async def warm_up(paths: PublishPaths, client: DealsClient, console: Console) -> None:
    """Publish an event by each path at once, and wait until all have come; then once more.

    Raises TimeoutError if one does not come.
    """
    times = [await _publish_by_each(paths, client) for _ in range(ROUNDS)]
    cold, warm = (", ".join(f"{path} {ms:.0f} ms" for path, ms in taken.items()) for taken in times)
    console.print(f"[dim]first events, while functions start: {cold}; then: {warm}[/]")


async def _publish_by_each(paths: PublishPaths, client: DealsClient) -> dict[str, float]:
    """Return how long each event took, in milliseconds, by path."""
    began: dict[str, float] = {}
    taken: dict[str, float] = {}
    all_came = asyncio.Event()

    def take(event: Event) -> None:
        path = event.data["path"]
        taken.setdefault(path, (time.monotonic() - began[path]) * 1000)
        if taken.keys() == set(paths.names()):
            all_came.set()

    async def publish(path: str) -> None:
        began[path] = time.monotonic()
        await paths.publish_by(path, _build_event(path))

    async with client.subscribe(TOPIC, on_event=take) as subscription:
        await subscription.ready()
        await asyncio.gather(*map(publish, paths.names()))
        try:
            await asyncio.wait_for(all_came.wait(), PATIENCE_SECONDS)
        except TimeoutError as error:
            missing = ", ".join(path for path in paths.names() if path not in taken)
            raise TimeoutError(
                f"the first event by {missing} did not come within {PATIENCE_SECONDS:g} s"
            ) from error
    return {path: taken[path] for path in paths.names()}


def _build_event(path: str) -> dict[str, Any]:
    return {
        "messageType": "dealUpdate",
        "topic": TOPIC,
        "eventId": uuid.uuid4().hex,
        "data": {"path": path},
    }
