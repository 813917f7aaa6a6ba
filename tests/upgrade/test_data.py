"""From the first release to these modules, while somebody is connected: nothing that holds data is replaced.

What the first release wrote in each table serves the functions of today, and after a rollback what those have
written serves the first release's.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
from websockets.exceptions import InvalidStatus

from local_cloud import LocalCloud
from local_cloud.client import Person
from tests.stored_items import KEYS, StoredKind, kinds_of
from tests.upgrade.deployment import (
    ENVIRONMENT,
    Deployment,
    put_in_service,
    read_permissions,
    set_logging_role,
)

if TYPE_CHECKING:
    from tests.e2e.service import Service

KEPT = (
    "aws_apigatewayv2_api",
    "aws_apigatewayv2_stage",
    "aws_cloudwatch_log_group",
    "aws_dynamodb_table",
    "aws_iam_role",
    "aws_lambda_alias",
    "aws_lambda_event_source_mapping",
    "aws_lambda_function",
    "aws_secretsmanager_secret",
    "aws_sns_topic_subscription",
    "aws_sqs_queue",
)
"""What holds something, or has an address that others know."""

# The emulator shows alarms otherwise than they were declared, so every plan wants to change them. A dashboard
# and a deployment hold nothing: one has another name, the stage moves to the other.
MAY_GO = re.compile(
    r"module\.deals\.module\."
    r"(alarms\[0\]\.aws_cloudwatch_composite_alarm\.unhealthy\[0\]"
    r"|dashboard\.aws_cloudwatch_dashboard\.this\[0\]"
    r"|websocket_api\.aws_apigatewayv2_deployment\.this)"
)


async def _connect(people: AsyncExitStack, service: Service, user: str) -> Person:
    headers = {"Authorization": f"Bearer {service.token(user, aud='deals')}"}
    person = await Person.connect(service.websocket_url, additional_headers=headers)
    people.push_async_callback(person.leave)
    return person


async def _ping_until(person: Person, done: asyncio.Future[None]) -> set[str]:
    """Ping again and again; return the types of the replies."""
    types = set()
    while not done.done():
        types.add((await person.ask("ping"))["type"])
        await asyncio.sleep(0.1)
    return types


def read_versions(service: Service) -> set[tuple[StoredKind, int | None]]:
    """Return the kind and the version of every item; each table has some, and each item is of one kind."""
    found: set[tuple[StoredKind, int | None]] = set()
    for table in KEYS:
        items = service.table(table).scan(ConsistentRead=True)["Items"]
        assert items, f"nothing is in {table}"
        for item in items:
            kinds = kinds_of(table, item)
            assert len(kinds) == 1, (table, item, kinds)
            (kind,) = kinds
            found.add((kind, int(item["sv"]) if "sv" in item else None))
    return found


async def _refuse(service: Service, user: str, issued_at: int) -> int:
    """Connect with a token that was revoked; return the status of the answer."""
    token = service.token(user, aud="deals", iat=issued_at)
    with pytest.raises(InvalidStatus) as refused:
        await Person.connect(service.websocket_url, additional_headers={"Authorization": f"Bearer {token}"})
    return int(refused.value.response.status_code)


async def _read_what_waits(reader: Person, sender: Person, message_id: str) -> None:
    """Read the message that waits; its sender, who stayed connected, is told."""
    assert (await reader.ask("getStatus"))["data"]["unread"] == 1
    (message,) = (await reader.ask("getMessages"))["data"]["messages"]
    assert message["messageId"] == message_id
    await reader.ask("notificationAck", {"messageId": message_id, "type": "read"})
    await sender.hears("messageStatus")
    answer = await sender.ask("sendMessage", {"recipientId": "cy", "content": "hello"})
    assert answer["type"] == "messageSent"


async def _serve_in_turn(people: AsyncExitStack, service: Service, person: Person) -> None:
    """Go back to the first release's functions, and forward: each reads what the other wrote."""
    written = (await person.ask("sendMessage", {"recipientId": "dee", "content": "of today"}))["data"]
    await person.subscribe("books")
    seen = service.publish(topic="books", eventId="e-2", data={"title": "of today"})

    for newest in (False, True):
        put_in_service(service, newest=newest)
        assert (await person.ask("ping"))["type"] == "pong"
        again = service.publish(topic="books", eventId="e-2", data={"title": "of today"})
        assert again["position"] == seen["position"]
        title = f"newest: {newest}"
        service.publish(topic="books", data={"title": title})
        await person.hears(lambda frame, title=title: frame.get("data", {}).get("title") == title)

        dee = await _connect(people, service, "dee")
        inbox = (await dee.ask("getMessages"))["data"]["messages"]
        assert written["messageId"] in [message["messageId"] for message in inbox]
        back = await dee.ask("subscribeToDeals", {"topic": "books", "since": seen["position"] - 1})
        assert back["data"]["recovered"]
        assert back["data"]["events"][0]["data"] == {"title": "of today"}
        written = (await dee.ask("sendMessage", {"recipientId": "dee", "content": title}))["data"]


@pytest.mark.timeout(900)
async def test_upgrade_keeps_what_holds_data_and_everything_in_it(first_release, tmp_path):
    with LocalCloud.start(state_dir=tmp_path / "cloud") as cloud:
        set_logging_role(cloud)
        deployment = Deployment(tmp_path, cloud)
        first = deployment.call_first_release(first_release)
        await asyncio.to_thread(first.apply, lambda _line: None)
        before, ids = deployment.read_service(first), deployment.read_ids(KEPT)
        assert {address.split(".")[-2] for address in ids} == set(KEPT)

        async with AsyncExitStack() as people:
            # Connections and subscriptions, a message that waits, history, counted actions, a revocation.
            ana, bo = await _connect(people, before, "ana"), await _connect(people, before, "bo")
            await ana.subscribe("books", {"maxPrice": 100})
            connection_id = await ana.connection_id()
            sent = (await bo.ask("sendMessage", {"recipientId": "cy", "content": "till later"}))["data"]
            seen = before.publish(topic="books", eventId="e-1", data={"title": "seen", "price": 5})
            before.publish(topic="books", data={"title": "missed", "price": 6})
            await ana.hears(lambda frame: frame.get("data", {}).get("title") == "missed")
            environment = {**cloud.env(), "DEALS_ENVIRONMENT": ENVIRONMENT}
            first_release.run_operator(environment, "revoke", "eve", "--yes")
            (revoked,) = before.table("revocations").scan()["Items"]
            assert {version for kind, version in read_versions(before) if kind.version} == {None}

            allowed = read_permissions(before)
            present = deployment.call_present()
            changes = await asyncio.to_thread(present.changes)
            gone = {address for address, actions in changes.items() if "delete" in actions}
            assert {address for address in gone if not MAY_GO.fullmatch(address)} == set()
            applying = asyncio.ensure_future(asyncio.to_thread(present.apply, lambda _line: None))
            assert await _ping_until(ana, applying) == {"pong"}
            await applying
            after = deployment.read_service(present)
            kept = deployment.read_ids(KEPT)
            assert {address: kept.get(address) for address in ids} == ids
            # A function that goes back has its old code, and the role of today.
            may = read_permissions(after)
            lacking = {name: calls - may[name] for name, calls in allowed.items()}
            assert {name: missing for name, missing in lacking.items() if missing} == {}

            # The connection and its subscription are the same.
            assert await ana.connection_id() == connection_id
            after.publish(topic="books", data={"title": "too dear", "price": 500})
            after.publish(topic="books", data={"title": "today's", "price": 7})
            await ana.hears(lambda frame: frame.get("data", {}).get("title") == "today's")
            assert "too dear" not in [frame["data"]["title"] for frame in ana.all_heard("dealUpdate")]
            assert (await ana.ask("unsubscribeFromDeals", {"topic": "books"}))["type"] != "error"

            cy = await _connect(people, after, "cy")
            await _read_what_waits(cy, bo, sent["messageId"])

            # What was published before is replayed, and not published again.
            back = await cy.ask("subscribeToDeals", {"topic": "books", "since": seen["position"]})
            titles = [event["data"]["title"] for event in back["data"]["events"]]
            assert (titles, back["data"]["recovered"]) == (["missed", "too dear", "today's"], True)
            again = after.publish(topic="books", eventId="e-1", data={"title": "seen", "price": 5})
            assert again["position"] == seen["position"]

            assert await _refuse(after, "eve", int(revoked["before"]) - 1) == 401
            assert {1, None} == {version for kind, version in read_versions(after) if kind.version}

            await _serve_in_turn(people, after, bo)
            assert await _refuse(after, "eve", int(revoked["before"]) - 1) == 401
