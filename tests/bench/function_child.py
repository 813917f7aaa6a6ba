"""A function in a process of its own, as a bench starts it: `function_child.py MODULE ROUNDS ACTION...`.

Prints JSON: the CPU milliseconds until it is ready, those that the event in FIRST_EVENT, if there is one,
takes then, with its answer, those of the first of each action, and the microseconds that each action takes
once it is warm. A script, not a module of the package: it imports nothing that is not already there when
Lambda hands over.
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
import time
import traceback  # noqa: F401

FILTERS = ({"category": "phones", "maxPrice": 500}, {"category": "laptops"})


class Context:
    """What Lambda tells of an invocation, as far as it is asked for."""

    aws_request_id = "8f507cfc-example"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def main() -> None:
    module, rounds, *actions = sys.argv[1:]
    started = time.process_time()
    function = importlib.import_module(module)
    ready = time.process_time()
    first_event = json.loads(os.environ.get("FIRST_EVENT", "null"))
    answer = first_event and function.handler(first_event, Context())
    answered = time.process_time()
    first = {action: _seconds(function, action, 0) for action in actions}
    # The rest is warm: connections are open, models loaded, keys derived.
    for turn in range(1, 6):
        for action in actions:
            _seconds(function, action, turn)
    warm: dict[str, list[float]] = {action: [] for action in actions}
    for turn in range(6, 6 + int(rounds)):
        for action in actions:
            warm[action].append(_seconds(function, action, turn))
    figures = {
        "ready_ms": (ready - started) * 1e3,
        "answer_ms": (answered - ready) * 1e3,
        "answer": answer,
        "first_ms": {action: seconds * 1e3 for action, seconds in first.items()},
        "warm_us": {action: sorted(all_)[len(all_) // 2] * 1e6 for action, all_ in warm.items()},
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
    # Every time another filter: the same again would be no work.
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
