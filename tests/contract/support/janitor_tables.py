"""A DynamoDB client in memory for the janitor: the calls that it makes, counted, on rows that fit a million.

The schedule's index is sorted as DynamoDB sorts it, and counts its write units by partition and second.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict
from typing import Any

from janitor.duties import Duties
from janitor.janitor import Janitor
from janitor.leases_dynamodb import DynamoLeases
from janitor.probing import Prober
from janitor.revocation import Revoker
from realtime_core.auth.dynamodb import DynamoRevocations
from realtime_core.aws.errors import Refused
from realtime_core.connections.base import Connection
from realtime_core.connections.dynamodb import DynamoConnections
from realtime_core.connections.dynamodb_schedule import DynamoSchedule, schedule_partition
from realtime_core.connections.memory import MemoryConnections
from realtime_core.connections.schedule import PARTITIONS, ScheduledConnection, first_schedule
from realtime_core.subscriptions.memory import MemorySubscriptions

# Outside limit: a page of a query ends at 1 MB, and an item of the index takes about 150 bytes.
ITEMS_OF_A_PAGE = 7_000
LIFETIME_SECONDS, MARGIN_SECONDS = 7_200, 600


class JanitorTables:
    """The connections table with its indexes, the revocations by time, and the leases.

    Each call takes `call_seconds`; nothing here is about more than a subscription, so no memberships.
    """

    def __init__(self, call_seconds: float = 0.0, partitions: int = PARTITIONS) -> None:
        self.call_seconds, self.partitions = call_seconds, partitions
        self.rows: dict[str, tuple[ScheduledConnection, str]] = {}
        self.index: dict[str, list[tuple[int, str]]] = {str(number): [] for number in range(partitions)}
        self.of_user: defaultdict[str, list[str]] = defaultdict(list)
        self.revoked: list[tuple[int, str]] = []
        self.leases: dict[str, dict[str, Any]] = {}
        self.calls: Counter[str] = Counter()
        self.units: Counter[tuple[str, int]] = Counter()
        self._lock = threading.Lock()

    def put(self, connection: Connection, **changes: Any) -> None:
        """Store a connection without a call; `changes` are of its schedule. `sort` follows the last one."""
        record = first_schedule(connection.connection_id, connection.connected_at, connection.token_exp)
        record = record._replace(**changes)
        self.rows[record.connection_id] = record, connection.user_id
        self.index[schedule_partition(record.connection_id, self.partitions)].append(_place(record))
        self.of_user[connection.user_id].append(record.connection_id)

    def partition_of(self, connection_id: str) -> str:
        """The partition of a connection."""
        return schedule_partition(connection_id, self.partitions)

    def revoke(self, user_id: str, now: int) -> None:
        """Revoke all tokens of a user, without a call."""
        insort(self.revoked, (now, user_id))

    def sort(self) -> None:
        """Sort the index, after `put`."""
        for places in self.index.values():
            places.sort()

    def _call(self, name: str) -> None:
        with self._lock:
            self.calls[name] += 1
        if self.call_seconds:
            time.sleep(self.call_seconds)

    def query(self, **parameters: Any) -> dict[str, Any]:
        """A query of one of the three indexes."""
        self._call("Count" if parameters.get("Select") else "Query")
        match parameters["IndexName"]:
            case "UserIdIndex":
                user = parameters["ExpressionAttributeValues"][":user"]["S"]
                with self._lock:
                    return {"Items": [self._item(item) for item in self.of_user.get(user, ())]}
            case "RecentIndex":
                return self._recent(parameters)
        with self._lock:
            return self._due(parameters)

    def _due(self, parameters: dict[str, Any]) -> dict[str, Any]:
        values, condition = parameters["ExpressionAttributeValues"], parameters["KeyConditionExpression"]
        places = self.index[values[":sweep"]["S"]]
        start, end = 0, len(places)
        if ":now" in values:
            border = bisect_right(places, (int(values[":now"]["N"]), "~"))
            start, end = (border, end) if ">" in condition else (0, border)
        if key := parameters.get("ExclusiveStartKey"):
            start = max(start, bisect_right(places, (int(key["due_at"]["N"]), key["connection_id"]["S"])))
        stop = min(end, start + parameters.get("Limit", ITEMS_OF_A_PAGE))
        response: dict[str, Any] = {"Count": stop - start}
        if not parameters.get("Select"):
            response["Items"] = [self._item(item) for _, item in places[start:stop]]
        if stop < end:
            response["LastEvaluatedKey"] = self._item(places[stop - 1][1])
        return response

    def _recent(self, parameters: dict[str, Any]) -> dict[str, Any]:
        values = parameters["ExpressionAttributeValues"]
        start = bisect_left(self.revoked, (int(values[":since"]["N"]), ""))
        end = bisect_right(self.revoked, (int(values[":until"]["N"]), "~"))
        if key := parameters.get("ExclusiveStartKey"):
            start = bisect_right(self.revoked, (int(key["revoked_at"]["N"]), key["subject"]["S"][2:]))
        stop = min(end, start + ITEMS_OF_A_PAGE)
        items = [_revocation(*item) for item in self.revoked[start:stop]]
        return {"Items": items} | ({"LastEvaluatedKey": items[-1]} if stop < end else {})

    def update_item(self, **parameters: Any) -> dict[str, Any]:
        """A lease, or a change of a due time."""
        self._call("Update")
        if "pk" in parameters["Key"]:
            return self._update_lease(parameters)
        values, expression = parameters["ExpressionAttributeValues"], parameters["UpdateExpression"]
        with self._lock:
            record, user = self.rows.get(parameters["Key"]["connection_id"]["S"], (None, ""))
            expected = values.get(":was", values.get(":due"))
            if record is None or (expected is not None and int(expected["N"]) != record.due_at):
                raise _condition_failed("UpdateItem")
            due = values.get(":due" if "= :due" in expression else ":until", {"N": record.due_at})
            changed = record._replace(
                due_at=int(due["N"]),
                warned_exp=int(values[":warned"]["N"]) if ":warned" in values else record.warned_exp,
                handed_over=":handed" in values or record.handed_over,
            )
            self.rows[record.connection_id] = changed, user
            places = self._drop(record, units=2)
            insort(places, _place(changed))
        return {}

    def _update_lease(self, parameters: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            item = self.leases.setdefault(parameters["Key"]["pk"]["S"], {})
            for change in parameters["UpdateExpression"].removeprefix("SET ").split(", "):
                name, _, value = change.partition(" = ")
                item[name] = parameters["ExpressionAttributeValues"][value]
            return {"Attributes": dict(item)}

    def get_item(self, **parameters: Any) -> dict[str, Any]:
        """A record, or a lease."""
        self._call("Get")
        if "pk" in parameters["Key"]:
            return {"Item": self.leases.get(parameters["Key"]["pk"]["S"], {})}
        connection_id = parameters["Key"]["connection_id"]["S"]
        with self._lock:
            return {"Item": self._item(connection_id)} if connection_id in self.rows else {}

    def batch_get_item(self, **parameters: Any) -> dict[str, Any]:
        """Records by their ids."""
        self._call("BatchGet")
        [(table, request)] = parameters["RequestItems"].items()
        ids = [key["connection_id"]["S"] for key in request["Keys"]]
        with self._lock:
            return {"Responses": {table: [self._item(item) for item in ids if item in self.rows]}}

    def delete_item(self, **parameters: Any) -> dict[str, Any]:
        """The removal of a record."""
        self._call("Delete")
        with self._lock:
            if parameters["Key"]["connection_id"]["S"] not in self.rows:
                raise _condition_failed("DeleteItem")
            item = self._item(parameters["Key"]["connection_id"]["S"])
            record, user = self.rows.pop(item["connection_id"]["S"])
            self.of_user[user].remove(record.connection_id)
            self._drop(record, units=1)
        return {"Attributes": item}

    def _drop(self, record: ScheduledConnection, units: int) -> list[tuple[int, str]]:
        partition = schedule_partition(record.connection_id, self.partitions)
        self.units[partition, int(time.monotonic())] += units
        places = self.index[partition]
        del places[bisect_left(places, _place(record))]
        return places

    def _item(self, connection_id: str) -> dict[str, Any]:
        record, user = self.rows[connection_id]
        item: dict[str, Any] = {
            "connection_id": {"S": connection_id},
            "user_id": {"S": user},
            "connected_at": {"N": str(record.connected_at)},
            "token_exp": {"N": str(record.token_exp)},
            "expires_at": {"N": str(record.connected_at + LIFETIME_SECONDS + MARGIN_SECONDS)},
            "due_at": {"N": str(record.due_at)},
            "issued_at": {"N": str(record.connected_at)},
            "subscriptions": {"M": {}},
        }
        if record.warned_exp:
            item["warned_exp"] = {"N": str(record.warned_exp)}
        return item | ({"handed_over": {"BOOL": True}} if record.handed_over else {})


def _condition_failed(operation: str) -> Refused:
    return Refused(operation, "ConditionalCheckFailedException", 400, {})


def _place(record: ScheduledConnection) -> tuple[int, str]:
    return record.due_at, record.connection_id


def _revocation(revoked_at: int, user_id: str) -> dict[str, Any]:
    return {
        "subject": {"S": f"u#{user_id}"},
        "user_id": {"S": user_id},
        "before": {"N": str(revoked_at)},
        "revoked_at": {"N": str(revoked_at)},
        "kind": {"S": "r"},
    }


def build_janitor(tables, api, clock, partitions=PARTITIONS):
    """The janitor and the revoker on these tables and this management API, as the function builds them."""
    connections = DynamoConnections(tables, "connections", partitions)
    subscriptions = MemorySubscriptions(MemoryConnections())
    leases = DynamoLeases(tables, "history")
    schedule = DynamoSchedule(tables, "connections", partitions)
    duties = Duties(schedule=schedule, connections=connections, subscriptions=subscriptions, poster=api)

    janitor = Janitor(
        schedule=schedule,
        leases=leases,
        duties=duties,
        prober=Prober(schedule=schedule, duties=duties, poster=api, timer=time.monotonic),
        clock=clock,
    )
    revoker = Revoker(
        revocations=DynamoRevocations(tables, "revocations"),
        connections=connections,
        subscriptions=subscriptions,
        poster=api,
        leases=leases,
        clock=clock,
    )
    return janitor, revoker
