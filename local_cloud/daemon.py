"""The process that is the local cloud: the proxy on its port, and the emulator as its child.

Started by `LocalCloud.start` as `python -m local_cloud.daemon` with its settings as JSON in argv.
Writes `cloud.json` into the state folder when it is ready, and removes it when it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any

from aiohttp import web

from local_cloud import cloud_redis, state_lock, watchdog
from local_cloud.console.console import Console
from local_cloud.emulator import Emulator
from local_cloud.gateway.apis import ApiCache, read_api
from local_cloud.gateway.backend import Backend
from local_cloud.gateway.clock import Clock
from local_cloud.gateway.control import ControlApi
from local_cloud.gateway.enforcement import Enforcement
from local_cloud.gateway.faults import Faults
from local_cloud.gateway.gateway import Gateway
from local_cloud.gateway.http_apis import read_http_api
from local_cloud.gateway.http_gateway import HttpGateway
from local_cloud.gateway.identities import Identities
from local_cloud.gateway.kills import Kills
from local_cloud.gateway.places import Callers
from local_cloud.gateway.proxy import Proxy
from local_cloud.gateway.redis_faults import RedisFaults
from local_cloud.gateway.rights_guard import RightsGuard
from local_cloud.gateway.static_files import StaticFiles
from local_cloud.gateway.telemetry import Telemetry
from local_cloud.gateway.tunnel import Tunnel
from local_cloud.redis import RedisServer
from local_cloud.settings import HOST, STATE_FILE, CloudFailed, Settings

logger = logging.getLogger("local_cloud")


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise CloudFailed(
            f"port {port} is taken: stop what listens there (`python -m local_cloud down`?), "
            "or choose another by --port or LOCAL_CLOUD_PORT"
        ) from error
    listener.listen(4096)
    return listener


async def run(settings: Settings) -> None:
    """Serve until SIGTERM, SIGINT, or until the emulator or the owner ends. Raises CloudFailed."""
    state, stop = Path(settings.state), asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    if settings.tied:
        _stop_with_owner(loop, stop)

    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(state_lock.holding(state))
        # A killed cloud's emulator may still be saving its state.
        patience = 2 * watchdog.GRACE_S
        lock = stack.enter_context(state_lock.holding(state, state_lock.EMULATOR, patience))
        listener = _listen(settings.port)
        if settings.fresh:
            # Delete only what a cloud wrote: the folder may hold other files.
            shutil.rmtree(state / "emulator", ignore_errors=True)
        stack.callback((state / STATE_FILE).unlink, missing_ok=True)
        server = await _start_redis(settings, stack)
        tunnel = await _start_tunnel(settings, server, stack)
        cache = {"REDIS_HOST": HOST, "REDIS_PORT": str(tunnel.port)} if tunnel else {}
        cache |= cloud_redis.build_emulator_env(server) if server else {}

        port = listener.getsockname()[1]
        url = f"http://{HOST}:{port}"
        emulator = await Emulator.start(
            state, lock=lock, proxy_url=url, region=settings.region, persist=settings.persist,
            extra=cache | settings.emulator_env,
        )  # fmt: skip
        stack.push_async_callback(emulator.stop, save=settings.persist and not settings.passing)

        about = {
            "pid": os.getpid(), "port": port, "endpoint": url, "emulator": emulator.url,
            "region": settings.region, "state": settings.state, "persist": settings.persist,
        }  # fmt: skip
        if server and tunnel:
            about["redis_server"] = cloud_redis.describe(server, tunnel.port)
        redis_faults = RedisFaults(tunnel, server) if tunnel else None
        backend = Backend(emulator.url, settings.region)
        try:
            backend.limits.change(settings.limits)
        except ValueError as error:
            raise CloudFailed(f"limits: {error}") from error
        await serve(stack, listener, backend, redis_faults, about)
        (state / STATE_FILE).write_text(json.dumps(about, indent=2) + "\n")
        logger.info("ready on %s", url)

        ended = asyncio.create_task(emulator.ended())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not stop.is_set():
            raise CloudFailed(f"the emulator ended by itself; see {emulator.log}")
        ended.cancel()

    logger.info("stopped")


async def _start_redis(settings: Settings, stack: contextlib.AsyncExitStack) -> RedisServer | None:
    if not settings.redis_server:
        return None
    server = await asyncio.to_thread(cloud_redis.start, Path(settings.state) / "redis")
    stack.callback(server.stop)
    return server


async def _start_tunnel(
    settings: Settings, server: RedisServer | None, stack: contextlib.AsyncExitStack
) -> Tunnel | None:
    address = f"{HOST}:{server.port}" if server else settings.redis
    if not address:
        return None
    host, _, port = address.rpartition(":")
    tunnel = Tunnel(host, int(port))
    try:
        await tunnel.start(HOST, settings.redis_port)
    except OSError as error:
        raise CloudFailed(f"port {settings.redis_port} for the Redis tunnel is taken: {error}") from error
    stack.push_async_callback(tunnel.close)
    return tunnel


async def serve(
    stack: contextlib.AsyncExitStack,
    listener: socket.socket,
    backend: Backend,
    redis: RedisFaults | None,
    about: dict[str, Any],
) -> None:
    """Serve on `listener` in front of `backend` until the stack is closed."""
    stack.push_async_callback(backend.close)
    telemetry = Telemetry(backend)
    reader, clock = backend.client("apigatewayv2"), Clock()
    gateway = Gateway(backend, ApiCache(reader, read_api), clock, telemetry)
    http = HttpGateway(backend, ApiCache(reader, read_http_api), clock, gateway.throttles, telemetry)
    port = listener.getsockname()[1]
    url = f"http://{HOST}:{port}"
    callers = Callers(url)
    if redis is not None:
        redis.watch(callers.watch_redis(backend.traffic))
    faults, kills = Faults(), Kills(url, backend.traffic)
    console = Console(gateway, kills, url, has_redis=redis is not None)
    stack.callback(console.close)
    enforcement = Enforcement(backend)
    rights = RightsGuard(backend, Identities(backend, callers), enforcement.find_partition_key)
    parts = [*console.parts(), {"GET rights": lambda _: rights.describe()}]
    proxy = Proxy(
        gateway, http, faults, ControlApi(gateway, faults, redis, about, parts), console=StaticFiles(),
        enforcement=enforcement, rights=rights, callers=callers, kills=kills, port=port,
    )  # fmt: skip

    # Bodies and headers pass unchanged, so nothing is decompressed, and long signed URLs are accepted.
    server = web.Server(
        proxy.handle, auto_decompress=False, max_line_size=64 * 1024, max_field_size=64 * 1024
    )
    runner = web.ServerRunner(server, shutdown_timeout=1.0)
    await runner.setup()

    # Closing runs in reverse: connections end first, and their telemetry is published last.
    stack.push_async_callback(telemetry.publish)
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, listener).start()
    stack.push_async_callback(gateway.close)

    for background in (gateway.keep_sweeping(), telemetry.keep_publishing()):
        stack.callback(asyncio.create_task(background).cancel)


def _stop_with_owner(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    def watch() -> None:
        # sys.stdin holds a lock that would abort the interpreter at exit; the descriptor has none.
        while os.read(0, 4096):
            pass
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, daemon=True).start()


def main(argument: str) -> int:
    """Run with settings given as JSON; return 1 on failure, with the reason as the last line of the log."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    try:
        asyncio.run(run(Settings.from_json(argument)))
    except CloudFailed as error:
        logger.error("%s", error)  # noqa: TRY400 - the trace would hide the remedy
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
