"""How far the planning of a large audience has come, and how long its event stays in flight."""

import os
from types import SimpleNamespace

import pytest

from realtime_core.errors import StoreUnavailable
from realtime_core.history.base import Planning, new_tracking_id
from realtime_core.history.dynamodb_admission import DynamoAdmission
from realtime_core.history.dynamodb_chunks import DynamoChunks
from realtime_core.history.dynamodb_events import DynamoHistory
from realtime_core.history.memory import MemoryHistory
from realtime_core.history.overtaken import EXTENSION_SECONDS, IN_FLIGHT_SECONDS_MAX
from tests.contract.support.admitted import NOW_MS, claim, finish, new_event
from tests.contract.support.watched_clients import watching

NOW = NOW_MS // 1000
MINUTE_MS = 60_000


@pytest.fixture(params=["dynamodb", "memory"])
def stores(request):
    """A history with a clock, `now`, for the chunks that are completed."""
    made = SimpleNamespace(now=float(NOW))
    if request.param == "memory":
        memory = MemoryHistory(lambda: made.now)
        made.history = made.admission = made.chunks = memory
    else:
        client = request.getfixturevalue("dynamodb")
        made.history = DynamoHistory(client, "history")
        made.admission = DynamoAdmission(
            client, "history", os.urandom, sleep=lambda _seconds: None, now=lambda: made.now
        )
        made.chunks = DynamoChunks(client, "history", lambda: made.now)
    return made


def noted(stores, event_id, number):
    claimed = claim(stores, event_id)
    planning = Planning(
        new_tracking_id(claimed.position, NOW_MS), NOW_MS, number, 10 * number, f"place {number}"
    )
    stores.admission.note_planning(claimed, planning)
    return claimed, planning


def test_who_takes_an_event_over_goes_on_from_the_last_note(stores):
    claimed, first = noted(stores, "e1", 1)
    assert claimed.planning is None
    with pytest.raises(StoreUnavailable):
        claim(stores, "e1", NOW_MS + 1_000)

    second = first._replace(chunks=2, place="place 2")
    stores.admission.note_planning(claimed, second)
    stores.admission.release_all([claimed])
    again = claim(stores, "e1", NOW_MS + 1_000)
    assert (again.position, again.planning) == (claimed.position, second)
    finish(stores.admission, again, "the answer")
    assert claim(stores, "e1", NOW_MS + 2_000).answer == "the answer"


def test_an_event_that_moves_to_a_new_position_keeps_how_far_it_is_planned(stores):
    claimed, planning = noted(stores, "e1", 3)
    moved = claim(stores, "e1", NOW_MS + IN_FLIGHT_SECONDS_MAX * 1000 + MINUTE_MS)
    assert moved.position > claimed.position
    assert moved.planning == planning


def test_a_planning_of_many_attempts_stays_in_flight(stores):
    """Each attempt gives it its whole time again."""
    claimed, _ = noted(stores, "e1", 1)
    for minutes in range(10, 60, 10):
        stores.admission.release_all([claimed])
        assert claim(stores, "e1", NOW_MS + minutes * MINUTE_MS).position == claimed.position
        assert stores.history.settled(NOW + minutes * 60 + 600) < claimed.position


def test_an_event_is_in_flight_while_its_chunks_are_pushed_however_long_that_takes(stores):
    claimed = claim(stores, "e1")
    tracking_id = new_tracking_id(claimed.position, NOW_MS)
    stores.admission.expect_chunks(tracking_id, 100, [claimed])
    finish(stores.admission, claimed, in_flight=True)
    for chunk in range(99):
        stores.now += 60
        stores.chunks.complete_chunks(tracking_id, [chunk])
        assert stores.history.settled(int(stores.now)) == claimed.position - 1
    stores.chunks.complete_chunks(tracking_id, [99])
    assert stores.history.settled(int(stores.now)) == claimed.position


def test_an_event_whose_chunks_are_pushed_no_more_ends_by_itself(stores):
    claimed = claim(stores, "e1")
    tracking_id = new_tracking_id(claimed.position, NOW_MS)
    stores.admission.expect_chunks(tracking_id, 3, [claimed])
    stores.now += EXTENSION_SECONDS
    stores.chunks.complete_chunks(tracking_id, [0])
    assert stores.history.settled(int(stores.now) + IN_FLIGHT_SECONDS_MAX - 1) == claimed.position - 1
    assert stores.history.settled(int(stores.now) + IN_FLIGHT_SECONDS_MAX + 1) == claimed.position
    stores.now += IN_FLIGHT_SECONDS_MAX + 1
    stores.chunks.complete_chunks(tracking_id, [1])
    assert stores.history.settled(int(stores.now)) == claimed.position, "what has ended does not begin again"


def test_chunks_extend_what_is_in_flight_seldom(dynamodb):
    """A chunk costs one write; every five minutes one of them costs two more."""
    now = [float(NOW)]
    admission = DynamoAdmission(dynamodb, "history", os.urandom, now=lambda: now[0])
    chunks = DynamoChunks(dynamodb, "history", lambda: now[0])
    [claimed] = admission.claim_all([new_event("e1")], NOW_MS)
    admission.expect_chunks(7, 1_000, [claimed])
    with watching(dynamodb) as watch:
        for chunk in range(60):
            now[0] += 10
            chunks.complete_chunks(7, [chunk])
    assert watch.writes == 60 + 2 * 2
