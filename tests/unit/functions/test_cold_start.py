"""What a cold start may load: people wait for each of these."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.functions import ENVIRONMENT

LAMBDAS = Path(__file__).parents[3] / "lambdas"

REDIS = {"REDIS_URL": "rediss://cache.example:6379", "LIMITS_STORE": "redis", "INDEX_ENABLED": "true"}

# Each costs a millisecond or more of a whole core (seven times that on the part of one that 256 MB buy), and
# nothing that an ordinary first event does needs it.
TOO_SLOW = {
    "ast": "comes with dataclasses; values are named tuples (docs/adr/0009)",
    "asyncio": "",
    "botocore": "realtime_core.aws.client has what is needed of it (docs/adr/0007)",
    "cryptography": "only public keys need it (docs/adr/0008)",
    "dataclasses": "values are named tuples (docs/adr/0009)",
    "datetime": "time.strftime does",
    "email": "comes with http.client",
    "http.client": "realtime_core.aws.http does",
    "inspect": "comes with dataclasses; values are named tuples (docs/adr/0009)",
    "ipaddress": "comes with urllib.parse; realtime_core.urls does",
    "jwt": "only public keys need it (docs/adr/0008)",
    "random": "realtime_core.aws.backoff.jitter loads it when somebody has to wait",
    "urllib.parse": "realtime_core.urls does",
    "uuid": "os.urandom does",
}


def modules_of(module, **environment):
    """The modules that a process has loaded once it has imported one of ours."""
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys, {module}\nprint(*sys.modules)"],
        env={"PYTHONPATH": str(LAMBDAS), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(ran.stdout.split())


@pytest.mark.parametrize(
    "function", ["authorizer", "connection_handler", "message_router", "broadcast", "delivery"]
)
def test_a_function_starts_without_slow_modules(function):
    loaded = modules_of(f"{function}.handler")
    assert {name: reason for name, reason in TOO_SLOW.items() if name in loaded} == {}


@pytest.fixture
def endpoint():
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("function", ["message_router", "broadcast"])
@pytest.mark.parametrize("redis", [{}, REDIS])
def test_only_with_redis_a_function_loads_its_client(function, redis, endpoint):
    here = {"AWS_ENDPOINT_URL": f"http://{endpoint}", "MANAGEMENT_ENDPOINT": f"http://{endpoint}/live"}
    loaded = modules_of(f"{function}.handler", **ENVIRONMENT | redis | here)
    ours = {"realtime_core.redis.client", "realtime_core.subscriptions.pending_changes"}
    assert ours <= loaded if redis else ours.isdisjoint(loaded)
    assert "hiredis" not in loaded, "only the first connection needs it"
    assert not {"dataclasses", "random", "urllib.parse"} & loaded


def test_the_authorizer_starts_without_compiling_annotations():
    """The first text that typing compiles costs 0.7 ms: its named tuples have no annotations in quotes."""
    code = (
        "import builtins, collections, typing\n"
        "compile_ = builtins.compile\n"
        "def compile(source, *more, **named):\n"
        "    if isinstance(source, str): print(source)\n"
        "    return compile_(source, *more, **named)\n"
        "builtins.compile = compile\n"
        "import authorizer.handler"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(LAMBDAS)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == ""
