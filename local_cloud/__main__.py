"""`python -m local_cloud up|down|status|logs|fault|clock`: the local cloud on the command line."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from local_cloud.cloud import DEFAULT_REGION, DEFAULT_STATE, LOG_FILE, LocalCloud
from local_cloud.settings import DEFAULT_PORT, CloudFailed, find_port


def _running(arguments: argparse.Namespace) -> LocalCloud:
    cloud = LocalCloud.find(arguments.state)
    if cloud is None:
        raise CloudFailed(f"no local cloud of {arguments.state} is running: start it (up)")
    return cloud


def up(arguments: argparse.Namespace) -> None:
    """Start it, in the background unless --foreground."""
    cloud = LocalCloud.start(
        state_dir=arguments.state, port=find_port(arguments.port), persist=True, fresh=arguments.fresh,
        region=arguments.region, redis=arguments.redis, redis_port=arguments.redis_port,
        redis_server=arguments.redis_server,
        detached=not arguments.foreground,
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
    """Stop it; its state stays for the next `up`."""
    cloud = LocalCloud.find(arguments.state)
    if cloud is None:
        print("The local cloud is not running.")
        return
    cloud.stop()
    print(f"The local cloud is down. Its state is in {cloud.state}; `up --fresh` starts without it.")


def status(arguments: argparse.Namespace) -> None:
    """What is running; exit status 1 when nothing is."""
    for name, value in _running(arguments).control("GET", "status").items():
        shown = f"{value['description']} at {value['url']}" if name == "redis_server" else value
        print(f"{name:12} {shown}")


def logs(arguments: argparse.Namespace) -> None:
    """The logs of front and emulator."""
    files = [str(arguments.state / name) for name in (LOG_FILE, "emulator.log")]
    if not all(Path(file).exists() for file in files):
        raise CloudFailed(f"there are no logs in {arguments.state}: nothing was started there")
    subprocess.run(
        ["tail", "-n", str(arguments.lines), *(["-F"] if arguments.follow else []), *files], check=False
    )


def fault(arguments: argparse.Namespace) -> None:
    """Make calls fail, list the faults in force, clear them, or trouble Redis."""
    cloud = _running(arguments)
    if arguments.what == "list":
        for each in cloud.control("GET", "faults"):
            print(json.dumps(each))
    elif arguments.what == "clear":
        print(f"{cloud.control('DELETE', 'faults')['cleared']} faults cleared")
    elif arguments.what == "redis":
        _trouble_redis(cloud, arguments)
    else:
        names = ("service", "operation", "status", "error", "delay_ms", "cut", "share", "times")
        given = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
        print(f"fault {cloud.control('POST', 'faults', **given)['fault_id']} is in force")


def _trouble_redis(cloud: LocalCloud, arguments: argparse.Namespace) -> None:
    given = {"state" if arguments.redis_to in ("open", "paused", "cut") else "server": arguments.redis_to}
    if arguments.delay_ms is not None:
        given["delay_ms"] = arguments.delay_ms
    told = cloud.control("POST", "redis", **given)
    print(f"The way to Redis is {told['state']}, delay {told['delay_ms']} ms")


def clock(arguments: argparse.Namespace) -> None:
    """Show, advance or speed up the clock of timeouts and throttles."""
    given = {
        name: getattr(arguments, name)
        for name in ("advance", "speed")
        if getattr(arguments, name) is not None
    }
    told = _running(arguments).control("POST" if given else "GET", "clock", **given)
    print(f"{told['now']:.1f} s, {told['speed']:g} of them per second")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local_cloud", description="AWS on this machine.")
    parser.add_argument(
        "--state", type=lambda text: Path(text).resolve(), default=DEFAULT_STATE, metavar="DIR",
        help=f"where state and logs are kept (default {DEFAULT_STATE.name} in the repository)",
    )  # fmt: skip
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    start = commands.add_parser("up", help="start it, in the background")
    start.add_argument("--port", help=f"0 takes a free one (default LOCAL_CLOUD_PORT or {DEFAULT_PORT})")
    start.add_argument("--region", default=DEFAULT_REGION)
    start.add_argument("--fresh", action="store_true", help="delete what is there, and start empty")
    start.add_argument("--foreground", action="store_true", help="stay, and stop it with Ctrl-C")
    start.add_argument(
        "--redis", default="", metavar="HOST:PORT", help="the server that stands for ElastiCache"
    )
    start.add_argument(
        "--redis-port", type=int, default=0, help="where its relay listens (default: a free port)"
    )
    start.add_argument("--redis-server", action="store_true", help="run one, instead of --redis")
    start.set_defaults(run=up)

    commands.add_parser("down", help="stop it").set_defaults(run=down)
    commands.add_parser("status", help="show what is running").set_defaults(run=status)

    show = commands.add_parser("logs", help="show the logs of front and emulator")
    show.add_argument("-f", "--follow", action="store_true")
    show.add_argument("-n", "--lines", type=int, default=50)
    show.set_defaults(run=logs)

    faults = commands.add_parser("fault", help="make calls fail").add_subparsers(dest="what", required=True)
    add = faults.add_parser("add", help="calls of a service and operation fail or take long")
    add.add_argument("service", help="as signed: dynamodb, sqs, lambda, execute-api, …, or *")
    add.add_argument("operation", nargs="?", help="PutItem, PostToConnection, … (default: all)")
    add.add_argument("--status", type=int, help="the HTTP status to fail with")
    add.add_argument("--error", help="the error type, as in ThrottlingException")
    add.add_argument("--delay-ms", type=int)
    add.add_argument(
        "--cut", choices=("before", "after"), help="drop the caller's connection, call or no call"
    )
    add.add_argument("--share", type=float, help="of the calls, 0 to 1 (default 1)")
    add.add_argument("--times", type=int, help="at most so many calls (default: until cleared)")
    faults.add_parser("list", help="the faults in force")
    faults.add_parser("clear", help="end all faults")
    redis = faults.add_parser("redis", help="trouble the way to Redis, or its server")
    redis.add_argument(
        "redis_to", choices=("open", "paused", "cut", "suspend", "resume", "restart"),
        metavar="open|paused|cut|suspend|resume|restart",
        help="the way to it, or its process (restart: killed, and started empty)",
    )  # fmt: skip
    redis.add_argument("--delay-ms", type=int, help="hold back what passes, either way (0: no more)")
    for each in faults.choices.values():
        each.set_defaults(run=fault)

    time = commands.add_parser("clock", help="show or change the clock of timeouts and throttles")
    time.add_argument("--advance", type=float, metavar="SECONDS")
    time.add_argument("--speed", type=float, metavar="FACTOR")
    time.set_defaults(run=clock)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 1 when it failed, with the reason on standard error."""
    arguments = _parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except CloudFailed as error:
        print(f"local_cloud: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
