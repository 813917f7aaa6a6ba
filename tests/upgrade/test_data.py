"""From the first release to these modules, while somebody is connected: nothing that holds data is replaced.

What the first release wrote in each table serves the functions of today.
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
from tests.upgrade.deployment import ENVIRONMENT, Deployment, set_logging_role

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

            # The connection and its subscription are the same.
            assert await ana.connection_id() == connection_id
            after.publish(topic="books", data={"title": "too dear", "price": 500})
            after.publish(topic="books", data={"title": "today's", "price": 7})
            await ana.hears(lambda frame: frame.get("data", {}).get("title") == "today's")
            assert "too dear" not in [frame["data"]["title"] for frame in ana.all_heard("dealUpdate")]
            assert (await ana.ask("unsubscribeFromDeals", {"topic": "books"}))["type"] != "error"

            # The message still waits, and its sender, who stayed connected, is told that it was read.
            cy = await _connect(people, after, "cy")
            assert (await cy.ask("getStatus"))["data"]["unread"] == 1
            (message,) = (await cy.ask("getMessages"))["data"]["messages"]
            assert message["messageId"] == sent["messageId"]
            await cy.ask("notificationAck", {"messageId": sent["messageId"], "type": "read"})
            await bo.hears("messageStatus")
            assert (await bo.ask("sendMessage", {"recipientId": "cy", "content": "hello"}))[
                "type"
            ] == "messageSent"

            # What was published before is replayed, and not published again.
            back = await cy.ask("subscribeToDeals", {"topic": "books", "since": seen["position"]})
            titles = [event["data"]["title"] for event in back["data"]["events"]]
            assert (titles, back["data"]["recovered"]) == (["missed", "too dear", "today's"], True)
            again = after.publish(topic="books", eventId="e-1", data={"title": "seen", "price": 5})
            assert again["position"] == seen["position"]

            token = after.token("eve", aud="deals", iat=int(revoked["before"]) - 1)
            with pytest.raises(InvalidStatus) as refused:
                await Person.connect(
                    after.websocket_url, additional_headers={"Authorization": f"Bearer {token}"}
                )
            assert refused.value.response.status_code == 401
