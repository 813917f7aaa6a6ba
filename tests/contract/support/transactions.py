"""Conflicts between transactions, which moto does not know, in a time of the test's own.

DynamoDB refuses a write to an item while a transaction holds it (docs.aws.amazon.com/amazondynamodb/latest/
developerguide/transaction-apis.html#transaction-conflict-handling). Here each transaction holds its items for
a while of that time, in which every caller has a clock of its own. So callers that overlap run one after the
other in the test, and a run is the same each time.
"""

import json
from collections import Counter
from contextlib import contextmanager
from random import Random
from types import SimpleNamespace

from realtime_core.aws import backoff
from realtime_core.aws.http_response import HttpResponse
from tests.contract.support.watched_clients import cancelled, hooked

HOLD_SECONDS = 0.010
"""How long a transaction holds its items: about what one takes."""
SINGLE_WRITES = {"PutItem", "UpdateItem", "DeleteItem"}
KEY_NAMES = {
    "connections": ("connection_id",),
    "messages": ("user_id", "sk"),
    "subscriptions": ("pk", "sk"),
}


class TransactionClock:
    """When each item is held, and the clock of the caller whose turn it is."""

    def __init__(self):
        self.now = 0.0
        self.refused = Counter()
        """Writes that were refused, by operation."""
        self._held = {}

    def sleep(self, seconds):
        self.now += seconds

    def __call__(self, operation, parameters):
        """A hook of a watched client: answers what meets an item that is held."""
        keys = item_keys(operation, parameters)
        if not keys:
            return None
        start, self.now = self.now, self.now + HOLD_SECONDS
        conflicts = [
            any(begun < self.now and start < ended for begun, ended in self._held.get(key, ()))
            for key in keys
        ]
        if any(conflicts):
            self.refused[operation] += 1
            return conflict_of(operation, conflicts)
        if operation == "TransactWriteItems":
            for key in keys:
                self._held.setdefault(key, []).append((start, self.now))
        return None


@contextmanager
def conflicting_transactions(client, monkeypatch):
    """Let the transactions of a client hold their items; pauses between attempts take none of our time."""
    clock = TransactionClock()
    monkeypatch.setattr(backoff, "time", SimpleNamespace(sleep=clock.sleep))
    monkeypatch.setattr(backoff, "jitter", Random(11).random)
    with hooked(client, clock):
        yield clock


def arrive(clock, calls, per_second):
    """Make each call at its time, and return how many of them raised which error."""
    errors = Counter()
    for number, call in enumerate(calls):
        clock.now = number / per_second
        try:
            call()
        except Exception as error:  # noqa: BLE001 - the test checks it
            errors[type(error).__name__] += 1
    return errors


def item_keys(operation, parameters):
    """The table and key of each item that a call writes; none for a read."""
    if operation == "TransactWriteItems":
        writes = [write for item in parameters["TransactItems"] for write in item.values()]
    else:
        writes = [parameters] if operation in SINGLE_WRITES else []
    return [_key(write) for write in writes]


def _key(write):
    item = write.get("Key") or write["Item"]
    names = KEY_NAMES[write["TableName"]]
    return write["TableName"], json.dumps([item[name] for name in names])


def conflict_of(operation, conflicts):
    """DynamoDB's refusal of a call that met a conflict at the items of which `conflicts` is true."""
    if operation == "TransactWriteItems":
        status, body = cancelled(*("TransactionConflict" if conflict else "None" for conflict in conflicts))
    else:
        status, body = 400, {"__type": "com.amazon.coral#TransactionConflictException"}
    return HttpResponse(status, json.dumps(body).encode())
