"""The emulator of the local cloud, for adapters: one process for all tests, emptied before each.

Its DynamoDB carries out each call at once or not at all, as AWS's does.
"""

import asyncio
import atexit
import tempfile
import threading
import urllib.request
from functools import cache
from pathlib import Path

from local_cloud.emulator import Emulator

# Neither signatures nor policies are what an adapter is tested for, and a log of each call costs time.
_OPTIONS = {"AUTH": "false", "LOG_LEVEL": "WARNING"}


@cache
def emulator_url():
    """Start the emulator, which ends with this process; the URL."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    folder = tempfile.TemporaryDirectory(prefix="deals-emulator-")

    def run(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    started = run(
        Emulator.start(Path(folder.name), proxy_url="", region="eu-west-1", persist=False, extra=_OPTIONS)
    )
    atexit.register(lambda: (run(started.stop()), folder.cleanup()))
    return started.url


def empty_emulator():
    """Delete everything that is in the emulator."""
    with urllib.request.urlopen(f"{emulator_url()}/_ministack/reset", data=b"") as response:
        assert response.status == 200
