"""Processes of functions that are suspended or have no more memory, until the fault ends."""

from __future__ import annotations

import asyncio
import time

import pytest

from local_cloud.function_processes import find_processes, read_memory_bytes
from local_cloud.gateway.control_calls import BadCall
from local_cloud.gateway.function_faults import FunctionFaults

pytestmark = [
    pytest.mark.local_only("AWS shows no processes of functions"),
    pytest.mark.usefixtures("started"),
]


@pytest.fixture
async def person(api, dial):
    return await dial(api.url)


@pytest.fixture
async def started(person):
    await person.ask(action="echo")


async def test_suspended_function_answers_when_the_fault_ends(api, cloud, person):
    faults, began = FunctionFaults(cloud.endpoint), time.monotonic()

    done = faults.suspend({"seconds": 1}, api.function)
    await person.ask(action="echo")

    assert done["processes"] >= 1
    assert 1 <= time.monotonic() - began < 10


async def test_starved_function_lives_on_when_the_fault_ends(api, cloud, person):
    faults = FunctionFaults(cloud.endpoint)

    assert faults.starve({"seconds": 0.5}, api.function)["processes"] >= 1
    await asyncio.sleep(0.6)

    assert "requestContext" in await person.ask(action="echo")


async def test_memory_of_a_function_can_be_read(api, cloud):
    sizes = [
        read_memory_bytes(process.pid)
        for process in find_processes(cloud.endpoint)
        if process.function == api.function
    ]
    assert sizes
    assert all(5e6 < size < 5e8 for size in sizes)


async def test_fault_without_an_end_is_refused(api, cloud):
    with pytest.raises(BadCall, match=r"^seconds"):
        FunctionFaults(cloud.endpoint).suspend({"seconds": 0}, api.function)
    assert FunctionFaults(cloud.endpoint).suspend({}, "nobody") == {"processes": 0, "seconds": 5.0}
