"""The control API: what it refuses as the caller's fault, what it answers as its own, and faults that end."""

from __future__ import annotations

import asyncio

import boto3
import pytest
from aiohttp import ClientSession, web

from local_cloud.gateway.apis import ApiCache, read_api
from local_cloud.gateway.backend import Backend
from local_cloud.gateway.clock import Clock
from local_cloud.gateway.control import PREFIX, ControlApi
from local_cloud.gateway.control_calls import BadCall, NotFound, Unavailable
from local_cloud.gateway.faults import Faults
from local_cloud.gateway.gateway import Gateway
from local_cloud.gateway.redis_faults import RedisFaults
from local_cloud.gateway.telemetry import Telemetry
from local_cloud.gateway.tunnel import Tunnel
from local_cloud.settings import CONTROL_HEADER, CloudFailed

SECONDS = 0.05


class Server:
    """A server that notes what happens to it, and does not start again."""

    def __init__(self):
        self.done = []

    def pause(self):
        self.done.append("pause")

    def resume(self):
        self.done.append("resume")

    def kill(self):
        self.done.append("kill")

    def run(self):
        raise CloudFailed("redis-server did not start: port taken")


class Failing:
    """A part of the control API each of whose calls raises one error."""

    ERRORS = (
        KeyError("name"),
        TypeError("no number"),
        AttributeError("no attribute"),
        IndexError("out of range"),
        ValueError("of the cloud's own"),
        BadCall("field: wrong"),
        NotFound("thing: none"),
        Unavailable("down"),
        CloudFailed("stopped"),
    )

    def calls(self):
        def fail(error):
            def call(_):
                raise error

            return call

        return {f"GET fail/{type(error).__name__}": fail(error) for error in self.ERRORS}


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def redis(server):
    return RedisFaults(Tunnel("127.0.0.1", 1), server)


@pytest.fixture(scope="module")
def reader():
    """A client, which takes long to make; nothing listens where it would ask."""
    session = boto3.Session("test", "test", region_name="eu-central-1")
    return session.client("apigatewayv2", endpoint_url="http://127.0.0.1:1")


@pytest.fixture
async def control(redis, reader):
    """Send a call to a served control API; return its status and its JSON."""
    backend = Backend("http://127.0.0.1:1", "eu-central-1")
    gateway = Gateway(backend, ApiCache(reader, read_api), Clock(), Telemetry(backend))
    api = ControlApi(gateway, Faults(), redis, {}, [Failing().calls()])
    runner = web.ServerRunner(web.Server(api.serve))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}{PREFIX}"
    headers = {CONTROL_HEADER: "1", "Content-Type": "application/json"}
    async with ClientSession(headers=headers) as session:

        async def control(method, path, body=""):
            async with session.request(method, url + path, data=body or None) as response:
                return response.status, await response.json()

        yield control
    await runner.cleanup()
    await backend.close()


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("clock", '{"advance": NaN}', "body:"),
        ("clock", '{"advance": Infinity}', "body:"),
        ("clock", '{"advance": 1e999}', "body:"),
        ("clock", "[" * 100_000, "body:"),
        ("clock", '{"advance": "x"}', "advance:"),
        ("clock", '{"advance": null}', "advance:"),
        ("clock", '{"advance": -1}', "advance:"),
        ("clock", '{"advance": %s}' % ("9" * 400), "advance:"),
        ("clock", '{"speed": 0}', "speed:"),
        ("clock", '{"speed": true}', "speed:"),
        ("limits", '{"requests": 5}', "requests:"),
        ("limits", '{"requests": {"rate": 1}}', "requests:"),
        ("limits", '{"requests": {"rate": "x", "burst": 1}}', "requests.rate:"),
        ("limits", '{"connects": {"rate": 1, "burst": -1}}', "connects.burst:"),
        ("limits", '{"sqs_message_bytes": "x"}', "sqs_message_bytes:"),
        ("limits", '{"no_limit": 1}', "no_limit:"),
        ("lose-disconnects", '{"times": "x"}', "times:"),
        ("lose-disconnects", '{"times": 1.5}', "times:"),
        ("connections/none/half-open", '{"seconds": "x"}', "seconds:"),
        ("connections/none/drop", '{"lose_disconnect": "false"}', "lose_disconnect:"),
        ("faults", '{"status": "400"}', "status:"),
        ("faults", '{"status": 500, "times": "2"}', "times:"),
        ("faults", '{"status": 500, "share": "all"}', "share:"),
        ("faults", '{"status": 500, "service": 7}', "service:"),
        ("faults", '{"status": 500, "error": null}', "error:"),
        ("faults", '{"delay_ms": "x"}', "delay_ms:"),
        ("faults", '{"delay_ms": 1.5}', "delay_ms:"),
        ("faults", '{"cut": ["before"]}', "cut:"),
        ("faults", '{"status": 500, "seconds": 0}', "seconds:"),
        ("faults", '{"status": 500, "seconds": "5"}', "seconds:"),
        ("faults", '{"status": 500, "seconds": 3601}', "seconds:"),
        ("redis", "{}", "state:"),
        ("redis", '{"seconds": 5}', "state:"),
        ("redis", '{"state": ["open"]}', "state:"),
        ("redis", '{"delay_ms": "5"}', "delay_ms:"),
        ("redis", '{"server": "stop"}', "server:"),
        ("redis", '{"state": "cut", "seconds": 0}', "seconds:"),
    ],
)
async def test_wrong_field_is_named_and_nothing_changes(control, redis, path, body, field):
    clock = (await control("GET", "clock"))[1]["now"]
    status, answer = await control("POST", path, body)

    assert (status, answer["error"][: len(field)]) == (400, field)
    assert 0 <= (await control("GET", "clock"))[1]["now"] - clock < 60
    assert (await control("GET", "faults"))[1] == []
    assert redis.state == "open"


@pytest.mark.parametrize("error", Failing.ERRORS, ids=lambda error: type(error).__name__)
async def test_only_what_a_call_refuses_is_the_callers_fault(control, error, caplog):
    status, answer = await control("GET", f"fail/{type(error).__name__}")

    expected = {BadCall: 400, NotFound: 404, Unavailable: 503, CloudFailed: 503}.get(type(error), 500)
    assert status == expected
    if status == 500:
        assert answer["error"].startswith(f"{type(error).__name__}: ")
        assert caplog.records[-1].exc_info[1] is error
    else:
        assert (answer, caplog.records) == ({"error": str(error)}, [])


async def test_server_is_left_alone_if_another_field_is_wrong(control, server):
    assert (await control("POST", "redis", '{"server": "restart", "delay_ms": -1}'))[0] == 400
    assert server.done == []


async def test_server_that_does_not_start_again_is_unavailable(control, server):
    status, answer = await control("POST", "redis", '{"server": "restart"}')

    assert (status, server.done) == (503, ["kill"])
    assert answer["error"] == "redis: redis-server did not start: port taken"


# Faults that end by themselves


def test_fault_ends_after_its_seconds():
    now = [100.0]
    faults = Faults(lambda: now[0])
    faults.add({"status": 500, "seconds": 5})
    faults.add({"service": "sqs", "status": 503})

    now[0] = 104.9
    assert faults.find("sqs", "SendMessage").status == 500
    assert [fault["seconds"] for fault in faults.list()] == [5, None]
    now[0] = 105.0
    assert faults.find("sqs", "SendMessage").status == 503
    assert [fault["seconds"] for fault in faults.list()] == [None]
    assert faults.clear(1) == 0


async def test_fault_of_redis_ends_after_its_seconds(redis, server):
    change = {"state": "paused", "delay_ms": 200, "server": "suspend", "seconds": SECONDS}
    assert await redis.apply(change) == {"state": "paused", "delay_ms": 200}
    assert server.done == ["pause"]

    await asyncio.sleep(2 * SECONDS)

    assert (redis.state, server.done) == ("open", ["pause", "resume"])
    assert await redis.apply({"state": "open"}) == {"state": "open", "delay_ms": 0}


async def test_end_of_a_fault_of_redis_does_not_end_a_later_one(redis):
    await redis.apply({"state": "paused", "delay_ms": 200, "seconds": SECONDS})
    await redis.apply({"state": "cut"})

    await asyncio.sleep(2 * SECONDS)

    assert await redis.apply({"delay_ms": 1}) == {"state": "cut", "delay_ms": 1}
