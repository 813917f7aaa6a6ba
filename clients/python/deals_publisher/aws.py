"""Transports through AWS: invoke `broadcast`, or send to its queue. Requires the extra `aws` (boto3)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from deals_publisher.errors import InvalidArgument, NotPublished, PublishError
from deals_publisher.results import Guarantee, Published, read_result
from deals_publisher.validation import encode_json, split_events

if TYPE_CHECKING:
    from types_boto3_lambda.client import LambdaClient
    from types_boto3_sqs.client import SQSClient

ATTEMPTS = 5
"""Of one call, with growing delays; safe, because every event has an id."""
INVOKE_BYTES_MAX = 4 * 1024 * 1024
"""Outside limit: the payload of an invoke has 6 MB."""
MESSAGE_BYTES_MAX = 250_000
"""Outside limit: a message of the queue has 256 KB, of which the envelope takes a few bytes."""
READ_TIMEOUT_SECONDS = 65
"""Longer than the timeout of `broadcast`, one minute."""


class LambdaInvoke:
    """Invokes `broadcast` and waits for its response, which counts the connections that get the event.

    `function` is its name with the alias of the version in service, deals-production-broadcast:live, or that
    alias's ARN: the output `function_arns` of the stack. Without the alias it would be the code uploaded
    last, in service or not. `client` is a Lambda client of boto3 to use instead of the default. The caller
    needs `lambda:InvokeFunction` on the alias, which the output `publisher_policies.invoke` allows.
    """

    def __init__(self, function: str, *, client: LambdaClient | None = None) -> None:
        self._function = _require_text(function, "function", "the name and alias of the broadcast function")
        self._client: Any = client or _create_client("lambda")

    def send(self, event: Mapping[str, Any]) -> Published:
        """Publish one event. Raises Rejected and NotPublished."""
        event_id = str(event["eventId"])
        result = read_result(event_id, self._invoke(event, event_id))
        if isinstance(result, PublishError):
            raise result
        return result

    def send_all(self, events: Sequence[Mapping[str, Any]]) -> list[Published | PublishError]:
        """Publish events, up to a hundred by one invoke."""
        results: list[Published | PublishError] = []
        for part in split_events(events, INVOKE_BYTES_MAX):
            ids = [str(event["eventId"]) for event in part]
            try:
                answers = self._invoke({"events": part}, ids[0])["results"]
                results += [read_result(*one) for one in zip(ids, answers, strict=True)]
            except NotPublished as error:
                results += [NotPublished(event_id, error.reason) for event_id in ids]
        return results

    def _invoke(self, payload: Mapping[str, Any], event_id: str) -> Any:
        """Return the body of the answer. Raises NotPublished."""
        try:
            response = self._client.invoke(FunctionName=self._function, Payload=encode_json(payload).encode())
            answer = json.loads(response["Payload"].read())
        except Exception as error:
            raise _translate_error(error, event_id) from error
        if "FunctionError" in response:
            raise NotPublished(event_id, f"{answer.get('errorType')}: {answer.get('errorMessage')}")
        return json.loads(answer["body"])


class SqsQueue:
    """Sends events to the queue of `broadcast`; returns as soon as the queue has them.

    `url` is the queue's, `client` an SQS client of boto3 to use instead of the default. The caller needs
    `sqs:SendMessage` on the queue, which the output `publisher_policies.queue` allows.
    """

    def __init__(self, url: str, *, client: SQSClient | None = None) -> None:
        self._url = _require_text(url, "url", "the URL of the events queue")
        if not url.startswith(("https://", "http://")):
            raise InvalidArgument("url", f"must be the URL of the events queue, not {url!r:.100}")
        self._client: Any = client or _create_client("sqs")

    def send(self, event: Mapping[str, Any]) -> Published:
        """Queue one event. Raises NotPublished."""
        event_id = str(event["eventId"])
        return Published(event_id, Guarantee.ACCEPTED, reference=self._queue(event, event_id))

    def send_all(self, events: Sequence[Mapping[str, Any]]) -> list[Published | PublishError]:
        """Queue events, up to a hundred in one message."""
        results: list[Published | PublishError] = []
        for part in split_events(events, MESSAGE_BYTES_MAX):
            ids = [str(event["eventId"]) for event in part]
            try:
                # An event alone may fill a message, and needs no envelope.
                message_id = self._queue(part[0] if len(part) == 1 else {"events": part}, ids[0])
            except NotPublished as error:
                results += [NotPublished(event_id, error.reason) for event_id in ids]
            else:
                results += [Published(event_id, Guarantee.ACCEPTED, reference=message_id) for event_id in ids]
        return results

    def _queue(self, body: Mapping[str, Any], event_id: str) -> str:
        """Send a message; returns its id. Raises NotPublished."""
        try:
            response = self._client.send_message(QueueUrl=self._url, MessageBody=encode_json(body))
        except Exception as error:
            raise _translate_error(error, event_id) from error
        return str(response["MessageId"])


def _create_client(service: str) -> Any:
    try:
        import boto3  # noqa: PLC0415 - an extra: imported only if it is used
        from botocore.config import Config  # noqa: PLC0415
        from botocore.exceptions import NoRegionError  # noqa: PLC0415
    except ImportError as error:
        raise ImportError("deals_publisher needs boto3 for this: pip install 'deals-client[aws]'") from error

    retries: Any = {"mode": "standard", "total_max_attempts": ATTEMPTS}
    config = Config(retries=retries, read_timeout=READ_TIMEOUT_SECONDS)
    create: Any = boto3.client
    try:
        return create(service, config=config)
    except NoRegionError as error:
        problem = "is needed if no Region is set: set AWS_REGION or AWS_DEFAULT_REGION, or pass a client"
        raise InvalidArgument("client", problem) from error


def _translate_error(error: Exception, event_id: str) -> Exception:
    """Return NotPublished for an error of AWS, and any other error unchanged."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    if isinstance(error, BotoCoreError | ClientError | json.JSONDecodeError):
        return NotPublished(event_id, f"{type(error).__name__}: {error}")
    return error


def _require_text(value: object, argument: str, expected: str) -> str:
    if isinstance(value, str) and value:
        return value
    raise InvalidArgument(argument, f"must be {expected}")
