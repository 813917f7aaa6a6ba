"""Alarms on what the service says of Redis, seen firing; see test_alarms_fire.py for how."""

from __future__ import annotations

import pytest

from realtime_core.telemetry import metric_catalog as catalog
from tests.e2e.alarming import Pager, declared, on_ours, over_its_threshold_is_told_of, silence_is_told_of
from tests.e2e.test_alarms_fire import DRIVEN as DRIVEN_ANYWAY
from tests.e2e.test_alarms_fire import RATES

# The first of these tests waits for the stack, and a first apply for the cache takes minutes.
pytestmark = pytest.mark.timeout(600)

DRIVEN: dict[str, tuple[catalog.Metric, list[float], str | None]] = {
    "redis_fallbacks": (catalog.REDIS_FALLBACKS, [11], "refused"),
    "index_behind": (catalog.INDEX_LAG, [31], None),
    "index_failures": (catalog.INDEX_FAILURES, [1], None),
    "index_repairs": (catalog.INDEX_REPAIRS, [1], None),
    "relay_lag": (catalog.RELAY_LAG, [61], None),
    "relay_dead_letters": (catalog.RELAY_DEAD_LETTERED, [1], None),
    "relay_lost": (catalog.RELAY_LOST, [1], None),
    "relay_redis_failures": (catalog.RELAY_REDIS_FAILURES, [11], None),
}


@pytest.fixture
def pager(redis_stack):
    pager = Pager(redis_stack)
    yield pager
    pager.close()


def test_each_alarm_on_a_metric_of_redis_is_driven(redis_stack):
    ours = on_ours(declared(redis_stack)) - {*DRIVEN_ANYWAY, *RATES, "janitor_silent"}
    assert ours == {*DRIVEN, "relay_silent"}


@pytest.mark.parametrize("key", DRIVEN)
async def test_a_metric_over_its_threshold_is_told_of(redis_stack, pager, monkeypatch, key):
    await over_its_threshold_is_told_of(redis_stack, pager, monkeypatch, key, DRIVEN[key])


async def test_a_relay_that_does_not_run_is_told_of(redis_stack, pager, monkeypatch):
    await silence_is_told_of(redis_stack, pager, monkeypatch, "relay_silent", catalog.RELAY_LAG)


def test_an_index_that_nobody_tends_is_behind(redis_stack):
    assert declared(redis_stack)["index_behind"]["treat_missing_data"] == "breaching"
