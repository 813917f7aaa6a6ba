"""`python -m local_cloud up|down|status|logs|fault|clock`: the local cloud on the command line."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local_cloud.cloud import DEFAULT_REGION, DEFAULT_STATE, LOG_FILE, LocalCloud
from local_cloud.isolation import isolate
from local_cloud.settings import DEFAULT_PORT, CloudFailed, find_port


def _running(arguments: argparse.Namespace) -> LocalCloud:
    cloud = LocalCloud.find(arguments.state)
    if cloud is None:
        raise CloudFailed(f"no local cloud is running in {arguments.state}: start it (up)")
    return cloud


def up(arguments: argparse.Namespace) -> None:
    """Start the cloud, in the background unless --foreground is given."""
    cloud = LocalCloud.start(
        state_dir=arguments.state, port=find_port(arguments.port), persist=True, fresh=arguments.fresh,
        region=arguments.region, redis=arguments.redis, redis_port=arguments.redis_port,
        redis_server=arguments.redis_server,
        limits=dict(arguments.limit), detached=not arguments.foreground,
    )  # fmt: skip

    print(f"The local cloud is up at {cloud.endpoint}. For AWS clients and Terraform:")
    for name, value in cloud.env().items():
        print(f"  export {name}={value}")
    print(f"WebSockets: {cloud.websocket_url('API_ID', 'STAGE')}")

    if arguments.foreground:
        print("Ctrl-C stops it.", flush=True)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            cloud.wait()
        except KeyboardInterrupt:
            cloud.stop()


def down(arguments: argparse.Namespace) -> None:
    """Stop the cloud; its state stays for the next `up`."""
    cloud = LocalCloud.find(arguments.state)
    if cloud is None:
        print("The local cloud is not running.")
        return
    cloud.stop()
    print(f"The local cloud is down. Its state is in {cloud.state}; `up --fresh` starts without it.")


def status(arguments: argparse.Namespace) -> None:
    """Show what is running; the exit status is 1 when nothing is."""
    for name, value in _running(arguments).control("GET", "status").items():
        text = f"{value['description']} at {value['url']}" if name == "redis_server" else value
        print(f"{name:12} {text}")


def logs(arguments: argparse.Namespace) -> None:
    """Show the logs of proxy and emulator."""
    files = [str(arguments.state / name) for name in (LOG_FILE, "emulator.log")]
    if not all(Path(file).exists() for file in files):
        raise CloudFailed(f"there are no logs in {arguments.state}: no cloud was started there")
    subprocess.run(
        ["tail", "-n", str(arguments.lines), *(["-F"] if arguments.follow else []), *files], check=False
    )


def fault(arguments: argparse.Namespace) -> None:
    """Add a fault, list the faults in force, clear them, or disturb Redis."""
    cloud = _running(arguments)
    if arguments.what == "list":
        for entry in cloud.control("GET", "faults"):
            print(json.dumps(entry))
    elif arguments.what == "clear":
        print(f"{cloud.control('DELETE', 'faults')['cleared']} faults cleared")
    elif arguments.what == "redis":
        _disturb_redis(cloud, arguments)
    else:
        names = ("service", "operation", "status", "error", "delay_ms", "cut", "share", "times", "seconds")
        options = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
        print(f"fault {cloud.control('POST', 'faults', **options)['fault_id']} is in force")


def _disturb_redis(cloud: LocalCloud, arguments: argparse.Namespace) -> None:
    field = "state" if arguments.redis_to in ("open", "paused", "cut") else "server"
    change: dict[str, Any] = {field: arguments.redis_to}
    for name in ("delay_ms", "seconds"):
        if getattr(arguments, name) is not None:
            change[name] = getattr(arguments, name)
    tunnel = cloud.control("POST", "redis", **change)
    print(f"The tunnel to Redis is {tunnel['state']}, delay {tunnel['delay_ms']} ms")


def clock(arguments: argparse.Namespace) -> None:
    """Show, advance or speed up the clock of timeouts and throttles."""
    change = {
        name: getattr(arguments, name)
        for name in ("advance", "speed")
        if getattr(arguments, name) is not None
    }
    state = _running(arguments).control("POST" if change else "GET", "clock", **change)
    print(f"{state['now']:.1f} s, {state['speed']:g} of them per second")


def _parse_limit(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    return name, json.loads(value)


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local_cloud", description="AWS on this machine.")
    parser.add_argument(
        "--state", type=lambda text: Path(text).resolve(), default=DEFAULT_STATE, metavar="DIR",
        help=f"where state and logs are kept (default {DEFAULT_STATE.name} in the repository)",
    )  # fmt: skip
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    start = commands.add_parser("up", help="start the cloud in the background")
    start.add_argument("--port", help=f"0 takes a free one (default LOCAL_CLOUD_PORT or {DEFAULT_PORT})")
    start.add_argument("--region", default=DEFAULT_REGION)
    start.add_argument("--fresh", action="store_true", help="delete the saved state and start empty")
    start.add_argument("--foreground", action="store_true", help="stay in the foreground until Ctrl-C")
    start.add_argument(
        "--redis", default="", metavar="HOST:PORT", help="the server that stands for ElastiCache"
    )
    start.add_argument(
        "--redis-port", type=int, default=0, help="where the tunnel to it listens (default: a free port)"
    )
    start.add_argument(
        "--limit", type=_parse_limit, action="append", default=[], metavar="NAME=VALUE",
        help="replace a limit of AWS, with null for none (see GET limits); may be repeated",
    )  # fmt: skip
    start.add_argument("--redis-server", action="store_true", help="run a Redis server, instead of --redis")
    start.set_defaults(run=up)

    commands.add_parser("down", help="stop it").set_defaults(run=down)
    commands.add_parser("status", help="show what is running").set_defaults(run=status)

    show = commands.add_parser("logs", help="show the logs of proxy and emulator")
    show.add_argument("-f", "--follow", action="store_true")
    show.add_argument("-n", "--lines", type=int, default=50)
    show.set_defaults(run=logs)

    faults = commands.add_parser("fault", help="make calls fail").add_subparsers(dest="what", required=True)
    add = faults.add_parser("add", help="make the calls of a service and operation fail or take long")
    add.add_argument("service", help="as signed: dynamodb, sqs, lambda, execute-api, …, or *")
    add.add_argument("operation", nargs="?", help="PutItem, PostToConnection, … (default: all)")
    add.add_argument("--status", type=int, help="the HTTP status to fail with")
    add.add_argument("--error", help="the error type, as in ThrottlingException")
    add.add_argument("--delay-ms", type=int)
    add.add_argument(
        "--cut", choices=("before", "after"), help="drop the caller's connection before or after the call"
    )
    add.add_argument("--share", type=float, help="of the calls, 0 to 1 (default 1)")
    add.add_argument("--times", type=int, help="at most so many calls (default: until cleared)")
    add.add_argument("--seconds", type=float, help="end by itself after so long (default: when cleared)")
    faults.add_parser("list", help="the faults in force")
    faults.add_parser("clear", help="end all faults")
    redis = faults.add_parser("redis", help="disturb the tunnel to Redis, or its server")
    redis.add_argument(
        "redis_to", choices=("open", "paused", "cut", "suspend", "resume", "restart"),
        metavar="open|paused|cut|suspend|resume|restart",
        help="the tunnel, or the server process (restart: killed, and started empty)",
    )  # fmt: skip
    redis.add_argument(
        "--delay-ms", type=int, help="delay what passes, in both directions (0 ends the delay)"
    )
    redis.add_argument("--seconds", type=float, help="end by itself after so long")
    for command in faults.choices.values():
        command.set_defaults(run=fault)

    time = commands.add_parser("clock", help="show or change the clock of timeouts and throttles")
    time.add_argument("--advance", type=float, metavar="SECONDS")
    time.add_argument("--speed", type=float, metavar="FACTOR")
    time.set_defaults(run=clock)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 1 on failure, with the reason on standard error."""
    arguments = _build_parser().parse_args(argv)
    isolate()
    try:
        arguments.run(arguments)
    except CloudFailed as error:
        print(f"local_cloud: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
