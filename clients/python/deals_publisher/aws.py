"""By AWS: invoking `broadcast`, or its queue. Needs the extra `aws` (boto3)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from deals_publisher.errors import InvalidArgument, NotPublished, Rejected
from deals_publisher.results import Guarantee, Published
from deals_publisher.validation import dumps

if TYPE_CHECKING:
    from types_boto3_lambda.client import LambdaClient
    from types_boto3_sqs.client import SQSClient

ATTEMPTS = 5
"""Of one call, with growing pauses between; safe, since every event has an id."""
ANSWER_SECONDS = 65
"""`broadcast` takes a minute at most."""


class LambdaInvoke:
    """Invokes `broadcast` and waits for its answer; the caller learns who got the event.

    `function` is its name or ARN, `client` a Lambda client of boto3 where the default one will not do. The
    caller needs `lambda:InvokeFunction` on it.
    """

    def __init__(self, function: str, *, client: LambdaClient | None = None) -> None:
        self._function = _said(function, "function", "the name or ARN of the broadcast function")
        self._client: Any = client or _client("lambda")

    def send(self, event: Mapping[str, Any]) -> Published:
        """Invoke, and read the answer."""
        event_id = str(event["eventId"])
        try:
            answer = self._client.invoke(FunctionName=self._function, Payload=dumps(event).encode())
            payload = json.loads(answer["Payload"].read())
        except Exception as error:
            raise _failed(error, event_id) from error
        if "FunctionError" in answer:
            raise NotPublished(event_id, f"{payload.get('errorType')}: {payload.get('errorMessage')}")
        body = json.loads(payload["body"])
        if payload["statusCode"] != 200:
            raise Rejected(event_id, body["errors"])
        return Published(
            event_id,
            Guarantee.PUBLISHED,
            position=body.get("position"),
            delivered=body["delivered"],
            queued=body["queued"],
        )


class SqsQueue:
    """Puts events on the queue of `broadcast`; returns as soon as the queue has them.

    `url` is the queue's, `client` an SQS client of boto3 where the default one will not do. The caller needs
    `sqs:SendMessage` on it.
    """

    def __init__(self, url: str, *, client: SQSClient | None = None) -> None:
        self._url = _said(url, "url", "the URL of the events queue")
        if not url.startswith(("https://", "http://")):
            raise InvalidArgument("url", f"must be the URL of the events queue, not {url!r:.100}")
        self._client: Any = client or _client("sqs")

    def send(self, event: Mapping[str, Any]) -> Published:
        """Queue one event."""
        event_id = str(event["eventId"])
        try:
            answer = self._client.send_message(QueueUrl=self._url, MessageBody=dumps(event))
        except Exception as error:
            raise _failed(error, event_id) from error
        return Published(event_id, Guarantee.ACCEPTED, reference=answer["MessageId"])


def _client(service: str) -> Any:
    try:
        import boto3  # noqa: PLC0415 - an extra, needed by those alone who use it
        from botocore.config import Config  # noqa: PLC0415
        from botocore.exceptions import NoRegionError  # noqa: PLC0415
    except ImportError as error:
        raise ImportError(
            "deals_publisher needs boto3 for this: pip install 'deals-publisher[aws]'"
        ) from error
    retries: Any = {"mode": "standard", "total_max_attempts": ATTEMPTS}
    config = Config(retries=retries, read_timeout=ANSWER_SECONDS)
    made: Any = boto3.client
    try:
        return made(service, config=config)
    except NoRegionError as error:
        problem = "is needed where no Region is set: set AWS_REGION or AWS_DEFAULT_REGION, or give one"
        raise InvalidArgument("client", problem) from error


def _failed(error: Exception, event_id: str) -> Exception:
    """What a failed call becomes; what is no failure of AWS stays what it is."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    if isinstance(error, BotoCoreError | ClientError | json.JSONDecodeError):
        return NotPublished(event_id, f"{type(error).__name__}: {error}")
    return error


def _said(value: object, argument: str, expected: str) -> str:
    if isinstance(value, str) and value:
        return value
    raise InvalidArgument(argument, f"must be {expected}")
