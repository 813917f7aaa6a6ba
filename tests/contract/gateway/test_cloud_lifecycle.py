"""A local cloud starts, stops, is restored, and ends with its processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import boto3
import pytest

from local_cloud import CloudFailed, LocalCloud
from local_cloud.emulator import WORKER_THREADS
from local_cloud.settings import REPOSITORY
from tests.contract.gateway.probe import Deployer, Target

pytestmark = pytest.mark.local_only("it tests the local cloud's own processes")


def descendants(pid):
    """Return all processes below a process."""
    children = subprocess.run(
        ["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split()
    return [int(child) for child in children] + [d for child in children for d in descendants(child)]


def alive(pid):
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout
    return bool(state.strip()) and not state.startswith("Z")


def all_gone(pids, within=20):
    deadline = time.monotonic() + within
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [pid for pid in pids if alive(pid)] == []


def target_of(cloud):
    return Target(boto3.Session("test", "test", region_name=cloud.region), cloud.endpoint)


async def test_stopped_cloud_is_restored_with_apis_functions_and_tables_also_from_a_copy(tmp_path, dial):
    with LocalCloud.start(state_dir=tmp_path / "first", persist=True) as cloud:
        target = target_of(cloud)
        api = Deployer(target).deploy({"$connect": {}, "echo": {"replies": True}})
        dynamodb = target.client("dynamodb")
        dynamodb.create_table(
            TableName="kept", BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        )  # fmt: skip
        dynamodb.put_item(TableName="kept", Item={"k": {"S": "1"}})
        sqs = target.client("sqs")
        sqs.send_message(QueueUrl=sqs.create_queue(QueueName="kept")["QueueUrl"], MessageBody="kept")
        await (await dial(api.url)).ask(action="echo")
    shutil.copytree(tmp_path / "first", tmp_path / "copy")

    for state in ("first", "copy"):
        with LocalCloud.start(state_dir=tmp_path / state, persist=True) as cloud:
            client = await dial(cloud.websocket_url(api.api_id, "test"))
            assert (await client.ask(action="echo"))["requestContext"]["apiId"] == api.api_id
            kept = target_of(cloud).client("dynamodb").get_item(TableName="kept", Key={"k": {"S": "1"}})
            assert kept["Item"] == {"k": {"S": "1"}}
            sqs = target_of(cloud).client("sqs")
            url = sqs.get_queue_url(QueueName="kept")["QueueUrl"]
            assert url.startswith(cloud.endpoint)
            received = sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]
            assert [message["Body"] for message in received] == ["kept"]
    with LocalCloud.start(state_dir=tmp_path / "copy", persist=True, fresh=True) as cloud:
        assert target_of(cloud).client("dynamodb").list_tables()["TableNames"] == []


async def test_restarted_emulator_keeps_its_state_while_sockets_stay_open(tmp_path, dial):
    with LocalCloud.start(state_dir=tmp_path, persist=True) as cloud:
        target = target_of(cloud)
        api = Deployer(target).deploy({"$connect": {}, "echo": {"replies": True}})
        sqs = target.client("sqs")
        queue = sqs.create_queue(QueueName="kept")["QueueUrl"]
        sqs.send_message(QueueUrl=queue, MessageBody="kept")
        client = await dial(api.url)
        before = await client.connection_id()

        restarted = await asyncio.to_thread(cloud.control, "POST", "emulator/restart")

        assert restarted["seconds"] < 30
        assert await client.connection_id() == before
        assert [m["Body"] for m in sqs.receive_message(QueueUrl=queue)["Messages"]] == ["kept"]
        assert cloud.control("GET", "status")["connections"] == 1


def test_emulator_has_threads_for_the_calls_of_functions_beside_their_invocations(tmp_path):
    with LocalCloud.start(state_dir=tmp_path):
        assert f"Worker thread pool: {WORKER_THREADS} threads" in (tmp_path / "emulator.log").read_text()


def test_emulator_that_keeps_no_state_is_not_restarted(tmp_path):
    with (
        LocalCloud.start(state_dir=tmp_path) as cloud,
        pytest.raises(CloudFailed, match="emulator keeps no state"),
    ):
        cloud.control("POST", "emulator/restart")


def test_stop_leaves_no_process_and_frees_the_port(tmp_path):
    others = set(descendants(os.getpid()))
    cloud = LocalCloud.start(state_dir=tmp_path)
    pids = set(descendants(os.getpid())) - others

    cloud.stop()

    assert len(pids) >= 3
    assert all_gone(pids)
    assert LocalCloud.find(tmp_path) is None
    with LocalCloud.start(state_dir=tmp_path, port=cloud.port) as again:
        assert again.port == cloud.port


@pytest.mark.parametrize("victim", ["proxy", "watchdog", "emulator"])
def test_death_of_one_process_ends_the_others(tmp_path, victim):
    cloud = LocalCloud.start(state_dir=tmp_path)
    proxy = cloud.control("GET", "status")["pid"]
    emulator, watchdog = descendants(proxy)[:2]

    os.kill({"proxy": proxy, "watchdog": watchdog, "emulator": emulator}[victim], signal.SIGKILL)

    assert all_gone([proxy, watchdog, emulator])
    assert LocalCloud.find(tmp_path) is None


def test_cloud_ends_with_the_process_that_started_it(tmp_path):
    code = "import sys, local_cloud; c = local_cloud.LocalCloud.start(state_dir=sys.argv[1]); c.wait()"
    owner = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=REPOSITORY)
    deadline = time.monotonic() + 20
    while (cloud := LocalCloud.find(tmp_path)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    proxy = cloud.control("GET", "status")["pid"]
    pids = [proxy, *descendants(proxy)]

    owner.kill()
    owner.wait()

    assert all_gone(pids)


def test_taken_port_is_a_clear_error(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(CloudFailed, match=f"port {port} is taken"):
            LocalCloud.start(state_dir=tmp_path, port=port)


def test_missing_emulator_names_the_way_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCAL_CLOUD_EMULATOR_PYTHON", str(tmp_path / "nowhere"))

    with pytest.raises(CloudFailed, match="make setup"):
        LocalCloud.start(state_dir=tmp_path)


def command(state, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "local_cloud", "--state", str(state), *arguments],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_command_line_starts_troubles_and_stops_a_cloud(tmp_path):
    assert command(tmp_path, "status").returncode == 1
    up = command(tmp_path, "up", "--port", "0")
    try:
        assert up.returncode == 0, up.stderr
        assert "AWS_ENDPOINT_URL=http://127.0.0.1:" in up.stdout
        assert command(tmp_path, "up", "--port", "0").returncode == 1  # it is running
        assert "ready on" in command(tmp_path, "logs").stdout
        assert "in force" in command(tmp_path, "fault", "add", "sqs", "SendMessage", "--status", "503").stdout
        assert json.loads(command(tmp_path, "fault", "list").stdout)["operation"] == "SendMessage"
        assert command(tmp_path, "fault", "clear").stdout == "1 faults cleared\n"
        assert command(tmp_path, "clock", "--advance", "-1").returncode == 1
        assert "10 of them per second" in command(tmp_path, "clock", "--speed", "10").stdout
    finally:
        down = command(tmp_path, "down")
    assert down.returncode == 0
    assert LocalCloud.find(tmp_path) is None


@pytest.mark.parametrize("port", ["99999", "-1", "http", ""])
def test_up_names_what_is_no_port_and_where_it_was_given(tmp_path, port, monkeypatch):
    monkeypatch.setenv("LOCAL_CLOUD_PORT", port)
    for options, where in (((), "LOCAL_CLOUD_PORT: "), (("--port=" + port,), "--port: ")):
        refused = command(tmp_path, "up", *options)
        assert refused.returncode == 1
        assert f"{where}'{port}' is no port" in refused.stderr


async def test_tunnel_in_front_of_redis_can_be_paused_and_cut(tmp_path):
    """Any server stands for Redis here: the tunnel does not read what passes."""

    async def echo(reader, writer):
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        upstream = server.sockets[0].getsockname()[1]
        cloud = await asyncio.to_thread(LocalCloud.start, state_dir=tmp_path, redis=f"127.0.0.1:{upstream}")
        with cloud:
            elasticache = target_of(cloud).client("elasticache")
            created = elasticache.create_cache_cluster(CacheClusterId="c", Engine="redis", NumCacheNodes=1)
            port = created["CacheCluster"]["CacheNodes"][0]["Endpoint"]["Port"]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)

            async def answer():
                writer.write(b"ping")
                return await asyncio.wait_for(reader.read(4), 0.5)

            assert await answer() == b"ping"
            await asyncio.to_thread(cloud.control, "POST", "redis", state="paused")
            with pytest.raises(TimeoutError):
                await answer()
            await asyncio.to_thread(cloud.control, "POST", "redis", state="open")
            assert await asyncio.wait_for(reader.read(4), 1) == b"ping"
            await asyncio.to_thread(cloud.control, "POST", "redis", state="cut")
            with contextlib.suppress(ConnectionError):
                assert await answer() == b""
