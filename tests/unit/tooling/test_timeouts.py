"""The timeouts of the stack, and the constants of the code that depend on them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from broadcast import publisher, slices
from delivery import handler as delivery
from realtime_core.history.overtaken import CLAIM_SECONDS
from realtime_core.lifetimes import HANDSHAKE_SECONDS_MAX
from realtime_core.push.management_api.batch import DEFAULT_TIMEOUTS
from realtime_core.push.pusher import REMOVAL_SECONDS

ROOT = Path(__file__).parents[3]
GOES_ON_WITHIN_SECONDS = 90
"""What docs/operations.md promises of an accepted event whose function is killed."""
WORK_SECONDS = 10
"""Planning or posting once more, with a cold start."""


@pytest.fixture(scope="module")
def timeouts():
    """The timeouts of the functions, in seconds."""
    text = (ROOT / "terraform/stacks/deals-websocket/functions.tf").read_text()
    block = re.search(r"timeouts_seconds = merge\(\{(.*?)\}", text, re.DOTALL)
    assert block is not None
    named = {f"local.{name}": value for name, value in re.findall(r"(\w+) += (\d+)", text)}
    values = re.findall(r"(\w+) += (\S+)", block.group(1))
    return {name: int(named.get(value, value)) for name, value in values}


@pytest.fixture(scope="module")
def start_seconds_max():
    """What a queue waits longer than the timeout of its function."""
    text = (ROOT / "terraform/modules/fan-out/main.tf").read_text()
    found = re.search(r"start_seconds_max += (\d+)", text)
    assert found is not None
    return int(found.group(1))


def test_claim_of_a_killed_publisher_is_taken_over_in_time(timeouts, start_seconds_max):
    """The queue delivers an event again each time its visibility timeout ends.

    The claim may be of any moment of the invocation. The worst is one that has just not expired at the first
    delivery, and is taken over at the second.
    """
    visibility = timeouts["broadcast"] + start_seconds_max
    assert timeouts["broadcast"] < CLAIM_SECONDS < visibility
    assert CLAIM_SECONDS + visibility + WORK_SECONDS <= GOES_ON_WITHIN_SECONDS


def test_async_invocation_that_was_killed_finds_its_claim_expired(timeouts):
    """Lambda tries again after a minute, once: docs.aws.amazon.com/lambda/latest/dg/, page
    invocation-async-error-handling. After a second failure it waits for two.
    """
    assert CLAIM_SECONDS < 60
    assert 60 + WORK_SECONDS <= GOES_ON_WITHIN_SECONDS


def test_delivery_keeps_enough_time_to_put_back_what_is_left(timeouts):
    posting_ends = timeouts["delivery"] - delivery.RESERVE_SECONDS
    after_posting = DEFAULT_TIMEOUTS.answer_seconds + REMOVAL_SECONDS
    assert posting_ends >= 20
    assert after_posting + 4 <= delivery.RESERVE_SECONDS


def test_broadcast_begins_no_event_that_it_has_no_time_for(timeouts):
    event = publisher.DIRECT_BUDGET_SECONDS + DEFAULT_TIMEOUTS.answer_seconds + REMOVAL_SECONDS
    assert event < slices.SLICE_SECONDS < timeouts["broadcast"]


def test_handshake_is_over_before_a_410_is_final(timeouts):
    assert timeouts["authorizer"] + timeouts["connection_handler"] < HANDSHAKE_SECONDS_MAX
