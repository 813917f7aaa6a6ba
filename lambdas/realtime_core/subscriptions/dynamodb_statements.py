"""The members of many small groups, fifty groups a statement instead of one a query.

Who chooses a filter that matches everything, and many of them, makes each event read as many groups, most of
one member. By queries that costs fifty times the requests, which is nearly all it costs.

PartiQL has a right of its own (`dynamodb:PartiQLSelect`). Where a process learns that it lacks it, or that
statements are refused for any other reason than throttling, it reads by queries from then on.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from realtime_core.aws.dynamodb import Contended, number, start
from realtime_core.aws.errors import Refused, is_retryable_status
from realtime_core.errors import StoreUnavailable
from realtime_core.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from types_boto3_dynamodb.client import DynamoDBClient

    from realtime_core.started_call import StartedCall

log = get_logger(__name__)

KEYS_MAX = 50
"""Outside limit: so many partition keys of an IN
(docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-functions.in.html)."""
STATEMENTS_AT_ONCE = 8
SHARDS_MIN = 200
"""Fewer shards are read by queries: large groups are sooner read side by side than one after the other."""


class StatementsRefused(StoreUnavailable):
    """DynamoDB takes no statements from this function."""


class MemberStatements:
    """Reads members by PartiQL. Threads may share an instance."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table
        self._refused = False

    def suit(self, shards: int) -> bool:
        """Whether so many shards of one page each are read by statements."""
        return shards >= SHARDS_MIN and not self._refused

    def read(self, keys: Sequence[str], now: int) -> Iterator[Mapping[str, list[str]]]:
        """The ids of connections that can be posted to at `now`, by partition key; a page at a time.

        Consistent, as the queries are. Raises StoreUnavailable, or StatementsRefused, also after some pages:
        then the caller reads all again, and members that it gets twice do no harm.
        """
        parts = [keys[start : start + KEYS_MAX] for start in range(0, len(keys), KEYS_MAX)]
        reading: deque[tuple[Sequence[str], StartedCall[Any]]] = deque()
        try:
            for part in parts:
                reading.append((part, self._start(part, now)))
                if len(reading) == STATEMENTS_AT_ONCE:
                    yield from self._pages(*reading.popleft(), now)
            while reading:
                yield from self._pages(*reading.popleft(), now)
        finally:
            for _, call in reading:
                call.discard()

    def _pages(
        self, part: Sequence[str], first: StartedCall[Any], now: int
    ) -> Iterator[Mapping[str, list[str]]]:
        page = self._result(first)
        while True:
            members: dict[str, list[str]] = {}
            for item in page["Items"]:
                members.setdefault(item["pk"]["S"], []).append(item["sk"]["S"])
            yield members
            if not page.get("NextToken"):
                return
            page = self._result(self._start(part, now, NextToken=page["NextToken"]))

    def _start(self, part: Sequence[str], now: int, **more: str) -> StartedCall[Any]:
        keys = ",".join("?" * len(part))
        # The table's name is a setting; everything else is a parameter.
        select = f'SELECT pk, sk FROM "{self._table}" WHERE pk IN [{keys}]'  # noqa: S608
        return start(
            self._client,
            "ExecuteStatement",
            Statement=f"{select} AND e > ? AND expires_at > ?",
            Parameters=[*({"S": key} for key in part), number(now), number(now)],
            ConsistentRead=True,
            **more,
        )

    def _result(self, call: StartedCall[Any]) -> Any:
        try:
            return call.result()
        except Contended:
            raise
        except StoreUnavailable as error:
            refusal = error.__cause__
            if not isinstance(refusal, Refused) or is_retryable_status(refusal.status):
                raise
            self._refused = True
            is_denied = refusal.code == "AccessDeniedException"
            remedy = "allow dynamodb:PartiQLSelect" if is_denied else "see the code"
            log.warning("statements_refused", code=refusal.code, remedy=remedy)
            raise StatementsRefused(str(error)) from error
