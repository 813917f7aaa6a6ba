"""Three people, sixty deals, a message, a goodbye: the service doing its job, seen from outside.

Run by `make demo`. Everything is real: the zips run in the local cloud, the people hold WebSocket
connections, and each person's wishes are checked here by plain Python, not by the service's own filter code.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import statistics
import sys
import time
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from examples.progress import Progress
from examples.ways import Ways
from local_cloud import CloudFailed
from local_cloud.client import Person
from local_cloud.stack import Stack, running_stack
from local_cloud.terraform import TerraformFailed
from local_cloud.up import list_commands

if TYPE_CHECKING:
    from collections.abc import Callable

FEED = Path(__file__).with_name("deals.jsonl")
SECONDS_BETWEEN_DEALS = 0.08
SETTLE_SECONDS = 5.0
"""How long the last deal may take; then what has not come counts as lost."""

TICK_SECONDS = 0.05

console = Console(highlight=False, soft_wrap=True)


@dataclass
class Shopper:
    """A person of the demo: what they ask of the service, and what that means in plain Python."""

    name: str
    colour: str
    wish: str
    subscriptions: list[dict[str, Any]]
    wants: Callable[[str, dict[str, Any]], bool]
    person: Person | None = None
    got: dict[str, float] = field(default_factory=dict)
    """Milliseconds from publish call to socket, by event id."""
    repeats: int = 0


def shoppers() -> list[Shopper]:
    """Ann, Ben and Cho."""
    return [
        Shopper(
            "Ann",
            "cyan",
            "electronics with at least 25 % off",
            [{"topic": "all-deals", "filters": {"category": "electronics", "minDiscount": 25}}],
            lambda _topic, deal: deal["category"] == "electronics" and deal["discountPercentage"] >= 25,
        ),
        Shopper(
            "Ben",
            "magenta",
            "flights and hotels up to 400",
            [
                {"topic": "travel.flights", "filters": {"maxPrice": 400}},
                {"topic": "travel.hotels", "filters": {"maxPrice": 400}},
            ],
            lambda topic, deal: topic.startswith("travel.") and deal["price"] <= 400,
        ),
        Shopper(
            "Cho",
            "yellow",
            "anything under 100, in stock, in a flash sale or shipped free",
            [
                {
                    "topic": "all-deals",
                    "filters": {"price": {"lt": 100}, "inStock": True, "tags": ["flash", "free-shipping"]},
                }
            ],
            lambda _topic, deal: (
                deal["price"] < 100
                and deal["inStock"]
                and bool({"flash", "free-shipping"} & set(deal.get("tags", [])))
            ),
        ),
    ]


async def arrive(stack: Stack, shopper: Shopper) -> None:
    """Connect and subscribe."""
    token = stack.token(shopper.name.lower())
    shopper.person = await Person.connect(stack.websocket_url, subprotocols=["deals.v1", token])
    for subscription in shopper.subscriptions:
        await shopper.person.subscribe(**subscription)
    console.print(f"[{shopper.colour}]{shopper.name:>4}[/] connected, wants {shopper.wish}")


async def publish_feed(ways: Ways, feed: list[dict[str, Any]], people: list[Shopper]) -> None:
    """Publish every deal, by the ways in turns, and give the last ones time to arrive."""
    published: dict[str, float] = {}
    run = uuid.uuid4().hex[:8]
    async with asyncio.TaskGroup() as group:
        watchers = [group.create_task(watch(shopper, published)) for shopper in people]
        for number, deal in enumerate(feed, 1):
            deal["eventId"] = f"{run}-{number:03d}"
            published[deal["eventId"]] = time.monotonic()
            await ways.publish(deal)
            await asyncio.sleep(SECONDS_BETWEEN_DEALS)
        for _ in range(int(SETTLE_SECONDS / TICK_SECONDS)):
            if not any(expected(one, feed) - set(one.got) for one in people):
                break
            await asyncio.sleep(TICK_SECONDS)
        for watcher in watchers:
            watcher.cancel()


async def watch(shopper: Shopper, published: dict[str, float]) -> None:
    """Print each deal as it reaches a person."""
    assert shopper.person is not None  # noqa: S101 - they have arrived
    async for frame in shopper.person.frames("dealUpdate"):
        event_id, deal = frame["eventId"], frame["data"]
        if event_id in shopper.got:
            shopper.repeats += 1
            continue
        shopper.got[event_id] = (frame["_at"] - published[event_id]) * 1000
        console.print(
            f"[{shopper.colour}]{shopper.name:>4}[/] ◀ {deal['title']:<34} {deal['price']:>8} EUR "
            f"-{deal['discountPercentage']} %  [dim]{frame['topic']}, {shopper.got[event_id]:.0f} ms[/]"
        )


def expected(shopper: Shopper, feed: list[dict[str, Any]]) -> set[str]:
    """The event ids that this person's wish admits."""
    return {deal["eventId"] for deal in feed if shopper.wants(deal["topic"], deal["data"])}


async def message_and_receipt(ann: Shopper, ben: Shopper) -> None:
    """Ann writes to Ben, Ben reads it, Ann is told."""
    assert ann.person is not None  # noqa: S101 - they have arrived
    assert ben.person is not None  # noqa: S101 - they have arrived
    text = "That Lisbon flight is below 400. Shall we?"
    sent = await ann.person.ask("sendMessage", {"recipientId": "ben", "content": text})
    console.print(f"[{ann.colour}]{ann.name:>4}[/] ▶ to Ben: {text!r} [dim]({sent['data']['messageId']})[/]")
    received = await ben.person.hears("messageReceived")
    console.print(
        f"[{ben.colour}]{ben.name:>4}[/] ◀ from {received['data']['senderId']}: "
        f"{received['data']['content']!r}"
    )
    await ben.person.ask("notificationAck", {"messageId": received["data"]["messageId"], "type": "read"})
    status = await ann.person.hears("messageStatus")
    console.print(f"[{ann.colour}]{ann.name:>4}[/] ◀ Ben has {status['data']['type']} it")


async def goodbye(stack: Stack, shopper: Shopper) -> bool:
    """Leave, and see that the service forgets the connection; whether it did."""
    assert shopper.person is not None  # noqa: S101 - they have arrived
    connection_id = await shopper.person.connection_id()
    await shopper.person.leave()
    table, key = stack.outputs["table_names"]["connections"], {"connection_id": {"S": connection_id}}
    dynamodb, deadline = stack.client("dynamodb"), time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        if "Item" not in dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True):
            console.print(
                f"[{shopper.colour}]{shopper.name:>4}[/] left; connection {connection_id} is forgotten"
            )
            return True
        await asyncio.sleep(0.05)
    return False


def summary(feed: list[dict[str, Any]], people: list[Shopper], ways: Ways, forgotten: bool) -> bool:
    """Print the closing table; whether everything is as it should be."""
    table = Table(title="What happened", title_justify="left")
    for column in ("", "expected", "delivered", "lost", "not wanted", "twice", "p50 ms", "p99 ms"):
        table.add_column(column, justify="left" if not column else "right")
    fine = forgotten
    everything: list[float] = []
    for shopper in people:
        wanted, got = expected(shopper, feed), set(shopper.got)
        everything += shopper.got.values()
        fine = fine and wanted == got and shopper.repeats == 0
        table.add_row(
            shopper.name, *_counts(wanted, got, shopper.repeats), *_latency(list(shopper.got.values()))
        )
    wanted_all = sum(len(expected(one, feed)) for one in people)
    table.add_section()
    for way in ways.names():
        table.add_row(*_of_way(way, ways.used, feed, people))
    table.add_section()
    table.add_row(
        f"{len(feed)} events", str(wanted_all), str(len(everything)), "", "", "", *_latency(everything)
    )
    console.print(table)
    console.print(
        "[bold green]None lost, none twice.[/]"
        if fine
        else "[bold red]Not as it should be: see the table.[/]"
    )
    return fine


def _of_way(way: str, used: dict[str, str], feed: list[dict[str, Any]], people: list[Shopper]) -> list[str]:
    """The row of one way of publishing, over all people."""
    mine = {event_id for event_id, by in used.items() if by == way}
    wanted = [expected(one, feed) & mine for one in people]
    lost = sum(len(ids - one.got.keys()) for ids, one in zip(wanted, people, strict=True))
    took = [milliseconds for one in people for event_id, milliseconds in one.got.items() if event_id in mine]
    total = sum(len(ids) for ids in wanted)
    return [f"{len(mine)} by {way}", str(total), str(len(took)), str(lost), "", "", *_latency(took)]


def _counts(wanted: set[str], got: set[str], repeats: int) -> list[str]:
    return [str(len(wanted)), str(len(got)), str(len(wanted - got)), str(len(got - wanted)), str(repeats)]


def _latency(milliseconds: list[float]) -> list[str]:
    if len(milliseconds) < 2:
        return [f"{one:.0f}" for one in milliseconds] * 2 or ["-", "-"]
    cuts = statistics.quantiles(milliseconds, n=100, method="inclusive")
    return [f"{cuts[49]:.0f}", f"{cuts[98]:.0f}"]


async def show(stack: Stack) -> bool:
    """The whole story; whether it went well."""
    feed = [json.loads(line) for line in FEED.read_text().splitlines()]
    people, ways = shoppers(), Ways(stack)
    for shopper in people:
        await arrive(stack, shopper)
    await ways.ready()
    console.rule(f"{len(feed)} deals, by {', '.join(ways.names())}")
    await publish_feed(ways, feed, people)
    console.rule("a message")
    await message_and_receipt(people[0], people[1])
    console.rule("a goodbye")
    forgotten = await goodbye(stack, people[2])
    fine = summary(feed, people, ways, forgotten)
    for shopper in people[:2]:
        assert shopper.person is not None  # noqa: S101 - they have arrived
        await shopper.person.leave()
    return fine


def main() -> int:
    """Run the demo; 0 where every deal reached whom it should, once."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="leave the service running until Ctrl-C")
    options = parser.parse_args()
    try:
        with ExitStack() as running:
            with Progress(console) as progress:
                stack = running.enter_context(running_stack(progress, redis=True))
            console.print(f"The service is up after {progress.seconds:.0f} s at {stack.websocket_url}")
            if stack.redis is not None:
                console.print(f"Redis for it is {stack.redis.description}")
            fine = asyncio.run(show(stack))
            if options.keep:
                console.print("\n[bold]Go on by hand[/] (the token is good for an hour)")
                console.print(*list_commands(stack), sep="\n", markup=False)
                console.print("\nCtrl-C ends it.")
                signal.pause()
            return 0 if fine else 1
    except (CloudFailed, TerraformFailed) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("\nEnded; nothing is left running.")
        return 130


if __name__ == "__main__":
    sys.exit(main())
