"""AWS's JSON protocol on the standard library: the operations that the adapters use, as botocore names them.

For what this gives up and what it saves see docs/adr/0007-a-small-aws-client-of-our-own.md.
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from realtime_core.aws import backoff
from realtime_core.aws.credentials import Credentials
from realtime_core.aws.endpoint import Endpoint
from realtime_core.aws.errors import AwsError, Refused, Unreachable
from realtime_core.aws.http import Answer, BadResponse, HttpPool
from realtime_core.aws.sigv4 import authorization, stamp_of
from realtime_core.telemetry.logs import get_logger

log = get_logger(__name__)

RETRY_BASE_SECONDS = 0.05
RETRY_CAP_SECONDS = 1.0

# Built once: json.dumps builds its encoder anew on each call that has options.
_encode = json.JSONEncoder(separators=(",", ":")).encode
_decode = json.JSONDecoder().decode

# AWS says of these that another attempt may go well; of statuses, those from 500 on and 429.
_PASSING = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "InternalServiceError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)


class Service(NamedTuple):
    """A service that speaks the protocol: what it is called where requests are signed, and in them."""

    name: str
    target: str = ""
    version: str = "1.0"


def _operation(name: str) -> Callable[..., Any]:
    def call(self: "JsonClient", **parameters: Any) -> Any:
        return self.call(name, parameters)

    call.__doc__ = f"Call {name} with its parameters as AWS names them; its answer. Raises AwsError."
    return call


class AwsClient:
    """What a client of any service does: sign, send, and try again. Safe to share between threads.

    An attempt that fails for a passing reason, or gets no answer, is repeated with growing, random pauses.
    That may do an operation twice where the first answer was lost, as with any AWS client.
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
        """How long the attempts of one call may take, the pauses between them aside."""
        self._service = service
        self._credentials = credentials
        self._http = HttpPool(endpoint, connect_timeout, read_timeout)

    def _exchange(self, operation: str, request: Callable[[], bytes]) -> Answer:
        """The answer to a request, which is made anew for each attempt. Raises Refused and Unreachable."""
        failure: AwsError | None = None
        for attempt in range(self.attempts):
            if attempt:
                time.sleep(backoff.delay(attempt - 1, RETRY_BASE_SECONDS, RETRY_CAP_SECONDS))
            try:
                answer = self._http.exchange(request())
            except (OSError, BadResponse) as error:
                failure = Unreachable(operation, f"{type(error).__name__}: {error}")
                failure.__cause__ = error
                continue
            log.debug("aws_called", operation=operation, attempt=attempt + 1, status=answer.status)
            if answer.status == 200:
                return answer
            failure = refusal(operation, answer)
            if not (answer.status >= 500 or answer.status == 429 or failure.code in _PASSING):
                break
        assert failure is not None, "what did not return has failed"  # noqa: S101
        raise failure

    def _signed(self, path: str, signed_path: str, headers: dict[str, str], body: bytes) -> bytes:
        """A POST with `headers`, by their lower-case names and in the order of these.

        `host` and `x-amz-date` are among them; the token of credentials that do not last is, where there is
        one. `signed_path` is `path` encoded once more.
        """
        headers["authorization"] = authorization(
            self._credentials,
            self.region,
            self._service.name,
            stamp=headers["x-amz-date"],
            method="POST",
            path=signed_path,
            headers=headers,
            body=body,
        )
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        return f"POST {path} HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body


class JsonClient(AwsClient):
    """A client of a service that speaks the JSON protocol.

    Transactions carry a token by which DynamoDB does them once, however often they are sent.
    """

    batch_get_item = _operation("BatchGetItem")
    batch_write_item = _operation("BatchWriteItem")
    delete_item = _operation("DeleteItem")
    get_item = _operation("GetItem")
    put_item = _operation("PutItem")
    query = _operation("Query")
    scan = _operation("Scan")
    transact_write_items = _operation("TransactWriteItems")
    update_item = _operation("UpdateItem")

    send_message = _operation("SendMessage")
    send_message_batch = _operation("SendMessageBatch")

    get_secret_value = _operation("GetSecretValue")

    def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Call an operation; its answer. Raises Refused and Unreachable."""
        if operation == "TransactWriteItems":
            parameters = {"ClientRequestToken": os.urandom(16).hex(), **parameters}
        body = _encode(parameters).encode()
        return _object(self._exchange(operation, lambda: self._request(operation, body)).body)

    def connect_ahead(self) -> None:
        """Do what the first call would have to do besides calling. Raises OSError where nobody answers.

        That is to open a connection, and to derive the day's signing key, which a request nobody sends does.
        """
        self._request("DescribeEndpoints", b"{}")
        self._http.open_ahead()

    def _request(self, operation: str, body: bytes) -> bytes:
        headers = {
            "content-type": f"application/x-amz-json-{self._service.version}",
            "host": self.endpoint.authority,
            "x-amz-date": stamp_of(time.time()),
            "x-amz-security-token": self._credentials.token or "",
            "x-amz-target": f"{self._service.target}.{operation}",
        }
        if not self._credentials.token:
            del headers["x-amz-security-token"]
        path = self.endpoint.path or "/"
        return self._signed(path, path, headers, body)


def refusal(operation: str, answer: Answer) -> Refused:
    """The error that an answer tells of; where it names none, the status does."""
    body = _object(answer.body)
    # REST services name it in a header.
    named = body.get("__type") or (answer.header(b"x-amzn-errortype") or b"").decode("latin-1")
    # `com.amazonaws.dynamodb.v20120810#ThrottlingException`, in some services with an address behind it.
    code = str(named or answer.status).rpartition("#")[2].partition(":")[0]
    return Refused(operation, code, answer.status, body)


def _object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body; an empty one where a proxy answered in some other way."""
    try:
        value = _decode(body.decode()) if body else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
