"""A backend that publishes by every path of the service, with the package `deals_publisher`.

    make local-up                      # prints the variables that this reads
    .venv/bin/python examples/publisher.py

Without the publish API (PUBLISH_API_URL) or Redis (REDIS_URL) it leaves these paths out.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from deals_publisher import (
    HttpApi,
    LambdaInvoke,
    Publisher,
    PublishError,
    RedisChannel,
    RedisStream,
    SqsQueue,
)


def build_publishers() -> dict[str, Publisher]:
    """Return a publisher for each path that the environment variables describe."""
    publishers = {
        "invoke": Publisher(LambdaInvoke(os.environ["BROADCAST_FUNCTION"])),
        "queue": Publisher(SqsQueue(os.environ["EVENTS_QUEUE_URL"])),
    }
    if url := os.environ.get("PUBLISH_API_URL"):
        publishers["HTTP"] = Publisher(HttpApi(url, token=os.environ["PUBLISH_TOKEN"]))
    if url := os.environ.get("REDIS_URL"):
        options = {"password": Path(os.environ["REDIS_PASSWORD_FILE"]).read_text()}
        if ca_file := os.environ.get("REDIS_CA_FILE"):
            options["ssl_ca_certs"] = ca_file
        publishers["Redis stream"] = Publisher(RedisStream(url, **options))
        publishers["Redis channel"] = Publisher(RedisChannel(url, **options))
    return publishers


def main() -> int:
    """Publish a deal by each path, and a message and a notification by the first; returns the exit code."""
    try:
        publishers = build_publishers()
    except KeyError as missing:
        print(f"{missing.args[0]} is not set; `make local-up` prints what to export", file=sys.stderr)
        return 1

    try:
        for number, (path, publisher) in enumerate(publishers.items(), 1):
            deal = {"title": f"Atlas, {path}", "price": 40 + number, "category": "books"}
            print(f"{path:14}", publisher.publish_event("books", deal))

        publisher = publishers["invoke"]
        print(f"{'message':14}", publisher.publish_message("you", "Your order has left"))
        print(f"{'notification':14}", publisher.notify_users(["you", "ann"], "Sale", "It begins at noon"))
    except PublishError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
