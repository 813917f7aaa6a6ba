"""Calls the application's handlers, whose errors never reach the client's own work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from inspect import isawaitable
from typing import Any, TypeAlias

from deals_client.values import Cancel, ClientWarning

Handler: TypeAlias = Callable[[Any], Awaitable[None] | None]

_log = logging.getLogger("deals_client")


class Tasks:
    """The client's tasks, referenced until they end."""

    def __init__(self, on_error: Callable[[BaseException], None]) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._on_error = on_error

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run work in the background; its error is reported."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._end)
        return task

    def cancel(self, *, but: asyncio.Task[Any] | None = None) -> None:
        """Cancel all tasks but one."""
        for task in self._tasks - {but}:
            task.cancel()

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_error(error)


class Emitter:
    """Handlers by the name of what they listen to."""

    NAMES = ("state", "message", "notification", "messageStatus", "warning")

    def __init__(self) -> None:
        self._handlers: dict[str, list[Handler]] = {name: [] for name in self.NAMES}
        self.tasks: Tasks = Tasks(self._report)
        self.is_silent = False
        """Set when the client is closed: nothing is emitted afterwards."""
        self._is_reporting = False

    def on(self, name: str, handler: Handler) -> Cancel:
        """Add a handler; returns the function that removes it."""
        if name not in self._handlers:
            raise ValueError(f"name: must be one of {', '.join(self.NAMES)}, not {name!r}")
        handlers, entry = self._handlers[name], handler
        handlers.append(entry)

        def off() -> None:
            if entry in handlers:
                handlers.remove(entry)

        return off

    def has(self, *names: str) -> bool:
        """Whether anything listens to one of these."""
        return any(self._handlers[name] for name in names)

    def emit(self, name: str, value: Any) -> None:
        """Call the handlers of a name, in their order."""
        for handler in tuple(self._handlers[name]):
            self.emit_to(handler, value)

    def emit_to(self, handler: Handler, value: Any) -> None:
        """Call one handler; what a coroutine function does goes on in the background."""
        if self.is_silent:
            return
        awaitable = self.call(handler, value)
        if awaitable is not None:
            self.tasks.start(_wait(awaitable))

    def call(self, handler: Handler, value: Any) -> Awaitable[None] | None:
        """Call one handler; returns what is to be awaited. Its error becomes a warning."""
        try:
            result = handler(value)
        except Exception as error:  # noqa: BLE001 - the application's own, of any kind
            self._report(error)
            return None
        return result if isawaitable(result) else None

    def warn(self, code: str, message: str, error: BaseException | None = None) -> None:
        """Tell what is nobody's call."""
        _log.warning("%s: %s", code, message, exc_info=error)
        self.emit("warning", ClientWarning(code, message, error))

    def _report(self, error: BaseException) -> None:
        # A handler of warnings that raises must not call itself for ever.
        if self._is_reporting:
            _log.warning("a handler of warnings raised", exc_info=error)
            return
        self._is_reporting = True
        try:
            self.warn("handlerFailed", repr(error), error)
        finally:
            self._is_reporting = False


async def _wait(awaitable: Awaitable[None]) -> None:
    await awaitable
