"""Whether a connection that was idle still takes a request.

The other side closes idle connections, and a function is frozen for minutes between two invocations: its
connections end meanwhile without its notice. So a connection is looked at before it is used, is not used
after it was idle for long, and if it fails before the first byte of a response, the request goes out on a
new one. That may carry a request out twice, as any retry may. All that are sent here can be: a transaction
has a token, another write to DynamoDB or Redis sets what it set before or has a condition, and a message
that is queued twice, or an event that is published twice, has an id. At worst a rate limit counts an action
twice.
"""

import select
import socket
import ssl
import time

_BLOCKED = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Watch:
    """Watches one open connection; kept as long as it is, because to begin costs more than to look."""

    __slots__ = ("_poll", "_socket")

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        self._poll = select.poll()
        self._poll.register(opened, select.POLLIN)

    def is_alive(self) -> bool:
        """Whether nothing was received while it was idle: no end, no error, and no bytes but TLS's own."""
        return not self._poll.poll(0) or has_received_nothing(self._socket)


def has_received_nothing(opened: socket.socket) -> bool:
    """Whether an idle connection that is readable has received nothing but, say, tickets of TLS sessions."""
    timeout = opened.gettimeout()
    try:
        opened.settimeout(0.0)
        opened.recv(1)
    except _BLOCKED:
        opened.settimeout(timeout)
        return True
    except OSError:
        pass
    return False


def was_idle_for_long(since: float, seconds_max: float) -> bool:
    """Whether a connection has been idle since a time of day (epoch seconds) for longer than trusted.

    By the time of day, since nobody says what a monotonic clock does while a function is frozen. Where the
    time of day was set back, the age is unknown: that counts as long.
    """
    return not 0 <= time.time() - since < seconds_max


def is_stale(error: OSError) -> bool:
    """Whether an error before the first byte of a response means that the connection had ended before.

    Any does but a timeout of ours, which says that the other side is slow; one of TCP's has a number.
    """
    return not (isinstance(error, TimeoutError) and error.errno is None)
