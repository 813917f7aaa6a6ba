"""Counts one call that passes the front, with what it goes to and whether that failed."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeVar

from local_cloud.gateway.places import find_targets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp import web

    from local_cloud.gateway.enforcement import Call
    from local_cloud.gateway.traffic import Traffic

Response = TypeVar("Response", bound="web.StreamResponse")

# Refusals by status 400 that say something about the place; others, such as a failed condition, are answers.
_OVERLOADED = ("Throttling", "ProvisionedThroughputExceeded", "RequestLimitExceeded", "LimitExceeded")


class WatchedCall:
    """A call under way."""

    def __init__(self, traffic: Traffic, targets: list[str]) -> None:
        self._traffic, self._targets = traffic, targets

    def note(self, response: Response) -> Response:
        """Count a failed answer, and return it."""
        if _is_failure(response):
            for target in self._targets:
                self._traffic.fail(target)
        return response


@contextmanager
def watch_call(traffic: Traffic, source: str, call: Call) -> Iterator[WatchedCall]:
    """Count a call of `source`, which is under way until the block ends."""
    targets = find_targets(call.service, call.operation, call.request.path, call.body or b"")
    with ExitStack() as stack:
        for target in targets:
            stack.enter_context(traffic.under_way(source, target))
        yield WatchedCall(traffic, targets)


def _is_failure(response: web.StreamResponse) -> bool:
    if response.status >= 500 or response.status == 429 or "X-Amz-Function-Error" in response.headers:
        return True
    error = response.headers.get("x-amzn-ErrorType", "").rpartition("#")[2]
    return response.status == 400 and error.startswith(_OVERLOADED)
