"""Ends a process group when standard input ends: `python watchdog.py GROUP`.

The owner of the group holds the other end of that pipe, so the group ends with its owner, even when the
owner is killed. This needs nothing that only Linux has.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

# The emulator saves its state on SIGTERM; this is how long it may take.
GRACE_S = 15.0


def main(group: int) -> None:
    """Wait for the end of standard input, then send the group SIGTERM, and SIGKILL after GRACE_S."""
    # A terminal's Ctrl-C reaches the whole foreground group, but only the owner decides when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while os.read(0, 4096):
        pass

    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_S
        while time.monotonic() < deadline:
            time.sleep(0.05)
            os.killpg(group, 0)  # raises once the group is gone
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]))
