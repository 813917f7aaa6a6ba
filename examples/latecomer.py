"""The demo's last visitor: Dee comes when the deals are over, and sees a page all the same."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from deals_client import DealsClient, Event, Forbidden

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from rich.console import Console

    from local_cloud.stack import Stack

NAME = "[green] Dee[/]"
RECENT = 5
MAX_PRICE = 100
PRIVATE_TOPIC = "private.members"
HEARD_WITHIN_SECONDS = 15.0


async def welcome(
    stack: Stack,
    console: Console,
    others: Collection[DealsClient],
    topics_of_others: Callable[[], Collection[str]],
) -> bool:
    """Show the newest deals to a latecomer, then a private topic to her alone; returns whether both hold.

    `topics_of_others` returns the topics of the events that the others have got so far.
    """
    topics = ["*", PRIVATE_TOPIC]
    async with DealsClient(
        stack.websocket_url, get_token=lambda _reason: stack.token("dee", topics=topics)
    ) as dee:
        saw = await _see_newest(dee, console)
        heard = await _hear_in_private(stack, dee, console)
    refused = all([await _is_refused(other) for other in others])
    return saw and heard and refused and PRIVATE_TOPIC not in topics_of_others()


async def _see_newest(dee: DealsClient, console: Console) -> bool:
    events: list[Event] = []
    newest = dee.subscribe(
        "all-deals", filters={"maxPrice": MAX_PRICE}, recent=RECENT, on_event=events.append
    )
    await newest.ready()
    for event in events:
        deal = event.data
        console.print(f"{NAME} ◀ {deal['title']:<34} {deal['price']:>8} EUR  [dim]of before[/]")

    positions = [event.position for event in events]
    cheap = all(event.data["price"] <= MAX_PRICE for event in events)
    return len(events) == RECENT and cheap and positions == sorted(positions)


async def _hear_in_private(stack: Stack, dee: DealsClient, console: Console) -> bool:
    async with dee.subscribe(PRIVATE_TOPIC) as private:
        await private.ready()
        event = {"messageType": "dealUpdate", "topic": PRIVATE_TOPIC, "data": {"title": "Members' night"}}
        await asyncio.to_thread(
            stack.client("lambda").invoke,
            FunctionName=stack.outputs["function_names"]["broadcast"],
            Payload=json.dumps(event).encode(),
        )
        heard = await asyncio.wait_for(anext(aiter(private)), HEARD_WITHIN_SECONDS)
    console.print(f"{NAME} ◀ {heard.data['title']}  [dim]{PRIVATE_TOPIC}, for her token alone[/]")
    return heard.data == event["data"]


async def _is_refused(other: DealsClient) -> bool:
    """Whether the private topic is none for another's token."""
    try:
        await other.subscribe(PRIVATE_TOPIC).ready()
    except Forbidden:
        return True
    return False
