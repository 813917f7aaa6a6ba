"""The access strings that Terraform sets on ElastiCache, on a real server as each of its users."""

import re
from pathlib import Path

import pytest
import redis
import yaml

from local_cloud.redis import RedisServer
from tests.contract.redis_access.access import USERS, acl_rules

STACK = Path(__file__).parents[3] / "terraform/stacks/deals-websocket"
PASSWORD = "a-password-of-this-test-alone"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with RedisServer.start(tmp_path_factory.mktemp("redis")) as running:
        yield running


def _client(server, **options):
    if server.authorities:
        options["ssl_ca_certs"] = str(server.authorities)
    return redis.Redis.from_url(server.url, **options)


@pytest.fixture
def connect(server):
    """Connects as a user of the access list, to a server that each test finds empty."""
    with _client(server, password=server.password) as operator:
        version = operator.info("server")["redis_version"]
        if int(version.split(".")[0]) < 7:
            pytest.skip(f"Redis {version} has no read-only keys: apt install redis-server for 7 or newer")
        operator.flushall()
        for user in USERS:
            operator.execute_command("ACL", "SETUSER", user, "reset", *acl_rules(user), f">{PASSWORD}")
    return lambda user: _client(server, username=user, password=PASSWORD)


ALLOWED = [
    ("publisher", ["XADD", "deals:events", "*", "event", "{}"]),
    ("publisher", ["PUBLISH", "deals:books", "{}"]),
    ("publisher", ["CLIENT", "SETNAME", "shop"]),
    ("broadcast", ["ZRANGE", "deals:g:1#0", "0", "-1"]),
    ("broadcast", ["HSCAN", "deals:t:books", "0"]),
    ("broadcast", ["INFO", "server"]),
    ("index_projector", ["ZADD", "deals:g:1#0", "1", "a"]),
    ("index_projector", ["SCAN", "0", "MATCH", "deals:g:*"]),
    ("redis_relay", ["XGROUP", "CREATE", "deals:events", "relay", "0", "MKSTREAM"]),
    ("redis_relay", ["PUBLISH", "deals:@relay", "{}"]),
    ("message_router", ["SET", "deals:l:ana", "1", "PX", "1000"]),
]

REFUSED = [
    ("publisher", ["XADD", "deals:other", "*", "event", "{}"]),
    ("publisher", ["XRANGE", "deals:events", "-", "+"]),
    ("publisher", ["PUBLISH", "deals:@relay", "{}"]),
    ("publisher", ["PUBLISH", "orders", "{}"]),
    ("publisher", ["PSUBSCRIBE", "deals:*"]),
    ("publisher", ["DEL", "deals:events"]),
    ("broadcast", ["ZADD", "deals:g:1#0", "1", "a"]),
    ("broadcast", ["HSCAN", "deals:relay:lease", "0"]),
    ("broadcast", ["ZRANGE", "orders", "0", "-1"]),
    ("index_projector", ["SET", "deals:relay:token", "1"]),
    ("index_projector", ["XADD", "deals:events", "*", "event", "{}"]),
    ("redis_relay", ["DEL", "deals:g:1#0"]),
    ("redis_relay", ["SET", "orders", "1"]),
    ("message_router", ["GET", "deals:meta"]),
    *((user, command) for user in USERS for command in (["FLUSHALL"], ["KEYS", "*"], ["CONFIG", "GET", "*"])),
    *((user, ["ACL", "LIST"]) for user in USERS),
]


@pytest.mark.parametrize(("user", "command"), ALLOWED, ids=str)
def test_user_may_run_the_commands_of_its_code(connect, user, command):
    with connect(user) as client:
        client.execute_command(*command)


@pytest.mark.parametrize(("user", "command"), REFUSED, ids=str)
def test_user_may_run_no_other_command(connect, user, command):
    with connect(user) as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*command)


def test_users_are_those_that_terraform_wires():
    wired = re.search(r"redis_clients = (.*)", (STACK / "redis.tf").read_text())
    assert wired
    assert {*re.findall(r'"(\w+)"', wired[1]), "publisher"} >= set(USERS)


def test_no_user_has_a_command_twice():
    listed = yaml.safe_load((STACK / "redis_access.yaml").read_text())
    commands = {user: access["commands"] for user, access in listed.items()}
    assert [user for user, named in commands.items() if len(set(named)) < len(named)] == []
