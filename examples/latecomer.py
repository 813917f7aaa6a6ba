"""The demo's last visitor: Dee comes when the deals are over, and sees a page all the same."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from local_cloud.client import Person

if TYPE_CHECKING:
    from collections.abc import Collection

    from rich.console import Console

    from local_cloud.stack import Stack

NAME = "[green] Dee[/]"
RECENT = 5
MAX_PRICE = 100
PRIVATE_TOPIC = "private.members"


async def welcome(stack: Stack, console: Console, others: Collection[Person]) -> bool:
    """Show the newest deals to a latecomer, then a private topic to her alone; returns whether both hold."""
    token = stack.token("dee", topics=["*", PRIVATE_TOPIC])
    dee = await Person.connect(stack.websocket_url, subprotocols=["deals.v1", token])
    try:
        return await _see_newest(dee, console) and await _hear_in_private(stack, dee, console, others)
    finally:
        await dee.leave()


async def _see_newest(dee: Person, console: Console) -> bool:
    wish = {"topic": "all-deals", "filters": {"maxPrice": MAX_PRICE}, "recent": RECENT}
    events: list[dict[str, Any]] = (await dee.ask("subscribeToDeals", wish))["data"]["events"]
    for event in events:
        deal = event["data"]
        console.print(f"{NAME} ◀ {deal['title']:<34} {deal['price']:>8} EUR  [dim]of before[/]")

    positions = [event["position"] for event in events]
    cheap = all(event["data"]["price"] <= MAX_PRICE for event in events)
    return len(events) == RECENT and cheap and positions == sorted(positions)


async def _hear_in_private(stack: Stack, dee: Person, console: Console, others: Collection[Person]) -> bool:
    await dee.subscribe(PRIVATE_TOPIC)
    refused = [await other.ask("subscribeToDeals", {"topic": PRIVATE_TOPIC}) for other in others]

    event = {"messageType": "dealUpdate", "topic": PRIVATE_TOPIC, "data": {"title": "Members' night"}}
    await asyncio.to_thread(
        stack.client("lambda").invoke,
        FunctionName=stack.outputs["function_names"]["broadcast"],
        Payload=json.dumps(event).encode(),
    )
    heard = await dee.hears(lambda frame: frame.get("topic") == PRIVATE_TOPIC)
    console.print(f"{NAME} ◀ {heard['data']['title']}  [dim]{PRIVATE_TOPIC}, for her token alone[/]")
    for other in others:
        await other.ask("ping")
    leaked = any(frame.get("topic") == PRIVATE_TOPIC for other in others for frame in other.heard)
    return not leaked and all(reply["data"].get("code") == "FORBIDDEN" for reply in refused)
