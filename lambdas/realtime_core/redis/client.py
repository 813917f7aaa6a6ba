"""A client for the hot path: one connection, pipelines, and hiredis to read the answers.

Why not redis-py is told in docs/adr/0016-hiredis-without-redis-py.md.
"""

from __future__ import annotations

import hashlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from realtime_core.aws.client import client
from realtime_core.aws.endpoint import tls_context, use_system_authorities
from realtime_core.errors import ServiceError, SettingsInvalid
from realtime_core.redis.errors import RedisFault, refusal
from realtime_core.redis.login import credentials_provider

if TYPE_CHECKING:
    import hiredis

    from realtime_core.redis.login import CredentialsProvider
    from realtime_core.redis.settings import RedisAddress, RedisSettings


CONNECT_SECONDS = 0.3

READ_SECONDS = 0.5
"""How long Redis may keep silent: it answers in less than a millisecond, or is in trouble."""

ANSWER_SECONDS = 0.8
"""How long all answers of a pipeline may take, beside what their bytes take at BYTES_PER_SECOND_MIN."""

BYTES_PER_SECOND_MIN = 10_000_000

RECEIVE_BYTES = 256 * 1024

Command = Sequence[str | int | bytes]


class Script:
    """A Lua script, known by its hash; `call` makes the command that runs it."""

    def __init__(self, text: str) -> None:
        self.text = text
        # How Redis names scripts (redis.io/commands/evalsha); no secret hangs on it.
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def call(self, keys: Sequence[str], arguments: Sequence[str | int]) -> Command:
        """The command. Its client must have been given the script."""
        return ("EVALSHA", self.sha, len(keys), *keys, *arguments)


class RedisClient:
    """One connection to Redis, opened when it is needed. May be shared between threads, which take turns.

    Nothing is tried twice: who calls knows whether that would do harm, and what to do without Redis.
    """

    def __init__(
        self,
        address: RedisAddress,
        credentials_provider: CredentialsProvider,
        *,
        scripts: Sequence[Script] = (),
        answer_seconds: float = ANSWER_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address, self._logins, self._scripts = address, credentials_provider, scripts
        self._answer_seconds = answer_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._reader: hiredis.Reader | None = None

    def ask(self, commands: Sequence[Command]) -> list[Any]:
        """The replies to a pipeline of commands, in order, with texts as str.

        Raises RedisFault where Redis cannot be reached in time, or refuses one of the commands (those before
        and after it may have been done).
        """
        if not commands:
            return []
        with self._lock:
            try:
                if self._socket is None or _closed(self._socket):
                    self._open()
                return self._exchange(commands)
            except RedisFault:
                self._close()
                raise
            except ServiceError as error:
                self._close()
                raise RedisFault("login", str(error)) from error
            except TimeoutError as error:
                self._close()
                raise RedisFault("timeout", "no answer in time") from error
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
        """Close the connection; the next pipeline opens another."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = self._reader = None

    def _open(self) -> None:
        # Here, because who has no Redis ships no parser for it.
        import hiredis  # noqa: PLC0415

        self._close()
        login = self._logins.login()
        address = self._address
        opened = socket.create_connection((address.host, address.port), CONNECT_SECONDS)
        self._socket = opened
        opened.settimeout(READ_SECONDS)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if address.tls:
            # The handshake closes the plain socket where it fails.
            self._socket = tls_context(address.host).wrap_socket(opened, server_hostname=address.host)
        self._reader = hiredis.Reader(encoding="utf-8", errors="surrogateescape")
        greeting: list[Command] = []
        if login.password is not None:
            greeting.append(("AUTH", *filter(None, (login.username,)), login.password))
        greeting += [("SCRIPT", "LOAD", script.text) for script in self._scripts]
        if greeting:
            self._exchange(greeting)

    def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        from hiredis import HiredisError, ReplyError, pack_command  # noqa: PLC0415

        assert self._socket is not None, "the connection was opened before"  # noqa: S101
        assert self._reader is not None, "a reader was made with it"  # noqa: S101
        started = self._clock()
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
                    raise ConnectionResetError("closed in the middle of an answer")
                received += len(data)
                if self._clock() - started > self._answer_seconds + received / BYTES_PER_SECOND_MIN:
                    raise TimeoutError
                self._reader.feed(data)
        except HiredisError as error:
            raise RedisFault("protocol", "what came is no answer of Redis") from error
        for reply in replies:
            if isinstance(reply, ReplyError):
                raise refusal(str(reply))
        return replies


def _closed(open_socket: socket.socket) -> bool:
    """Whether the other side has hung up, as it may on a function that was frozen; nothing else is due."""
    try:
        return bool(select.select([open_socket], [], [], 0)[0])
    except (OSError, ValueError):
        return True


# Whoever waits for the password could go on without Redis meanwhile.
SECRET_OPTIONS = {"connect_timeout": 0.3, "read_timeout": 0.5, "attempts": 1}


def redis_client(
    settings: RedisSettings, scripts: Sequence[Script] = (), answer_seconds: float = ANSWER_SECONDS
) -> RedisClient:
    """A client, not connected yet. Raises SettingsInvalid where no Redis is named, or half of one."""
    if settings.redis_url is None:
        raise SettingsInvalid("REDIS_URL is not set; set it to rediss://HOST:PORT without name or password")
    secrets = credentials_provider(settings, lambda: client("secretsmanager", **SECRET_OPTIONS))
    return RedisClient(settings.redis_url, secrets, scripts=scripts, answer_seconds=answer_seconds)


FIRST_SECONDS = 2.0

LONGEST_SECONDS = 30.0


class Breaker:
    """Closed until a fault; then open for two seconds, doubled by each further fault up to half a minute.

    When that time is over the next caller tries: it is the probe, and what comes of it decides.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wait = FIRST_SECONDS
        self._open_until = 0.0
        self.reason: str | None = None
        """Why it opened; None while all is well."""

    def allows(self) -> bool:
        """Whether to try."""
        return self.reason is None or self._clock() >= self._open_until

    def failed(self, reason: str) -> None:
        """Open, for longer than the last time."""
        if self.reason is not None:
            self._wait = min(self._wait * 2, LONGEST_SECONDS)
        self.reason = reason
        self._open_until = self._clock() + self._wait

    def succeeded(self) -> None:
        """Close."""
        self.reason = None
        self._wait = FIRST_SECONDS
