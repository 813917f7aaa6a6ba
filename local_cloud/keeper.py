"""Ends a process group when standard input ends: `python keeper.py GROUP`.

Whoever starts it holds the other end of that pipe, so the group ends with its owner, however that
ended, on every POSIX system and without a signal that only Linux has.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

# The emulator saves its state when it is asked to end.
GRACE_S = 15.0


def main(group: int) -> None:
    """Wait for the end of input; then ask the group to end, and make it end."""
    # A terminal's Ctrl-C reaches all of its processes; only the owner decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while os.read(0, 4096):
        pass
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_S
        while time.monotonic() < deadline:
            time.sleep(0.05)
            os.killpg(group, 0)  # raises when it has ended
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]))
