"""Tasks that end when they are told to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine


def going_on() -> bool:
    """Whether the current task was not told to end; asked by every loop that speaks to Redis.

    Outside limit: redis-py's asyncio client loses a cancellation that comes while it gives a connection back
    (seen with 8.1 on Python 3.11), and the loop around it would go on for ever.
    """
    task = asyncio.current_task()
    return task is None or not task.cancelling()


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def first_of(*work: Coroutine[Any, Any, None] | asyncio.Task[None]) -> None:
    """Wait until the first of these ends; those that were given as coroutines end with it.

    Raises what it raised, without the groups that TaskGroup makes.
    """
    tasks = [one if isinstance(one, asyncio.Task) else asyncio.create_task(one) for one in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if (error := task.exception()) is not None:
                while isinstance(error, BaseExceptionGroup):
                    error = error.exceptions[0]
                raise error
    finally:
        await end(*(task for task, one in zip(tasks, work, strict=True) if task is not one))
