"""Clients of AWS by an operator's credentials."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3
from botocore import exceptions as boto
from botocore.config import Config

from deals_ops.errors import WrongArgument
from realtime_core.aws.errors import Refused, Unreachable

# Longer than `broadcast` may run, so that an invoke is answered rather than repeated.
CONFIG = Config(connect_timeout=5, read_timeout=70, retries={"mode": "standard", "total_max_attempts": 3})
# A rebuild takes minutes and must not be begun twice: Lambda's longest, and a little.
PATIENT = Config(connect_timeout=5, read_timeout=910, retries={"total_max_attempts": 1})


class Aws:
    """Clients of one account and Region. `endpoint_url` is a local cloud's, else None."""

    def __init__(self, session: boto3.Session, endpoint_url: str | None = None) -> None:
        self._session = session
        self._endpoint_url = endpoint_url
        # One of each, made once: a client takes some 30 ms.
        self.client = cache(self._client)

    @property
    def region(self) -> str:
        """The Region that calls go to. Raises WrongArgument where none is set."""
        if not self._session.region_name:
            raise WrongArgument("no Region is set: use --region, or set AWS_REGION or one in the profile")
        return str(self._session.region_name)

    def _client(self, service: str, endpoint_url: str | None = None, *, patient: bool = False) -> Any:
        return self._session.client(
            service,
            region_name=self.region,
            endpoint_url=endpoint_url or self._endpoint_url,
            config=PATIENT if patient else CONFIG,
        )


class Adapted:
    """A boto3 client for this service's adapters, which know the errors of the service's own client."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, method: str) -> Any:
        operation = self._client.meta.method_to_api_mapping[method]

        def call(**parameters: Any) -> Any:
            try:
                return getattr(self._client, method)(**parameters)
            except boto.ClientError as error:
                told = error.response
                raise Refused(
                    operation,
                    told["Error"].get("Code", "Unknown"),
                    told["ResponseMetadata"].get("HTTPStatusCode", 0),
                    dict(told),
                ) from error
            except boto.HTTPClientError as error:
                raise Unreachable(operation, type(error).__name__) from error

        return call
