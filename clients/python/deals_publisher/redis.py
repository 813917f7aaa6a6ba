"""By Redis or Valkey: the stream, which keeps an event, or a topic's channel. Needs the extra `redis`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from deals_publisher.errors import InvalidArgument, NotPublished
from deals_publisher.results import Guarantee, Published
from deals_publisher.validation import dumps

if TYPE_CHECKING:
    from redis import Redis

STREAM = "deals:events"
CHANNEL_PREFIX = "deals:"
SCHEMES = ("rediss://", "redis://")
ATTEMPTS = 5
ANSWER_SECONDS = 5.0


class _Redis:
    def __init__(self, url: str | None, client: Redis | None, options: dict[str, Any]) -> None:
        if (url is None) == (client is None):
            raise InvalidArgument("url", "give either a URL (rediss://HOST:PORT) or a client")
        if url is not None and not (isinstance(url, str) and url.startswith(SCHEMES)):
            raise InvalidArgument("url", "must be rediss://HOST:PORT, or redis:// without TLS")
        if url is not None and "@" in url.partition("://")[2]:
            raise InvalidArgument("url", "must not hold a password; give username= and password=")
        if client is not None and options:
            raise InvalidArgument(min(options), "is an option of a client that is made here; leave it out")
        self._client: Any = client if url is None else _client(url, options)

    def _perform(self, event_id: str, *command: str) -> Any:
        from redis.exceptions import RedisError  # noqa: PLC0415 - an extra

        try:
            return self._client.execute_command(*command)
        except (RedisError, OSError) as error:
            raise NotPublished(event_id, f"{type(error).__name__}: {error}") from error


class RedisStream(_Redis):
    """Adds events to the stream `deals:events`; returns as soon as Redis has them.

    `url` is `rediss://HOST:PORT`; further options (`username`, `password`, `ssl_ca_certs` …) are those of
    `redis.Redis`. Or give a `client`.
    """

    def __init__(self, url: str | None = None, *, client: Redis | None = None, **options: Any) -> None:
        super().__init__(url, client, options)

    def send(self, event: Mapping[str, Any]) -> Published:
        """Add one event."""
        event_id = str(event["eventId"])
        entry_id = self._perform(event_id, "XADD", STREAM, "*", "event", dumps(event))
        return Published(event_id, Guarantee.ACCEPTED, reference=_text(entry_id))


class RedisChannel(_Redis):
    """Publishes events on their topic's channel `deals:TOPIC`: the fastest way, and nobody keeps them.

    Arguments are those of `RedisStream`. Only topics have channels, people have none.
    """

    def __init__(self, url: str | None = None, *, client: Redis | None = None, **options: Any) -> None:
        super().__init__(url, client, options)

    def send(self, event: Mapping[str, Any]) -> Published:
        """Publish one event. `listeners` of the result is 0 where it is lost."""
        if "topic" not in event:
            raise InvalidArgument(
                "transport", "a Redis channel reaches topics only; use RedisStream, SqsQueue or LambdaInvoke"
            )
        event_id = str(event["eventId"])
        heard = self._perform(event_id, "PUBLISH", CHANNEL_PREFIX + event["topic"], dumps(event))
        return Published(event_id, Guarantee.AT_MOST_ONCE, listeners=int(heard))


def _client(url: str, options: dict[str, Any]) -> Redis:
    try:
        from redis import Redis  # noqa: PLC0415 - an extra, needed by those alone who use it
        from redis.backoff import ExponentialWithJitterBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415
    except ImportError as error:
        raise ImportError(
            "deals_publisher needs redis for this: pip install 'deals-publisher[redis]'"
        ) from error
    usual: dict[str, Any] = {
        "socket_timeout": ANSWER_SECONDS,
        "socket_connect_timeout": ANSWER_SECONDS,
        # Safe, since every event has an id.
        "retry": Retry(ExponentialWithJitterBackoff(base=0.05, cap=1.0), ATTEMPTS - 1),
    }
    return Redis.from_url(url, **(usual | options))


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
