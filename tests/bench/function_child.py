"""A function in a process of its own, as a bench starts it: `function_child.py MODULE ROUNDS ACTION...`.

Prints JSON, in Lambda's order: the CPU milliseconds of INIT (importing the module, which builds and connects
the function), how many of these it took to connect, those from there to the answer to the event in
FIRST_EVENT, if there is one, with that answer, those of the first of each action, and the microseconds of
each action once it is warm. A script, not a module of the package: it imports only what is there when Lambda
loads the function.
"""

# What Lambda's runtime interface client has loaded before the handler's module, by the source of awslambdaric
# 3.1.1 to 4.2.2 (github.com/aws/aws-lambda-python-runtime-interface-client): `bootstrap` imports importlib,
# json, logging, os, sys, time and traceback, `lambda_runtime_log_utils` enum, `lambda_runtime_marshaller`
# decimal, math and simplejson (which needs no more of the standard library than these do), and
# `lambda_runtime_client` on python3.12 and later concurrent.futures' threads. `http.client`, and with it ssl
# and socket, it imports only to report a fault.
import concurrent.futures.thread  # noqa: F401
import decimal  # noqa: F401
import enum  # noqa: F401
import importlib
import json
import logging  # noqa: F401
import math  # noqa: F401
import os
import sys
import threading
import time
import traceback  # noqa: F401

FILTERS = ({"category": "phones", "maxPrice": 500}, {"category": "laptops"})


class Context:
    """The part of Lambda's context that the handlers use."""

    aws_request_id = "8f507cfc-example"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


class TimedThread(threading.Thread):
    """Adds up the CPU seconds of threads: in INIT that is the warm-up alone, which opens connections."""

    seconds = 0.0

    def run(self) -> None:
        started = time.thread_time()
        super().run()
        TimedThread.seconds += time.thread_time() - started


def main() -> None:
    module, rounds, *actions = sys.argv[1:]

    threading.Thread = TimedThread  # type: ignore[misc]
    started = time.process_time()
    function = importlib.import_module(module)
    ready = time.process_time()
    connecting_ms = TimedThread.seconds * 1e3

    first_event = json.loads(os.environ.get("FIRST_EVENT", "null"))
    answer = first_event and function.handler(first_event, Context())
    answered = time.process_time()
    first = {action: _seconds(function, action, 0) for action in actions}

    # From here on it is warm: connections are open, keys derived, code specialized.
    for turn in range(1, 6):
        for action in actions:
            _seconds(function, action, turn)
    warm: dict[str, list[float]] = {action: [] for action in actions}
    for turn in range(6, 6 + int(rounds)):
        for action in actions:
            warm[action].append(_seconds(function, action, turn))

    figures = {
        "ready_ms": (ready - started) * 1e3,
        "connecting_ms": connecting_ms,
        "answer_ms": (answered - ready) * 1e3,
        "answer": answer,
        "first_ms": {action: seconds * 1e3 for action, seconds in first.items()},
        "warm_us": {action: sorted(times)[len(times) // 2] * 1e6 for action, times in warm.items()},
    }
    sys.__stdout__.write(json.dumps(figures) + "\n")


def _seconds(function: object, action: str, turn: int) -> float:
    event = _event(action, turn)
    started = time.process_time()
    answer = function.handler(event, Context())  # type: ignore[attr-defined]
    spent = time.process_time() - started
    assert answer["statusCode"] == 200, answer
    assert '"error"' not in answer.get("body", ""), answer
    return spent


def _event(action: str, turn: int) -> dict[str, object]:
    # Another filter each time: subscribing by the same one again would change nothing.
    subscription = {"topic": "electronics", "filters": FILTERS[turn % 2]}
    data = subscription if action == "subscribeToDeals" else {}
    return {
        "requestContext": {
            "routeKey": action,
            "eventType": "MESSAGE",
            "connectionId": "L0SM9cOFvHcCIhw=",
            "requestId": f"r-{turn}",
            "domainName": "abc.execute-api.eu-west-1.amazonaws.com",
            "stage": "live",
            "authorizer": {"userId": "user-1", "tokenExp": str(int(time.time()) + 3600)},
        },
        "body": json.dumps({"action": action, "data": data, "requestId": "c-17"}),
    }


if __name__ == "__main__":
    main()
