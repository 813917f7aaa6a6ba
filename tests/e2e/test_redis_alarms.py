"""Alarms on the service's metrics about Redis fire; test_alarms_fire.py describes the method."""

from __future__ import annotations

import pytest

from realtime_core.telemetry import metric_catalog as catalog
from tests.e2e.alarms import (
    AlarmInbox,
    assert_fires_above_threshold,
    assert_fires_on_silence,
    read_declared_alarms,
    select_own,
)
from tests.e2e.test_alarms_fire import DRIVEN as DRIVEN_WITHOUT_REDIS
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
def inbox(redis_stack):
    inbox = AlarmInbox(redis_stack)
    yield inbox
    inbox.close()


def test_every_alarm_on_redis_has_a_test(redis_stack):
    on_redis = select_own(read_declared_alarms(redis_stack)) - {
        *DRIVEN_WITHOUT_REDIS,
        *RATES,
        "janitor_silent",
    }
    assert on_redis == {*DRIVEN, "relay_silent"}


@pytest.mark.parametrize("key", DRIVEN)
async def test_metric_over_its_threshold_notifies(redis_stack, inbox, key):
    await assert_fires_above_threshold(redis_stack, inbox, key, DRIVEN[key])


async def test_relay_that_does_not_run_notifies(redis_stack, inbox):
    await assert_fires_on_silence(redis_stack, inbox, "relay_silent", catalog.RELAY_LAG)


def test_index_without_maintenance_counts_as_behind(redis_stack):
    assert read_declared_alarms(redis_stack)["index_behind"]["treat_missing_data"] == "breaching"
