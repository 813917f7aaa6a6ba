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
        keys = [_key(write) for write in _writes(operation, parameters)]
        if not keys:
            return None
        start, self.now = self.now, self.now + HOLD_SECONDS
        conflicts = [
            any(begun < self.now and start < ended for begun, ended in self._held.get(key, ()))
            for key in keys
        ]
        if any(conflicts):
            self.refused[operation] += 1
            return _refusal(operation, conflicts)
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


def _writes(operation, parameters):
    if operation == "TransactWriteItems":
        return [write for item in parameters["TransactItems"] for write in item.values()]
    return [parameters] if operation in SINGLE_WRITES else []


def _key(write):
    item = write.get("Key") or write["Item"]
    return write["TableName"], json.dumps(item["user_id"]), json.dumps(item["sk"])


def _refusal(operation, conflicts):
    if operation == "TransactWriteItems":
        status, body = cancelled(*("TransactionConflict" if conflict else "None" for conflict in conflicts))
    else:
        status, body = 400, {"__type": "com.amazon.coral#TransactionConflictException"}
    return HttpResponse(status, json.dumps(body).encode())
