"""`make demo`: three people receive sixty deals and a message, a fourth comes late, and all disconnect.

Nothing is mocked: the zips run in the local cloud, and the people use the Python client. What each of them
should receive is computed here in plain Python, not by the service's own filter code.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import redis
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from deals_client import DealsClient, DealsError
from deals_publisher import PublishError
from examples.latecomer import welcome
from examples.publish_paths import PublishPaths
from examples.shoppers import Shopper, build_shoppers, expected_events
from examples.summary import print_summary
from examples.warm_up import wake, warm_up
from local_cloud import CloudFailed
from local_cloud.isolation import isolate
from local_cloud.progress import Progress
from local_cloud.stack import Stack, running_stack
from local_cloud.terraform import TerraformFailed
from local_cloud.up import list_commands

FEED = Path(__file__).with_name("deals.jsonl")
SECONDS_BETWEEN_DEALS = 0.05
SETTLE_SECONDS = 5.0
"""How long the last deal may take until it counts as lost."""

MESSAGE_SECONDS = 15.0
"""How long a message or its receipt may take on a busy machine."""
POLL_SECONDS = 0.05

# Of the clients, and of what the demo asks and awaits itself.
_FAILURES = (DealsError, PublishError, TimeoutError, ClientError, BotoCoreError, redis.RedisError)
Item = TypeVar("Item")

console = Console(highlight=False, soft_wrap=True)


async def connect(stack: Stack, shopper: Shopper) -> None:
    """Connect a shopper and subscribe."""
    client = shopper.client = DealsClient(
        stack.websocket_url, get_token=lambda _reason: stack.token(shopper.name.lower())
    )
    client.on("message", shopper.messages.put_nowait)
    client.on("messageStatus", shopper.receipts.put_nowait)
    await client.connect()
    for subscription in shopper.subscriptions:
        await client.subscribe(**subscription, on_event=shopper.take).ready()
    console.print(f"[{shopper.colour}]{shopper.name:>4}[/] connected, wants {shopper.wish}")


async def publish_feed(paths: PublishPaths, feed: list[dict[str, Any]], shoppers: list[Shopper]) -> None:
    """Publish every deal, and wait until the last ones have arrived or are lost."""
    published_at: dict[str, float] = {}
    run = uuid.uuid4().hex[:8]

    async with asyncio.TaskGroup() as group:
        watchers = [group.create_task(watch(shopper, published_at)) for shopper in shoppers]
        began = time.monotonic()
        for number, deal in enumerate(feed, 1):
            deal["eventId"] = f"{run}-{number:03d}"
            published_at[deal["eventId"]] = time.monotonic()
            await paths.publish(deal)
            await asyncio.sleep(began + number * SECONDS_BETWEEN_DEALS - time.monotonic())

        for _ in range(int(SETTLE_SECONDS / POLL_SECONDS)):
            if not any(expected_events(shopper, feed) - set(shopper.latencies) for shopper in shoppers):
                break
            await asyncio.sleep(POLL_SECONDS)
        for watcher in watchers:
            watcher.cancel()


async def watch(shopper: Shopper, published_at: dict[str, float]) -> None:
    """Print each deal that a shopper receives."""
    while True:
        event, received_at = await shopper.events.get()
        deal, latency = event.data, (received_at - published_at[event.event_id]) * 1000
        if event.event_id in shopper.latencies:
            shopper.repeats += 1
            continue

        shopper.latencies[event.event_id] = latency
        console.print(
            f"[{shopper.colour}]{shopper.name:>4}[/] ◀ {deal['title']:<34} {deal['price']:>8} EUR "
            f"-{deal['discountPercentage']} %  [dim]{event.topic}, {latency:.0f} ms[/]"
        )


async def exchange_message(ann: Shopper, ben: Shopper) -> None:
    """Send a message from Ann to Ben, who reads it; Ann receives the receipt."""
    text = "That Lisbon flight is below 400. Shall we?"
    sent = await ann.connected.send_message("ben", text)
    console.print(f"[{ann.colour}]{ann.name:>4}[/] ▶ to Ben: {text!r} [dim]({sent.message_id})[/]")

    received = await take_in_time(ben.messages, "Ann's message")
    console.print(f"[{ben.colour}]{ben.name:>4}[/] ◀ from {received.sender_id}: {received.content!r}")

    await ben.connected.ack(received.message_id, "read")
    status = await take_in_time(ann.receipts, "the receipt of Ann's message")
    console.print(f"[{ann.colour}]{ann.name:>4}[/] ◀ Ben has {status.type} it")


async def take_in_time(queue: asyncio.Queue[Item], what: str) -> Item:
    """Take the next of a queue. Raises TimeoutError, which says what did not come."""
    try:
        return await asyncio.wait_for(queue.get(), MESSAGE_SECONDS)
    except TimeoutError as error:
        raise TimeoutError(f"{what} did not come within {MESSAGE_SECONDS:g} s") from error


async def disconnect(stack: Stack, shopper: Shopper) -> bool:
    """Disconnect a shopper; returns whether the service removed the connection's record."""
    connection_id = (await shopper.connected.status()).connection_id
    await shopper.connected.close()

    table, key = stack.outputs["table_names"]["connections"], {"connection_id": {"S": connection_id}}
    dynamodb, deadline = stack.client("dynamodb"), time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        if "Item" not in dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True):
            console.print(
                f"[{shopper.colour}]{shopper.name:>4}[/] left; the record of {connection_id} is removed"
            )
            return True
        await asyncio.sleep(POLL_SECONDS)
    return False


async def run_demo(stack: Stack) -> bool:
    """Run all steps; returns whether they succeeded."""
    feed = [json.loads(line) for line in FEED.read_text().splitlines()]
    shoppers, paths = build_shoppers(), PublishPaths(stack)
    first, *others = shoppers
    console.print("[dim]waiting for the functions to start[/]")
    await asyncio.gather(wake(paths), connect(stack, first))
    await asyncio.gather(paths.wait_until_ready(), *(connect(stack, shopper) for shopper in others))
    await warm_up(paths, shoppers[0].connected, console)

    console.rule(f"{len(feed)} deals, by {', '.join(paths.names())}")
    await publish_feed(paths, feed, shoppers)
    console.rule("a message")
    await exchange_message(shoppers[0], shoppers[1])
    console.rule("a latecomer, and a private topic")
    welcomed = await welcome(
        stack,
        console,
        [shopper.connected for shopper in shoppers],
        lambda: {topic for shopper in shoppers for topic in shopper.topics},
    )
    console.rule("a goodbye")
    removed = await disconnect(stack, shoppers[2])

    succeeded = print_summary(console, feed, shoppers, paths, removed) and welcomed
    if not welcomed:
        console.print("[bold red]Dee did not see the newest deals, or a private one was not private.[/]")
    for shopper in shoppers[:2]:
        await shopper.connected.close()
    return succeeded


def stay(stack: Stack, *, keep: bool) -> None:
    """Keep the service up: until Ctrl-C if that was asked for, on a terminal until Enter, else not at all."""
    if keep:
        console.print("\n[bold]Try it by hand[/] (the token is valid for an hour)")
        console.print(*list_commands(stack), sep="\n", markup=False)
        console.print("\nStop it with Ctrl-C.")
        signal.pause()
    elif sys.stdin.isatty() and console.is_terminal and stack.console_url is not None:
        console.print(f"\nThe service is still up: look at it on {stack.console_url}")
        console.input("Press Enter to stop it; `make local-up` starts one that stays. ")
    else:
        console.print("The service stops here; `make local-up` starts one that stays.")


def explain(error: Exception) -> str | None:
    """Return in a line why the demo failed, for a failure of the service; None for a fault of the demo."""
    if isinstance(error, ExceptionGroup):  # of the tasks that ran at once
        lines = [explain(one) for one in error.exceptions]
        return None if None in lines else "; ".join(dict.fromkeys(filter(None, lines)))
    if isinstance(error, CloudFailed | TerraformFailed):
        return str(error)
    return f"{type(error).__name__}: {error}" if isinstance(error, _FAILURES) else None


def main() -> int:
    """Start the service and run the demo; returns 0 if every deal arrived once where it should."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="leave the service running until Ctrl-C")
    options = parser.parse_args()
    isolate()

    try:
        with ExitStack() as running:
            with Progress(console) as progress:
                stack = running.enter_context(running_stack(progress, redis=True, steady_port=True))
            console.print(f"The service is up after {progress.seconds:.0f} s at {stack.websocket_url}")
            if stack.redis is not None:
                console.print(f"Redis for it is {stack.redis.description}")
            if stack.console_url is not None:
                console.print(f"[bold]Watch it in a browser:[/] {stack.console_url}")
            succeeded = asyncio.run(run_demo(stack))
            stay(stack, keep=options.keep)
            return 0 if succeeded else 1
    except KeyboardInterrupt:
        console.print("\nStopped; nothing is left running.")
        return 130
    except Exception as error:
        reason = explain(error)
        if reason is None:
            raise
        console.print(reason, style="red", markup=False)
        return 1


if __name__ == "__main__":
    sys.exit(main())
