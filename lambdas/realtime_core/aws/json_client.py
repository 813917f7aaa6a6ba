"""AWS's JSON protocol on the standard library: the operations that the adapters use, under botocore's names.

What this saves and what it costs: docs/adr/0007-a-small-aws-client-of-our-own.md.
"""

import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from realtime_core.aws import backoff
from realtime_core.aws.credentials import Credentials
from realtime_core.aws.endpoint import Endpoint
from realtime_core.aws.errors import (
    FAULTS,
    THROTTLING,
    AwsError,
    Refused,
    Unreachable,
    is_retryable_status,
)
from realtime_core.aws.http import Connection, HttpPool
from realtime_core.aws.http_response import BadResponse, HttpResponse
from realtime_core.aws.sigv4 import SignedPost
from realtime_core.json_encoding import compact_decoder, compact_encoder
from realtime_core.started_call import StartedCall
from realtime_core.telemetry.logs import get_logger

log = get_logger(__name__)

RETRY_BASE_SECONDS = 0.05
RETRY_CAP_SECONDS = 1.0
_RETRYABLE = THROTTLING | FAULTS

_encode = compact_encoder(ensure_ascii=True, allow_nan=True)
_decode = compact_decoder()


class Service(NamedTuple):
    """A service: its name in signatures, the prefix of X-Amz-Target and the version of its JSON protocol."""

    name: str
    target: str = ""
    version: str = "1.0"


def _operation(name: str) -> Callable[..., Any]:
    def call(self: "JsonClient", **parameters: Any) -> Any:
        return self.call(name, parameters)

    call.__doc__ = f"Call {name} with its parameters as AWS names them. Returns its output. Raises AwsError."
    return call


class AwsClient:
    """Signs, sends and retries requests to one service. Safe to share between threads.

    An attempt that fails for a passing reason, or gets no response, is repeated after a growing, random
    pause. As with any AWS client, an operation may be carried out twice where the first response was lost.
    """

    def __init__(
        self,
        service: Service,
        endpoint: Endpoint,
        region: str,
        credentials: Credentials,
        *,
        connect_timeout: float,
        read_timeout: float,
        attempts: int,
    ) -> None:
        self.endpoint = endpoint
        self.region = region
        self.attempts = attempts
        self.seconds_max = attempts * (connect_timeout + read_timeout)
        """The most that the attempts of one call take together, without the pauses between them."""
        self._service = service
        self._credentials = credentials
        self._http = HttpPool(endpoint, connect_timeout, read_timeout)
        self._posts: dict[str, SignedPost] = {}
        """What signs requests, by operation; credentials stay the same for a process's life."""

    def _exchange(
        self, operation: str, build_request: Callable[[], bytes], sent_on: Connection | None = None
    ) -> HttpResponse:
        """Send a request, up to `attempts` times, and return the response with status 200.

        Each attempt builds its request, since signatures grow old; that of the first may be sent already.
        Raises Refused and Unreachable.
        """
        failure: AwsError | None = None
        for attempt in range(self.attempts):
            if attempt:
                time.sleep(backoff.delay(attempt - 1, RETRY_BASE_SECONDS, RETRY_CAP_SECONDS))

            try:
                response = self._http.receive(sent_on or self._http.send(build_request()))
            except (OSError, BadResponse) as error:
                failure = Unreachable(operation, f"{type(error).__name__}: {error}")
                failure.__cause__ = error
                sent_on = None
                continue
            log.debug("aws_called", operation=operation, attempt=attempt + 1, status=response.status)

            if response.status == 200:
                return response
            sent_on = None
            failure = refusal(operation, response)
            if not (is_retryable_status(response.status) or failure.code in _RETRYABLE):
                break
        assert failure is not None, "every attempt that did not return has failed"  # noqa: S101
        raise failure

    def _post(self, path: str, signed_path: str, headers: dict[str, str]) -> SignedPost:
        """Return what signs POST requests with these headers, to which it adds what all requests have.

        `headers` are by lower-case name. `signed_path` is `path` encoded once more.
        """
        headers |= {"host": self.endpoint.authority, "x-amz-date": ""}
        if self._credentials.token:
            headers["x-amz-security-token"] = self._credentials.token
        return SignedPost(
            self._credentials,
            self.region,
            self._service.name,
            path=path,
            signed_path=signed_path,
            headers=dict(sorted(headers.items())),
        )


class JsonClient(AwsClient):
    """A client of a service that speaks the JSON protocol.

    A transaction carries a token, so that DynamoDB carries it out once however often it is sent.
    """

    batch_get_item = _operation("BatchGetItem")
    batch_write_item = _operation("BatchWriteItem")
    delete_item = _operation("DeleteItem")
    execute_statement = _operation("ExecuteStatement")
    get_item = _operation("GetItem")
    put_item = _operation("PutItem")
    query = _operation("Query")
    scan = _operation("Scan")
    transact_write_items = _operation("TransactWriteItems")
    update_item = _operation("UpdateItem")

    send_message = _operation("SendMessage")
    send_message_batch = _operation("SendMessageBatch")

    get_secret_value = _operation("GetSecretValue")

    put_events = _operation("PutEvents")

    def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Call an operation and return its output. Raises Refused and Unreachable."""
        if operation == "TransactWriteItems":
            parameters = {"ClientRequestToken": os.urandom(16).hex(), **parameters}
        request = partial(self._request, operation, _encode(parameters).encode())
        return _json_object(self._exchange(operation, request).body)

    def start(self, operation: str, parameters: Mapping[str, Any]) -> StartedCall[dict[str, Any]]:
        """Send the request of a read, and return the call, whose output can be waited for later.

        Its result raises as `call` does. What cannot be sent now is sent by then.
        """
        request = partial(self._request, operation, _encode(parameters).encode())
        try:
            sent_on = self._http.send(request())
        except OSError:
            return StartedCall(lambda: self.call(operation, parameters))
        return StartedCall(
            lambda: _json_object(self._exchange(operation, request, sent_on).body),
            partial(self._http.discard, sent_on),
        )

    def connect_ahead(self) -> None:
        """Do what the first call would have to do besides calling. Raises OSError where nobody answers.

        That is to open a connection, and to derive the day's signing key, which a request nobody sends does.
        """
        self._request("DescribeEndpoints", b"{}")
        self._http.open_ahead()

    def _request(self, operation: str, body: bytes) -> bytes:
        post = self._posts.get(operation)
        if post is None:
            post = self._posts[operation] = self._post(
                self.endpoint.path or "/",
                self.endpoint.path or "/",
                {
                    "content-type": f"application/x-amz-json-{self._service.version}",
                    "x-amz-target": f"{self._service.target}.{operation}",
                },
            )
        return post.build(body, time.time())


def refusal(operation: str, response: HttpResponse) -> Refused:
    """Return the error in a response; where it names none, the status is its code."""
    body = _json_object(response.body)
    # REST services name the error in a header.
    name = body.get("__type") or response.error_type
    # `com.amazonaws.dynamodb.v20120810#ThrottlingException`; some services append a URL.
    code = str(name or response.status).rpartition("#")[2].partition(":")[0]
    return Refused(operation, code, response.status, body)


def _json_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body; an empty one where, say, a proxy responded with something else."""
    try:
        value = _decode(body.decode())
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
