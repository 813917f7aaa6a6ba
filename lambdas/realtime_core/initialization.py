"""Lambda's INIT phase: what a function does when its module loads, ahead of its first invocation.

    _router = build_at_init(build)


    def handler(event, context):
        return _router().reply(...)

Outside limits: INIT has a burst of processor whatever the function's memory, an invocation has a share of
one. INIT may take 10 s; after that, or when the module fails to load, Lambda repeats it inside the first
invocation.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from realtime_core.telemetry.configuration import configure
from realtime_core.telemetry.logs import get_logger

log = get_logger(__name__)

T = TypeVar("T")

WARM_UP_SECONDS = 2.0
"""How long INIT waits for connections; a name server that is down takes far longer than a connect timeout."""


class BuiltAtInit(Generic[T]):
    """Calls `build` with the environment when it is made; a call returns what was built.

    If `build` raises, the module still loads, and each call builds again. So an invocation reports a missing
    setting as clearly as if nothing had been built ahead of it.
    """

    __slots__ = ("_build", "_parts")

    def __init__(self, build: Callable[[Mapping[str, str]], T]) -> None:
        self._build = build
        self._parts: T | None = None
        try:
            self()
        except Exception as error:  # noqa: BLE001 - the invocation raises it, where it is logged and answered
            log.debug("init_failed", reason=f"{type(error).__name__}: {error}")

    def __call__(self) -> T:
        """Return what `build` returned. Raises what it raises, such as SettingsInvalid."""
        if self._parts is None:
            self._parts = self._build(os.environ)
        return self._parts


def build_at_init(build: Callable[[Mapping[str, str]], T]) -> BuiltAtInit[T]:
    """Configure logs and metrics, build a function's parts, and return what hands them to invocations."""
    configure(os.environ)
    return BuiltAtInit(build)


def warm_up(*steps: Callable[[], object]) -> None:
    """Take steps that the first invocation would take otherwise, such as opening a connection.

    Waits for at most `WARM_UP_SECONDS`. A step that raises is logged; the invocation that needs it retries.
    """
    # A thread, because nothing else ends the wait for a name server.
    thread = threading.Thread(target=_take, args=(steps,), name="warm-up", daemon=True)
    thread.start()
    thread.join(WARM_UP_SECONDS)
    if thread.is_alive():
        log.debug("warm_up_unfinished", seconds=WARM_UP_SECONDS)


def _take(steps: tuple[Callable[[], object], ...]) -> None:
    for step in steps:
        started = time.monotonic()
        try:
            step()
        except Exception as error:  # noqa: BLE001 - no step is needed: an invocation does without
            log.debug(
                "warm_up_failed",
                step=getattr(step, "__qualname__", "unknown"),
                reason=f"{type(error).__name__}: {error}",
                milliseconds=round((time.monotonic() - started) * 1000),
            )
