"""What a cold start may load: people wait for each of these."""

import subprocess
import sys

import pytest

from tests.bench.functions import ENVIRONMENT

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


@pytest.mark.parametrize(
    "function", ["authorizer", "connection_handler", "message_router", "broadcast", "delivery"]
)
def test_a_function_starts_without_slow_modules(function):
    code = f"import sys, {function}.handler\nprint(*sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", code],
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name: reason for name, reason in TOO_SLOW.items() if name in told.stdout.split()}
    assert loaded == {}


@pytest.mark.parametrize(
    ("function", "builder"), [("message_router", "_router"), ("broadcast", "_publisher")]
)
@pytest.mark.parametrize("redis", [{}, REDIS])
def test_only_with_redis_a_function_loads_its_client(function, builder, redis):
    code = f"import sys, {function}.handler as one\none.{builder}()\nprint(*sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", code],
        env={**ENVIRONMENT, **redis},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = told.stdout.split()
    ours = {"realtime_core.redis.client", "realtime_core.subscriptions.pending_changes"}
    assert ours <= set(loaded) if redis else ours.isdisjoint(loaded)
    assert "hiredis" not in loaded, "only the first connection needs it"
    assert not {"dataclasses", "random", "urllib.parse"} & set(loaded)


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
    told = subprocess.run(
        [sys.executable, "-c", code],
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == ""
