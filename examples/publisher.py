"""A backend that publishes: every way that the service offers, by the package `deals_publisher`.

    make local-up                      # prints the variables that this reads
    .venv/bin/python examples/publisher.py

Without Redis (REDIS_URL) it publishes by AWS alone.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from deals_publisher import LambdaInvoke, Publisher, PublishError, RedisChannel, RedisStream, SqsQueue


def publishers() -> dict[str, Publisher]:
    """A publisher for each way that the environment tells of."""
    ways = {
        "invoke": Publisher(LambdaInvoke(os.environ["BROADCAST_FUNCTION"])),
        "queue": Publisher(SqsQueue(os.environ["EVENTS_QUEUE_URL"])),
    }
    if url := os.environ.get("REDIS_URL"):
        options = {"password": Path(os.environ["REDIS_PASSWORD_FILE"]).read_text()}
        if authorities := os.environ.get("REDIS_CA_FILE"):
            options["ssl_ca_certs"] = authorities
        ways["Redis stream"] = Publisher(RedisStream(url, **options))
        ways["Redis channel"] = Publisher(RedisChannel(url, **options))
    return ways


def main() -> int:
    """Publish a deal by every way, a message and a notification by the first; the exit code."""
    try:
        ways = publishers()
    except KeyError as missing:
        print(f"{missing.args[0]} is not set; `make local-up` prints what to export", file=sys.stderr)
        return 1
    try:
        for number, (way, deals) in enumerate(ways.items(), 1):
            deal = {"title": f"Atlas, {way}", "price": 40 + number, "category": "books"}
            print(f"{way:14}", deals.publish_event("books", deal))
        deals = ways["invoke"]
        print(f"{'message':14}", deals.publish_message("you", "Your order has left"))
        print(f"{'notification':14}", deals.notify_users(["you", "ann"], "Sale", "It begins at noon"))
    except PublishError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
