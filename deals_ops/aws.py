"""boto3 clients with an operator's credentials."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3
from botocore import exceptions as boto
from botocore.config import Config

from deals_ops.errors import WrongArgument
from realtime_core.aws.errors import Refused, Unreachable

# Longer than the timeout of `broadcast`, so that an invoke is answered rather than repeated.
CONFIG = Config(connect_timeout=5, read_timeout=70, retries={"mode": "standard", "total_max_attempts": 3})
# A rebuild takes minutes and must not start twice: no retries, and just over Lambda's 900 s maximum.
LONG_CALL_CONFIG = Config(connect_timeout=5, read_timeout=910, retries={"total_max_attempts": 1})


class AwsClients:
    """The clients of one account and Region. `endpoint_url` is set for a local cloud only."""

    def __init__(self, session: boto3.Session, endpoint_url: str | None = None) -> None:
        self._session = session
        self._endpoint_url = endpoint_url
        # Creating a client takes about 30 ms, so each is created once.
        self.client = cache(self._create_client)

    @property
    def region(self) -> str:
        """The Region of all calls. Raises WrongArgument if none is set."""
        if not self._session.region_name:
            raise WrongArgument("no Region is set: use --region, or set AWS_REGION or one in the profile")
        return str(self._session.region_name)

    def _create_client(
        self, service: str, endpoint_url: str | None = None, *, long_call: bool = False
    ) -> Any:
        return self._session.client(
            service,
            region_name=self.region,
            endpoint_url=endpoint_url or self._endpoint_url,
            config=LONG_CALL_CONFIG if long_call else CONFIG,
        )


class AdaptedClient:
    """A boto3 client that raises the errors of the service's own AWS client, for the service's adapters."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, method: str) -> Any:
        operation = self._client.meta.method_to_api_mapping[method]

        def call(**parameters: Any) -> Any:
            try:
                return getattr(self._client, method)(**parameters)
            except boto.ClientError as error:
                response = error.response
                raise Refused(
                    operation,
                    response["Error"].get("Code", "Unknown"),
                    response["ResponseMetadata"].get("HTTPStatusCode", 0),
                    dict(response),
                ) from error
            except boto.HTTPClientError as error:
                raise Unreachable(operation, type(error).__name__) from error

        return call
