"""The client's edges: arguments, secrets, loops, the file of positions, and the facade without asyncio."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from clients.conformance.runner.server import ScenarioServer
from clients.conformance.runner.service import Service
from deals_client import (
    ClientClosed,
    ConfigurationError,
    DealsClient,
    FileStorage,
    NoReply,
    NotAuthorized,
    Options,
    sync,
)
from deals_client.tokens import refresh_after

TOPIC = "electronics.laptops"


@pytest.fixture
async def server():
    async with ScenarioServer(Service()) as one:
        yield one


def client_of(server, **options):
    return DealsClient(server.url, lambda _reason: server.service.issue_token(), **options)


@pytest.mark.parametrize(
    "url",
    [
        "https://x",
        "ws://example.com/s",
        "wss://",
        "wss://a:b@x/s",
        "wss://x/s?token=t",
        "wss://x/s#f",
        "x",
        "wss://[/",
    ],
)
def test_wrong_url_is_refused_with_the_remedy(url):
    with pytest.raises(ConfigurationError, match=r"^url: "):
        DealsClient(url, lambda _: "t")


@pytest.mark.parametrize("options", [{"buffer": 0}, {"ping_after": 600}, {"max_age": -1}, {"seen": True}])
def test_option_out_of_range_is_refused_by_its_name(options):
    with pytest.raises(ConfigurationError, match=rf"^{next(iter(options))}: "):
        Options(**options)


async def test_events_come_by_the_iterator_until_break(server):
    async with client_of(server) as client, client.subscribe(TOPIC, recent=2) as laptops:
        await laptops.ready()
        for _ in range(3):
            await server.push([server.service.add_event(TOPIC, {"price": 1}, None, "dealUpdate", None)])
        positions = []
        async for event in laptops:
            positions.append(event.position)
            if len(positions) == 3:
                break
    assert positions == [1001, 1002, 1003]
    assert client.state == "closed"
    assert server.requests[-1]["action"] == "unsubscribeFromDeals"


async def test_coroutine_handler_gets_one_event_after_the_other(server):
    got, running, done = [], 0, asyncio.Event()

    async def handle(event):
        nonlocal running
        running += 1
        assert running == 1
        await asyncio.sleep(0.01)
        got.append(event.position)
        running -= 1
        if len(got) == 5:
            done.set()

    async with client_of(server) as client:
        await client.subscribe(TOPIC, on_event=handle).ready()
        events = [server.service.add_event(TOPIC, {}, None, "dealUpdate", None) for _ in range(5)]
        await server.push(events)
        await asyncio.wait_for(done.wait(), 10)
    assert got == [1001, 1002, 1003, 1004, 1005]


async def test_no_log_line_or_error_holds_the_token(server, caplog):
    caplog.set_level(logging.DEBUG)
    async with client_of(server) as client:
        await client.presence(["ben"])
    # The test's own server logs what it receives.
    ours = [record.getMessage() for record in caplog.records if record.name != "websockets.server"]
    assert not [line for line in ours if "token-1" in line]
    assert len(ours) < len(caplog.records)


async def test_client_refuses_a_second_loop_and_closed_calls(server):
    client = client_of(server)
    await client.connect()

    def elsewhere():
        with pytest.raises(ConfigurationError, match="event loop"):
            asyncio.run(client.presence(["ben"]))

    await asyncio.to_thread(elsewhere)
    await client.close()
    with pytest.raises(ClientClosed):
        await client.presence(["ben"])
    with pytest.raises(ClientClosed):
        client.subscribe(TOPIC)


async def test_cancelling_a_call_returns_at_once_and_leaves_nothing(server):
    async with client_of(server) as client:
        server.opens = "silent"
        call = asyncio.create_task(client.presence(["ben"]))
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(call, 1)
        with pytest.raises(NoReply) as failure:
            await client.send_message("ben", "x", timeout=0.05)
        assert isinstance(failure.value, TimeoutError)
        assert failure.value.request_id


async def test_not_authorized_reaches_the_caller_of_connect(server):
    async def get_token(_reason):
        raise NotAuthorized("signed out")

    client = DealsClient(server.url, get_token)
    with pytest.raises(NotAuthorized, match="signed out"):
        await client.connect()
    assert client.state == "stopped"
    with pytest.raises(NotAuthorized):
        async with DealsClient(server.url, get_token):
            pass


async def test_file_storage_keeps_positions_and_a_broken_file_is_a_warning(server, tmp_path):
    file = tmp_path / "deals.json"
    async with client_of(server, storage=FileStorage(file)) as client:
        await client.subscribe(TOPIC, on_event=lambda _: None).ready()
        await server.push([server.service.add_event(TOPIC, {}, None, "dealUpdate", None)])
        await server.settle()
    kept = json.loads(file.read_text())
    assert (kept["user"], kept["positions"], kept["ids"]) == ("ann", {TOPIC: 1001}, ["event-1001"])
    assert [path.name for path in tmp_path.iterdir()] == ["deals.json"]

    server.service.add_event(TOPIC, {}, None, "dealUpdate", None)
    async with client_of(server, storage=FileStorage(file)) as client:
        laptops = client.subscribe(TOPIC)
        assert (await anext(laptops)).position == 1002

    file.write_text("{")
    async with client_of(server, storage=FileStorage(file)) as client:
        await client.subscribe(TOPIC).ready()


async def test_another_users_positions_are_not_used(server, tmp_path):
    file = tmp_path / "deals.json"
    file.write_text(json.dumps({"user": "ben", "positions": {TOPIC: 7}, "ids": [], "time": 1e12}))
    async with client_of(server, storage=FileStorage(file)) as client:
        await client.subscribe(TOPIC).ready()
    assert all(
        "since" not in request["data"] for request in server.requests if "topic" in request.get("data", {})
    )


def test_refresh_is_planned_75_seconds_before_the_end_or_at_80_percent():
    assert refresh_after(3600, lambda: 0.5) == 3525
    assert refresh_after(200, lambda: 0.5) == 160


async def test_facade_without_asyncio_does_the_same(server):
    def use():
        with sync.DealsClient(server.url, lambda _reason: server.service.issue_token()) as client:
            with client.subscribe(TOPIC, since=1000) as laptops:
                positions = [event.position for event, _ in zip(laptops, range(2), strict=False)]
            sent = client.send_message("ben", "Shall we?")
            assert list(client.inbox()) == []
            assert client.presence(["ben"]) == {"ben": False}
            assert client.status().user_id == "ann"
        assert client.state == "closed"
        return positions, sent.message_id

    for _ in range(3):
        server.service.add_event(TOPIC, {}, None, "dealUpdate", None)
    assert await asyncio.to_thread(use) == ([1001, 1002], "message-001")
