"""A DynamoDB to test against, and ways to watch its calls and to make it misbehave."""

import json
from collections import Counter
from contextlib import contextmanager
from functools import cached_property, partial
from itertools import count
from types import SimpleNamespace

from local_cloud.limits.checked_clients import RequestCheck, render_refusal
from local_cloud.limits.settings import Limits
from realtime_core.aws.client import create_client
from realtime_core.aws.errors import Refused
from realtime_core.aws.http_response import HttpResponse
from realtime_core.aws.json_client import JsonClient, Service, refusal
from realtime_core.started_call import StartedCall
from tests.contract.support.emulator import emulator_url

REGION = "eu-west-1"
READS = {"GetItem", "Query", "BatchGetItem", "Scan"}
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"}


class WatchedClient(JsonClient):
    """The service's own client, under AWS's limits, with a place to see its calls, change or answer them."""

    hooks = ()

    def __getattr__(self, name):
        """Operations that only tests call, such as create_table."""
        return partial(self._by_name, "".join(part.title() for part in name.split("_")))

    def _by_name(self, operation, **parameters):
        return self.call(operation, parameters)

    @cached_property
    def check(self):
        """The limits that AWS has and the emulator may not have, as the local cloud's proxy holds them.

        Without conflicts of transactions: how long one takes depends on how busy this machine is.
        """
        limits = Limits(dynamodb_transaction_conflicts=False)
        return RequestCheck(lambda **table: super(WatchedClient, self).call("DescribeTable", table), limits)

    def call(self, operation, parameters):
        parameters = dict(parameters)
        if (answer := self._intercept(operation, parameters)) is not None:
            return answer
        with self.check.admitting(operation, parameters) as refused:
            _raise_for(operation, refused)
            return super().call(operation, parameters)

    def start(self, operation, parameters):
        parameters = dict(parameters)
        try:
            answer = self._intercept(operation, parameters)
        except Refused as refused:
            return StartedCall(partial(_raise, refused))
        if answer is not None:
            return StartedCall(lambda: answer)

        started = super().start(operation, parameters)
        self.under_way.add(started)

        def end(how):
            self.under_way.discard(started)
            return how()

        return StartedCall(partial(end, started.result), partial(end, started.discard))

    def _intercept(self, operation, parameters):
        """The answer that a test has for a call; None lets it through."""
        _raise_for(operation, self.check(operation, parameters))
        for hook in self.hooks:
            if (answer := hook(operation, parameters)) is not None:
                if answer.status >= 300:
                    raise refusal(operation, answer)
                return json.loads(answer.body)
        return None

    @cached_property
    def under_way(self):
        """The calls that were started and not waited for yet."""
        return set()


def _raise(error):
    raise error


def _raise_for(operation, refused):
    if refused is not None:
        raise refusal(operation, HttpResponse(refused.status, render_refusal(refused)))


def aws_client(service, **overrides):
    """One of the service's own clients, answered by the emulator, which may take long on a busy machine.

    The service's own timeouts would repeat a write that the emulator is still busy with.
    """
    options = {"connect_timeout": 30, "read_timeout": 30, **overrides}
    return create_client(WatchedClient, service, region_name=REGION, endpoint_url=emulator_url(), **options)


def streams_client():
    """A client of DynamoDB's streams, which the service itself only has as an event source."""
    streams = aws_client("dynamodb")
    streams._service = Service("dynamodb", "DynamoDBStreams_20120810")
    return streams


@contextmanager
def hooked(client, hook):
    """Let `hook(operation, parameters)` see every call, and answer it where it returns a response."""
    client.hooks = (hook, *client.hooks)
    try:
        yield
    finally:
        client.hooks = tuple(one for one in client.hooks if one is not hook)


class Watch:
    """Every call of a client while it is watched."""

    def __init__(self):
        self.calls = Counter()
        self.by_table = Counter()
        self.waits = 0
        """How often the caller had to wait: calls that are under way together take one wait."""

    @property
    def exchanges(self):
        return self.calls.total()

    @property
    def reads(self):
        return sum(self.calls[name] for name in READS)

    @property
    def writes(self):
        return sum(self.calls[name] for name in WRITES)


@contextmanager
def watching(client):
    """Count the calls made inside."""
    watch = Watch()

    def note(operation, parameters):
        watch.calls[operation] += 1
        watch.by_table[parameters.get("TableName")] += 1
        watch.waits += not client.under_way

    with hooked(client, note):
        yield watch


@contextmanager
def recording(client, operation):
    """The parameters of every call of an operation, in order."""
    seen = []

    def record(called, parameters):
        if called == operation:
            seen.append(parameters)

    with hooked(client, record):
        yield seen


@contextmanager
def before_next(client, operation, act, *, skip=0):
    """Do something between the adapter's decision to make a call and the call: the ugliest moment.

    `skip` calls of the operation are let through before.
    """
    done = []
    calls = count()

    def once(called, _):
        if called == operation and not done and next(calls) >= skip:
            done.append(operation)
            act()

    with hooked(client, once):
        yield
    assert done, f"{operation} was never called"


@contextmanager
def paged(client, size):
    """Make every query end its pages after `size` items, as DynamoDB does after 1 MB."""

    def limit(operation, parameters):
        if operation == "Query":
            parameters["Limit"] = size

    with hooked(client, limit):
        yield


@contextmanager
def answering(client, operation, *answers):
    """Answer the next calls of an operation with these, each `(status, body)`.

    None lets the call through, and so does the end of the list.
    """
    left = list(answers)
    seen = SimpleNamespace(calls=0)

    def respond(called, _):
        if called != operation:
            return None
        seen.calls += 1
        answer = left.pop(0) if left else None
        return answer and HttpResponse(answer[0], json.dumps(answer[1]).encode())

    with hooked(client, respond):
        yield seen


def fault(code, status=400, **more):
    """An answer that is an error."""
    return status, {"__type": f"com.amazonaws.made.up#{code}", "message": "made up by the test", **more}


def cancelled(*codes):
    """The answer of a transaction that was cancelled for these reasons, one for each of its writes."""
    return fault("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])
