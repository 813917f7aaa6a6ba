"""The applied stack, reached at each URL that LocalStack documents for WebSocket APIs."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from local_cloud.client import Person
from local_cloud.named_cloud import NamedCloud, find_named_cloud
from local_cloud.settings import CloudFailed
from tests.e2e.service import Service
from tests.localstack_stand_in import standing_in

STYLES = {
    "path": "ws://127.0.0.1:{port}/_aws/execute-api/{api_id}/{stage}",
    "host": "ws://{api_id}.execute-api.localhost.localstack.cloud:{port}/{stage}",
    "port": "{api_endpoint}",
}


@pytest.fixture
def address(stack):
    return stack.outputs["api_id"], stack.outputs["websocket_url"].rpartition("/")[2]


@pytest.fixture(autouse=True)
def only_on_a_cloud_of_this_project(stack):
    if not stack.stack.has_control_api:
        pytest.skip("the stand-in stands before this project's local cloud: unset LOCALSTACK_ENDPOINT")


@pytest.mark.parametrize("style", STYLES)
async def test_deals_flow_at_every_documented_url(stack, address, topic, style, monkeypatch):
    token = stack.token("ann")
    with standing_in(stack.stack.endpoint, *address, style) as stand_in:
        monkeypatch.setenv("LOCALSTACK_ENDPOINT", f"{stand_in.endpoint}/")
        named = find_named_cloud()
        assert named == NamedCloud(stand_in.endpoint, has_control_api=False, runs_on_host=False)

        url = await asyncio.to_thread(named.find_websocket_url, *address, stand_in.api_endpoint, token)
        person = await Person.connect(url, additional_headers={"Authorization": f"Bearer {token}"})
        await person.subscribe(topic)
        behind = Service(replace(stack.stack, endpoint=stand_in.endpoint))
        await asyncio.to_thread(behind.publish, topic=topic, data={"title": style})
        heard = await person.hears("dealUpdate")
        await person.leave()

    api_id, stage = address
    parts = {
        "port": stand_in.endpoint.rpartition(":")[2],
        "api_id": api_id,
        "stage": stage,
        "api_endpoint": stand_in.api_endpoint,
    }
    assert url == STYLES[style].format(**parts)
    assert heard["data"] == {"title": style}


async def test_api_that_opens_nowhere_is_an_error_that_names_every_url(stack, address):
    with standing_in(stack.stack.endpoint, "another", "v1", "path") as stand_in:
        named = NamedCloud(stand_in.endpoint, has_control_api=False, runs_on_host=False)
        with pytest.raises(CloudFailed) as refused:
            await asyncio.to_thread(named.find_websocket_url, *address, stand_in.api_endpoint, "token")

    assert str(refused.value).count("status 404") == 4
    assert "paid plan" in str(refused.value)
