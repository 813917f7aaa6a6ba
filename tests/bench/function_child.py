"""A function in a process of its own, as a bench starts it: `function_child.py MODULE ROUNDS ACTION...`.

Prints JSON: the CPU milliseconds until it is ready, until it has answered the first of each action, and the
microseconds that each action takes once it is warm. A script, not a module of the package: it imports nothing
that is not already there when Lambda hands over.
"""

# What Lambda's runtime interface client (awslambdaric 4) has loaded before the handler's module.
import decimal  # noqa: F401
import enum  # noqa: F401
import importlib
import json
import logging  # noqa: F401
import sys
import textwrap  # noqa: F401
import threading  # noqa: F401
import time
import traceback  # noqa: F401

BUILDERS = ("_router", "_publisher", "_admission", "_verifier", "_stores", "_pusher")
FILTERS = ({"category": "phones", "maxPrice": 500}, {"category": "laptops"})


def main() -> None:
    module, rounds, *actions = sys.argv[1:]
    started = time.process_time()
    function = importlib.import_module(module)
    for name in BUILDERS:
        if hasattr(function, name):
            getattr(function, name)()
    ready = time.process_time()
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
        "first_ms": {action: seconds * 1e3 for action, seconds in first.items()},
        "warm_us": {action: sorted(all_)[len(all_) // 2] * 1e6 for action, all_ in warm.items()},
    }
    sys.__stdout__.write(json.dumps(figures) + "\n")


def _seconds(function: object, action: str, turn: int) -> float:
    event = _event(action, turn)
    started = time.process_time()
    answer = function.handler(event, None)  # type: ignore[attr-defined]
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
