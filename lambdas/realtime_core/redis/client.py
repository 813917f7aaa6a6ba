"""A Redis client for the hot path: one connection, pipelines, and hiredis to parse replies.

Why it does not use redis-py: docs/adr/0016-hiredis-without-redis-py.md.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from realtime_core.aws.client import client
from realtime_core.aws.endpoint import tls_context, use_system_authorities
from realtime_core.aws.idle_connections import Watch, is_stale, was_idle_for_long
from realtime_core.errors import ServiceError, SettingsInvalid
from realtime_core.redis.credentials import credentials_provider
from realtime_core.redis.errors import RedisFault, refusal

if TYPE_CHECKING:
    import hiredis

    from realtime_core.redis.credentials import CredentialsProvider
    from realtime_core.redis.settings import RedisAddress, RedisSettings


CONNECT_SECONDS = 0.3
READ_SECONDS = 0.5
"""The timeout of a read. A healthy Redis replies in less than a millisecond."""
REPLY_SECONDS = 0.8
"""The timeout of a whole pipeline, plus the time that its bytes take at BYTES_PER_SECOND_MIN."""
BYTES_PER_SECOND_MIN = 10_000_000
RECEIVE_BYTES = 256 * 1024
IDLE_SECONDS_MAX = 60.0
"""How long an idle connection is trusted. ElastiCache closes none by default, but it patches its servers and
fails over, which a frozen function does not notice. A new connection takes a few milliseconds."""

# Short, because the function can continue without Redis instead of waiting for the password.
SECRET_OPTIONS = {"connect_timeout": 0.3, "read_timeout": 0.5, "attempts": 1}

Command = Sequence[str | int | bytes]


class Script:
    """A Lua script, identified by its hash."""

    def __init__(self, text: str) -> None:
        self.text = text
        # Redis identifies scripts by SHA-1 (redis.io/commands/evalsha); this is not a security measure.
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def call(self, keys: Sequence[str], arguments: Sequence[str | int]) -> Command:
        """The command that runs the script, for a client that was created with it."""
        return ("EVALSHA", self.sha, len(keys), *keys, *arguments)


class RedisClient:
    """One connection to Redis, opened when it is first needed. Threads may share it and take turns.

    The client does not retry: its caller knows what to do without Redis. But where the connection ended
    while it was idle, the pipeline goes out on a new one. Redis may then have executed it twice, which every
    command of ours can be (`aws.idle_connections`).
    """

    def __init__(
        self,
        address: RedisAddress,
        credentials_provider: CredentialsProvider,
        *,
        scripts: Sequence[Script] = (),
        reply_seconds: float = REPLY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address, self._credentials_provider, self._scripts = address, credentials_provider, scripts
        self._reply_seconds = reply_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._watch: Watch | None = None
        self._reader: hiredis.Reader | None = None
        self._idle_since = 0.0
        self._has_replied = False

    def execute(self, commands: Sequence[Command]) -> list[Any]:
        """Execute a pipeline of commands; returns the replies in order, with strings as str.

        Raises RedisFault if Redis does not reply in time or rejects a command; the other commands may have
        been executed.
        """
        if not commands:
            return []

        with self._lock:
            try:
                return self._execute(commands)
            except RedisFault:
                self._close()
                raise
            except ServiceError as error:
                self._close()
                raise RedisFault("login", str(error)) from error
            except TimeoutError as error:
                self._close()
                raise RedisFault("timeout", "no reply in time") from error
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
                self._close()
                raise RedisFault("closed", "the connection ended") from error
            except ssl.SSLError as error:
                self._close()
                if isinstance(error, ssl.SSLCertVerificationError):
                    use_system_authorities()
                raise RedisFault("tls", f"TLS failed: {error.reason}") from error
            except OSError as error:
                self._close()
                reason = "refused" if isinstance(error, ConnectionRefusedError) else "closed"
                raise RedisFault(reason, f"{type(error).__name__}: {error.strerror or error}") from error

    def close(self) -> None:
        """Close the connection; the next pipeline opens a new one."""
        with self._lock:
            self._close()

    def _execute(self, commands: Sequence[Command]) -> list[Any]:
        if self._watch is not None and self._is_usable(self._watch):
            try:
                return self._exchange(commands)
            except OSError as error:
                if self._has_replied or not is_stale(error):
                    raise
        self._open()
        return self._exchange(commands)

    def _is_usable(self, watch: Watch) -> bool:
        """Whether the connection is recent, and still open as far as one can see."""
        return not was_idle_for_long(self._idle_since, IDLE_SECONDS_MAX) and watch.is_alive()

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = self._watch = self._reader = None

    def _open(self) -> None:
        # Imported here, because functions without Redis are packaged without hiredis.
        import hiredis  # noqa: PLC0415

        self._close()
        credentials = self._credentials_provider.credentials()
        address = self._address
        connection = socket.create_connection((address.host, address.port), CONNECT_SECONDS)
        self._socket = connection
        connection.settimeout(READ_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if address.tls:
            # A failed handshake closes the plain socket.
            self._socket = tls_context(address.host).wrap_socket(connection, server_hostname=address.host)
        self._watch = Watch(self._socket)
        self._reader = hiredis.Reader(encoding="utf-8", errors="surrogateescape")

        handshake: list[Command] = []
        if credentials.password is not None:
            handshake.append(("AUTH", *filter(None, (credentials.username,)), credentials.password))
        handshake += [("SCRIPT", "LOAD", script.text) for script in self._scripts]
        if handshake:
            self._exchange(handshake)

    def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        from hiredis import HiredisError, ReplyError, pack_command  # noqa: PLC0415

        assert self._socket is not None, "opened by the caller"  # noqa: S101
        assert self._reader is not None, "created with the connection"  # noqa: S101
        started = self._clock()
        self._has_replied = False
        self._socket.sendall(b"".join([pack_command(tuple[Any, ...](command)) for command in commands]))

        replies: list[Any] = []
        received = 0
        try:
            while True:
                reply = self._reader.gets()
                if reply is not False:
                    replies.append(reply)
                    if len(replies) == len(commands):
                        break
                    continue
                data = self._socket.recv(RECEIVE_BYTES)
                if not data:
                    raise ConnectionResetError("closed in the middle of a reply")
                received += len(data)
                self._has_replied = True
                if self._clock() - started > self._reply_seconds + received / BYTES_PER_SECOND_MIN:
                    raise TimeoutError
                self._reader.feed(data)
        # For a map as the name of a map, and for a list of billions, hiredis does not raise its own error.
        except (HiredisError, TypeError, MemoryError) as error:
            raise RedisFault("protocol", "not a reply of Redis") from error

        self._idle_since = time.time()
        for reply in replies:
            if isinstance(reply, ReplyError):
                raise refusal(str(reply))
        return replies


def redis_client(
    settings: RedisSettings, scripts: Sequence[Script] = (), reply_seconds: float = REPLY_SECONDS
) -> RedisClient:
    """A client for the settings, not connected yet. Raises SettingsInvalid if they are incomplete."""
    if settings.redis_url is None:
        raise SettingsInvalid("REDIS_URL is not set; set it to rediss://HOST:PORT without name or password")
    provider = credentials_provider(settings, lambda: client("secretsmanager", **SECRET_OPTIONS))
    return RedisClient(settings.redis_url, provider, scripts=scripts, reply_seconds=reply_seconds)
