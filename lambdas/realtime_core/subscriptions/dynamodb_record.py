"""The update of a connection's record that a changed subscription takes, with the condition that guards it.

Beside the subscriptions themselves, in their topics' order of `realtime_core.subscriptions.order`, it keeps

| attribute | |
| --- | --- |
| `u#<topic>` | when the unsubscribe was received, epoch milliseconds; only without a subscription |
| `unsubscribed_before` | the latest of those that were dropped |
| `filter_bytes` | the size of all filters; missing or wrong if an earlier release has written the record |
"""

from __future__ import annotations

from typing import Any

from realtime_core.auth.permissions import encode_permissions
from realtime_core.connections.base import Connection, Subscription
from realtime_core.connections.dynamodb import PERMITTED, UNSUBSCRIBED, subscription_value
from realtime_core.subscriptions.base import FILTER_BYTES_TOGETHER_MAX, filter_bytes
from realtime_core.subscriptions.order import to_drop
from realtime_core.wire.strict_json import byte_length

_AT = "subscriptions.#topic"


class RecordUpdate:
    """An update of a record for one topic; `received_ms` is of the request that makes it."""

    def __init__(self, connection: Connection, topic: str, received_ms: int) -> None:
        self._connection, self._topic = connection, topic
        self._old = connection.subscriptions.get(topic)
        self._sets: list[str] = []
        self._removes: list[str] = []
        self._conditions = ["attribute_exists(connection_id)"]
        self._names = {"#topic": topic}
        self._values: dict[str, Any] = {":at": {"N": str(received_ms)}}
        self._received_ms = received_ms
        self._require_order()

    def parameters(self, table: str) -> dict[str, Any]:
        """The parameters of UpdateItem, which are also those of an Update in a transaction."""
        sets = f"SET {', '.join(self._sets)}" if self._sets else ""
        removes = f"REMOVE {', '.join(self._removes)}" if self._removes else ""
        return {
            "TableName": table,
            "Key": {"connection_id": {"S": self._connection.connection_id}},
            "UpdateExpression": f"{sets} {removes}".strip(),
            "ConditionExpression": " AND ".join(self._conditions),
            "ExpressionAttributeNames": self._names,
            "ExpressionAttributeValues": self._values,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def confirm(self) -> Connection:
        """Note that the subscription was asked for once more; returns the record after it."""
        self._sets.append(f"{_AT}.r = :at")
        assert self._old is not None, "what is confirmed exists"  # noqa: S101
        return self._after(self._old._replace(received_ms=self._received_ms))

    def subscribe(self, new: Subscription, maximum: int) -> Connection:
        """Add or replace the subscription; returns the record after it.

        The condition includes `token_exp`: a membership with the old expiry would miss a refresh that has
        just updated the other memberships. And the permissions: a refresh ends what they do not cover.
        """
        self._sets.append(f"{_AT} = :new")
        self._values[":new"] = subscription_value(new)
        self._conditions.append("token_exp = :exp")
        self._values[":exp"] = {"N": str(self._connection.token_exp)}
        self._require_permissions()
        if self._old is None:
            self._conditions.append("size(subscriptions) < :max")
            self._values[":max"] = {"N": str(maximum)}
            self._require_no_later_unsubscribe()
        return self._after(new, filter_bytes=self._count_filters(byte_length(new.filter)))

    def unsubscribe(self) -> None:
        """Remove the subscription, if there is one, and remember when that was asked for."""
        self._names["#own"] = UNSUBSCRIBED + self._topic
        self._sets.append("#own = :at")
        if self._old is not None:
            self._removes.append(_AT)
            self._count_filters(0)
        self._drop_unsubscribes()

    def _require_order(self) -> None:
        """The subscription must be as it was read, and not of a later request."""
        if self._old is None:
            self._conditions.append(f"attribute_not_exists({_AT})")
            self._names["#own"] = UNSUBSCRIBED + self._topic
            known = self._topic in self._connection.unsubscribed
            self._conditions.append("#own <= :at" if known else "attribute_not_exists(#own)")
            return
        self._conditions += [
            f"{_AT}.g = :group",
            f"{_AT}.s = :shard",
            f"(attribute_not_exists({_AT}.r) OR {_AT}.r <= :at)",
        ]
        self._values |= {":group": {"S": self._old.group_id}, ":shard": {"N": str(self._old.shard)}}

    def _require_permissions(self) -> None:
        """The permitted topics must be those that were read."""
        topics = encode_permissions(self._connection.permissions).get("topics")
        self._names["#permitted"] = f"{PERMITTED}topics"
        if topics is None:
            self._conditions.append("attribute_not_exists(#permitted)")
        else:
            self._conditions.append("#permitted = :permitted")
            self._values[":permitted"] = {"S": topics}

    def _require_no_later_unsubscribe(self) -> None:
        if self._topic in self._connection.unsubscribed:
            self._removes.append("#own")
        else:
            self._conditions.append(
                "(attribute_not_exists(unsubscribed_before) OR unsubscribed_before <= :at)"
            )

    def _drop_unsubscribes(self) -> None:
        """Drop the unsubscribes that no longer matter, or are too many."""
        dropped = to_drop(self._connection, self._topic, self._received_ms)
        if not dropped:
            return
        for number, (topic, received_ms) in enumerate(dropped.items()):
            self._names[f"#d{number}"] = UNSUBSCRIBED + topic
            self._values[f":d{number}"] = {"N": str(received_ms)}
            self._conditions.append(f"#d{number} = :d{number}")
            self._removes.append(f"#d{number}")
        before = max(*dropped.values(), self._connection.unsubscribed_before)
        self._sets.append("unsubscribed_before = :before")
        self._values[":before"] = {"N": str(before)}
        self._conditions.append(
            "(attribute_not_exists(unsubscribed_before) OR unsubscribed_before <= :before)"
        )

    def _count_filters(self, size: int) -> int:
        """Count the filters with one of `size` bytes for this topic; returns the size of all.

        By a sum in the store, so that two topics at once cannot exceed the limit together, and neither has to
        be tried again for the other.
        """
        total = filter_bytes(self._connection)
        change = size - (byte_length(self._old.filter) if self._old else 0)
        if self._connection.filter_bytes != total:
            self._sets.append("filter_bytes = :total")
            self._values[":total"] = {"N": str(total + change)}
            self._require_counted(self._connection.filter_bytes)
        elif change:
            self._sets.append("filter_bytes = filter_bytes + :change")
            self._values[":change"] = {"N": str(change)}
            if change > 0:
                self._conditions.append("filter_bytes <= :room")
                self._values[":room"] = {"N": str(FILTER_BYTES_TOGETHER_MAX - change)}
        return total + change

    def _require_counted(self, counted: int | None) -> None:
        if counted is None:
            self._conditions.append("attribute_not_exists(filter_bytes)")
        else:
            self._conditions.append("filter_bytes = :counted")
            self._values[":counted"] = {"N": str(counted)}

    def _after(self, new: Subscription, **changes: Any) -> Connection:
        others = {topic: at for topic, at in self._connection.unsubscribed.items() if topic != self._topic}
        subscriptions = {**self._connection.subscriptions, self._topic: new}
        return self._connection._replace(subscriptions=subscriptions, unsubscribed=others, **changes)
