"""The conformance suite's server on a thread of its own, for a test whose client blocks its thread."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager

from clients.conformance.runner.server import ScenarioServer
from clients.conformance.runner.service import Service


@contextmanager
def running_server():
    """A server, whose `run` waits for a coroutine on its own loop."""
    loop, server = asyncio.new_event_loop(), ScenarioServer(Service())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(10)

    run(server.__aenter__())
    server.run = run
    try:
        yield server
    finally:
        run(server.__aexit__())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
