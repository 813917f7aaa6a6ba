"""Connections that INIT opens: the first call uses them, even after the function was frozen."""

import socket
import threading

import pytest

from realtime_core.aws.client import client, connect_ahead
from realtime_core.push.management_api.client import ManagementApiClient
from tests.contract.support.faulty_api import faulty_api
from tests.contract.support.scripted_service import answer, scripted_service

HERE = {"region_name": "eu-west-1", "attempts": 1}


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key")


def test_the_first_call_uses_the_connection_that_was_opened_ahead():
    with scripted_service() as service:
        dynamodb = client("dynamodb", endpoint_url=service.url, **HERE)
        connect_ahead(dynamodb)
        dynamodb.get_item(TableName="t", Key={})
        assert (service.connections, len(service.requests)) == (1, 1)


def test_a_connection_that_was_closed_while_the_function_was_frozen_costs_no_attempt():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = threading.Event()

        def serve():
            frozen, _ = listener.accept()
            frozen.close()
            closed.set()
            thawed, _ = listener.accept()
            with thawed:
                thawed.recv(65536)
                thawed.sendall(answer({"Item": {"id": {"S": "1"}}}))

        threading.Thread(target=serve, daemon=True).start()
        dynamodb = client("dynamodb", endpoint_url=f"http://127.0.0.1:{listener.getsockname()[1]}", **HERE)
        connect_ahead(dynamodb)
        assert closed.wait(5)
        assert dynamodb.get_item(TableName="t", Key={})["Item"] == {"id": {"S": "1"}}


def test_nobody_to_connect_to_is_an_error_and_no_call_was_made():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        connect_ahead(client("dynamodb", endpoint_url=f"http://127.0.0.1:{port}", **HERE))
    with pytest.raises(OSError, match="ConnectionRefusedError"):
        ManagementApiClient(f"http://127.0.0.1:{port}").connect_ahead()


def test_the_first_post_uses_the_connection_that_was_opened_ahead():
    with faulty_api() as api:
        management_api = ManagementApiClient(f"http://127.0.0.1:{api.port}/live")
        management_api.connect_ahead()
        assert management_api.post("{}", ["c1"], 5).delivered == ("c1",)
        assert api.connections == 1


def test_connecting_ahead_gives_up_on_a_server_that_stays_silent():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        management_api = ManagementApiClient(f"https://127.0.0.1:{port}", connect_timeout=0.1)
        with pytest.raises(OSError, match="too long"):
            management_api.connect_ahead()
