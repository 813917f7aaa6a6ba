"""Transports through Redis or Valkey: a durable stream, or channels. Requires the extra `redis`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from deals_publisher.errors import InvalidArgument, NotPublished, PublishError
from deals_publisher.results import Guarantee, Published
from deals_publisher.validation import encode_json

if TYPE_CHECKING:
    from redis import Redis

STREAM = "deals:events"
CHANNEL_PREFIX = "deals:"
SCHEMES = ("rediss://", "redis://")
ATTEMPTS = 5
TIMEOUT_SECONDS = 5.0


class _RedisTransport:
    """The client that both transports share, and how its errors are reported."""

    def __init__(self, url: str | None, client: Redis | None, options: dict[str, Any]) -> None:
        if (url is None) == (client is None):
            raise InvalidArgument("url", "pass either a URL (rediss://HOST:PORT) or a client")
        given: object = url
        if url is not None and not (isinstance(given, str) and given.startswith(SCHEMES)):
            raise InvalidArgument("url", "must be rediss://HOST:PORT, or redis:// without TLS")
        if url is not None and "@" in url.partition("://")[2]:
            raise InvalidArgument("url", "must not contain a password; pass username= and password=")
        if client is not None and options:
            raise InvalidArgument(
                min(options), "is an option for connecting to a URL; set it on the client instead"
            )
        self._client: Any = client if url is None else _create_client(url, options)

    def send_all(self, events: Sequence[Mapping[str, Any]]) -> list[Published | PublishError]:
        """Send events by one pipeline. Where it fails, any of them may have been sent."""
        from redis.exceptions import RedisError  # noqa: PLC0415 - an extra

        commands = [self._command(event) for event in events]
        try:
            with self._client.pipeline(transaction=False) as pipe:
                for command in commands:
                    pipe.execute_command(*command)
                replies: list[Any] = pipe.execute(raise_on_error=False)
        except (RedisError, OSError) as error:
            replies = [error] * len(events)
        return [
            NotPublished(str(event["eventId"]), f"{type(reply).__name__}: {reply}")
            if isinstance(reply, Exception)
            else self._published(str(event["eventId"]), reply)
            for event, reply in zip(events, replies, strict=True)
        ]

    def _command(self, event: Mapping[str, Any]) -> tuple[str, ...]:
        """The command that sends an event."""
        raise NotImplementedError

    def _published(self, event_id: str, reply: Any) -> Published:
        """The result of an event, from the reply to its command."""
        raise NotImplementedError

    def send(self, event: Mapping[str, Any]) -> Published:
        """Send one event. Raises NotPublished."""
        event_id = str(event["eventId"])
        return self._published(event_id, self._execute(event_id, *self._command(event)))

    def _execute(self, event_id: str, *command: str) -> Any:
        """Execute a command of Redis. Raises NotPublished."""
        from redis.exceptions import RedisError  # noqa: PLC0415 - an extra

        try:
            return self._client.execute_command(*command)
        except (RedisError, OSError) as error:
            raise NotPublished(event_id, f"{type(error).__name__}: {error}") from error


class RedisStream(_RedisTransport):
    """Adds events to the stream `deals:events`; returns as soon as Redis has them.

    `url` is `rediss://HOST:PORT`; further options (`username`, `password`, `ssl_ca_certs` …) are those of
    `redis.Redis`. Or pass a `client` instead.
    """

    def __init__(self, url: str | None = None, *, client: Redis | None = None, **options: Any) -> None:
        super().__init__(url, client, options)

    def _command(self, event: Mapping[str, Any]) -> tuple[str, ...]:
        return "XADD", STREAM, "*", "event", encode_json(event)

    def _published(self, event_id: str, reply: Any) -> Published:
        return Published(event_id, Guarantee.ACCEPTED, reference=_decode(reply))


class RedisChannel(_RedisTransport):
    """Publishes events to the channel of their topic, `deals:TOPIC`: the fastest path, but not durable.

    An event is lost if `listeners` of its result is 0.

    The arguments are those of `RedisStream`. There are channels for topics only, not for users.
    """

    def __init__(self, url: str | None = None, *, client: Redis | None = None, **options: Any) -> None:
        super().__init__(url, client, options)

    def _command(self, event: Mapping[str, Any]) -> tuple[str, ...]:
        if "topic" not in event:
            raise InvalidArgument(
                "transport", "a Redis channel reaches topics only; use RedisStream, SqsQueue or LambdaInvoke"
            )
        return "PUBLISH", CHANNEL_PREFIX + event["topic"], encode_json(event)

    def _published(self, event_id: str, reply: Any) -> Published:
        return Published(event_id, Guarantee.AT_MOST_ONCE, listeners=int(reply))


def _create_client(url: str, options: dict[str, Any]) -> Redis:
    try:
        from redis import Redis  # noqa: PLC0415 - an extra: imported only if it is used
        from redis.backoff import ExponentialWithJitterBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415
    except ImportError as error:
        raise ImportError(
            "deals_publisher needs redis for this: pip install 'deals-client[redis]'"
        ) from error

    defaults: dict[str, Any] = {
        "socket_timeout": TIMEOUT_SECONDS,
        "socket_connect_timeout": TIMEOUT_SECONDS,
        # Safe, because every event has an id.
        "retry": Retry(ExponentialWithJitterBackoff(base=0.05, cap=1.0), ATTEMPTS - 1),
    }
    untyped: Any = Redis  # whose `from_url` has options without types
    return cast("Redis", untyped.from_url(url, **(defaults | options)))


def _decode(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
