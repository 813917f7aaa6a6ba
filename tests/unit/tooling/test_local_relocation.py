"""A kept cloud moves to the ports that are free; nothing but its addresses changes."""

from __future__ import annotations

import json
import threading

import pytest

from local_cloud import relocation, snapshots
from local_cloud.ports import Ports

OLD = Ports(4566, 4567)

# What an apply leaves: addresses, ports apart from them, and numbers that only look like such.
FUNCTION = {
    "MANAGEMENT_ENDPOINT": "http://127.0.0.1:4566/_aws/execute-api/4566aa/v1",
    "REDIS_URL": "rediss://127.0.0.1:4567",
    "CodeSize": 4566,
    "Other": "http://127.0.0.1:45661/ and 10.127.0.0.1:4567x",
}
STATES = {
    "cloud/emulator/lambda.json": FUNCTION,
    "cloud/emulator/elasticache.json": {"Endpoint": {"Address": "127.0.0.1", "Port": 4567}, "Ports": [4567]},
    "cloud/emulator/ec2.json": [{"FromPort": 4567, "ToPort": 4567, "Id": "sg-4567"}],
    "cloud/emulator/sqs.json": {"url": "http://localhost:40001/000000000000/events", "size": 40001},
    "terraform.tfstate": {"from_port": 4567, "plan": json.dumps({"port": "4567"}), "serial": 4567},
}


@pytest.fixture
def run(tmp_path):
    """The folder of a cloud that was applied on the old ports."""
    for name, state in STATES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(state))
    (tmp_path / "cloud" / "emulator" / "port").write_text("40001")
    relocation.note_ports(tmp_path, OLD)
    return tmp_path


def read(run):
    return {name: json.loads((run / name).read_text()) for name in STATES}


def test_every_address_and_port_moves_and_numbers_that_look_like_them_stay(run):
    relocation.move(run, Ports(5000, 5001))

    emulator = int((run / "cloud" / "emulator" / "port").read_text())
    assert emulator not in {40001, 5000, 5001}
    assert read(run) == {
        "cloud/emulator/lambda.json": {
            "MANAGEMENT_ENDPOINT": "http://127.0.0.1:5000/_aws/execute-api/4566aa/v1",
            "REDIS_URL": "rediss://127.0.0.1:5001",
            "CodeSize": 4566,
            "Other": "http://127.0.0.1:45661/ and 10.127.0.0.1:5001x",
        },
        "cloud/emulator/elasticache.json": {
            "Endpoint": {"Address": "127.0.0.1", "Port": 5001},
            "Ports": [4567],
        },
        "cloud/emulator/ec2.json": [{"FromPort": 5001, "ToPort": 5001, "Id": "sg-4567"}],
        "cloud/emulator/sqs.json": {
            "url": f"http://localhost:{emulator}/000000000000/events",
            "size": 40001,
        },
        "terraform.tfstate": {"from_port": 5001, "plan": json.dumps({"port": "5001"}), "serial": 4567},
    }


def test_moved_cloud_moves_again_also_where_the_new_port_is_an_old_one(run):
    relocation.move(run, Ports(5000, 5001))
    relocation.move(run, OLD)

    moved = read(run)
    del moved["cloud/emulator/sqs.json"]
    assert moved == {name: state for name, state in STATES.items() if name != "cloud/emulator/sqs.json"}


def test_ports_that_change_places_are_not_taken_for_one_another(run):
    relocation.move(run, Ports(4567, 4566))

    moved = read(run)["cloud/emulator/lambda.json"]
    assert moved["MANAGEMENT_ENDPOINT"].startswith("http://127.0.0.1:4567/")
    assert moved["REDIS_URL"] == "rediss://127.0.0.1:4566"


def test_snapshot_that_is_replaced_meanwhile_is_restored_whole(tmp_path):
    store, source = tmp_path / "snapshots", tmp_path / "run"
    (source / "cloud").mkdir(parents=True)
    for number in range(200):
        (source / "cloud" / f"{number}.json").write_text("{}")
    snapshots.save(source, store, "key")
    replacing = threading.Thread(target=lambda: [snapshots.save(source, store, "key") for _ in range(20)])
    replacing.start()

    for number in range(20):
        into = tmp_path / f"restored-{number}"
        assert snapshots.restore(store, "key", into)
        assert len(list((into / "cloud").iterdir())) == 200
    replacing.join()
