"""Measures the round trips of the local gateway: `python -m tests.bench.gateway_load`.

Holds idle connections and sends messages over others, first through functions that the emulator runs,
then with a stub in place of the emulator that answers Invoke at once, which leaves the cost of the gateway.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import json
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import boto3
from aiohttp import web
from websockets.asyncio.client import ClientConnection, connect

from local_cloud import LocalCloud
from local_cloud.daemon import serve
from local_cloud.gateway.backend import Backend
from local_cloud.settings import HOST
from tests.bench.report import Ratio, Report
from tests.contract.gateway.probe import STAGE, Deployer, Target

# New connections per second stay below the account's 500.
CONNECTS_AT_ONCE = 50
say = functools.partial(print, flush=True)
REQUEST = json.dumps({"action": "echo", "say": "pong"})


async def _connect_client(url: str) -> ClientConnection:
    return await connect(url, ping_interval=None, compression=None, proxy=None, open_timeout=30)


async def _hold_idle(url: str, count: int) -> list[ClientConnection]:
    clients: list[ClientConnection] = []
    while len(clients) < count:
        started = time.monotonic()
        batch = min(CONNECTS_AT_ONCE, count - len(clients))
        clients += await asyncio.gather(*(_connect_client(url) for _ in range(batch)))
        await asyncio.sleep(max(0.0, batch / 450 - (time.monotonic() - started)))
    return clients


async def _send_until(client: ClientConnection, until: float, took: list[float]) -> None:
    while (started := time.monotonic()) < until:
        await client.send(REQUEST)
        assert await client.recv() == "pong"
        took.append(time.monotonic() - started)


async def measure(name: str, url: str, idle: int, talkers: int, seconds: float) -> float:
    """Print the figures of one setup; return round trips per second."""
    started = time.monotonic()
    idle_clients = await _hold_idle(url, idle)
    say(f"{name}: {idle} connections opened in {time.monotonic() - started:.1f} s")

    active = await asyncio.gather(*(_connect_client(url) for _ in range(talkers)))
    await asyncio.gather(
        *(_send_until(client, time.monotonic() + 3, []) for client in active)
    )  # starts the functions

    took: list[float] = []
    started = time.monotonic()
    await asyncio.gather(*(_send_until(client, started + seconds, took) for client in active))
    rate = len(took) / (time.monotonic() - started)
    open_count = sum(client.state.name == "OPEN" for client in idle_clients)
    p50, p99 = (statistics.quantiles(took, n=100)[at] * 1000 for at in (49, 98))
    say(f"{name}: {rate:.0f} round trips/s by {talkers} clients, p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    say(f"{name}: {open_count} of {idle} idle connections still open")

    for client in [*idle_clients, *active]:
        client.transport.abort()
    assert open_count == idle
    return rate


def _run_stub(port: Any) -> None:
    """A stub of the emulator: it declares one API, and every function answers at once."""
    reply = {"routeResponseSelectionExpression": "$default"}
    declared: dict[str, Any] = {
        "": {
            "apiId": "stub",
            "protocolType": "WEBSOCKET",
            "routeSelectionExpression": "$request.body.action",
        },
        "/routes": [{"routeId": "r", "routeKey": "echo", "target": "integrations/i", **reply}],
        "/routes/r/routeresponses": [{"routeResponseKey": "$default"}],
        "/integrations": [{"integrationId": "i", "integrationType": "AWS_PROXY", "integrationUri": "f"}],
        "/authorizers": [],
        "/stages": [{"stageName": STAGE, "deploymentId": "d"}],
    }

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        if request.path.endswith("/invocations"):
            return web.json_response({"statusCode": 200, "body": "pong"})
        if request.path.startswith("/v2/apis/stub"):
            resource = declared[request.path.removeprefix("/v2/apis/stub")]
            return web.json_response(resource if isinstance(resource, dict) else {"items": resource})
        return web.json_response({"logGroups": []})

    async def run() -> None:
        runner = web.ServerRunner(web.Server(answer))
        await runner.setup()
        await web.TCPSite(runner, HOST, 0).start()
        port.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(run())


def _run_proxy(port: Any, stub_port: int) -> None:
    """The proxy alone, in front of the stub."""
    import socket

    async def run() -> None:
        listener = socket.create_server((HOST, 0), backlog=4096)
        async with contextlib.AsyncExitStack() as stack:
            await serve(stack, listener, Backend(f"http://{HOST}:{stub_port}", "us-east-1"), None, {})
            port.send(listener.getsockname()[1])
            await asyncio.Event().wait()

    asyncio.run(run())


@contextlib.contextmanager
def _process(target: Callable[..., None], *arguments: Any) -> Any:
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.Process(target=target, args=(sender, *arguments), daemon=True)
    process.start()
    try:
        yield receiver.recv()
    finally:
        process.terminate()


def main() -> None:
    """Measure both setups and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--idle", type=int, default=2000)
    parser.add_argument("--talkers", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10)
    arguments = parser.parse_args()

    needed, (soft, hard) = arguments.idle + 500, resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed:
        if hard < needed:
            parser.error(
                f"ulimit -n is {hard}, {needed} are needed: raise it, or give --idle below {hard - 500}"
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    measure_both(arguments.idle, arguments.talkers, arguments.seconds)


def measure_both(idle: int, talkers: int, seconds: float) -> tuple[float, float]:
    """Return round trips per second through functions, and through the gateway alone."""
    with tempfile.TemporaryDirectory() as state, LocalCloud.start(state_dir=state) as cloud:
        deployer = Deployer(Target(boto3.Session("test", "test", region_name=cloud.region), cloud.endpoint))
        api = deployer.deploy({"echo": {"replies": True}})
        functions = asyncio.run(measure("functions", api.url, idle, talkers, seconds))
    with _process(_run_stub) as stub_port, _process(_run_proxy, stub_port) as port:
        url = f"ws://{HOST}:{port}/_aws/execute-api/stub/{STAGE}"
        return functions, asyncio.run(measure("stub", url, idle, talkers, seconds))


def run(*, quick: bool) -> Report:
    """Measure with few idle connections, which fit the usual limits of a machine."""
    idle, talkers, seconds = (100, 4, 2.0) if quick else (400, 16, 5.0)
    functions, gateway = measure_both(idle, talkers, seconds)
    return Report(
        "Round trips through the local gateway",
        (Ratio("the gateway alone / with the emulator's functions", (gateway / functions,), 1.0),),
        {"with functions, round trips/s": (functions,), "the gateway alone, round trips/s": (gateway,)},
        (f"{talkers} clients talk while {idle} connections idle: a test tool, not what runs on AWS",),
    )


if __name__ == "__main__":
    main()
