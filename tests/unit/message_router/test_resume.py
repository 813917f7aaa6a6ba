"""Resuming: where a replay begins, what it repeats, and when it says that something may be missing."""

import pytest

from message_router.replay import READS_MAX
from message_router.resume import resume
from realtime_core.filters.filters import parse_filter
from realtime_core.history import base
from realtime_core.history.memory import MemoryHistory
from tests.contract.support.admitted import BEGAN, NOW_MS, claim, finish, publish

EVERYTHING = parse_filter({})
DAY_LATER = NOW_MS + (base.HISTORY_SECONDS + 1) * 1000


class Stores:
    """A history that has begun."""

    def __init__(self):
        self.history = self.admission = self.trimming = MemoryHistory()
        self.history.trim(NOW_MS, 1)

    def resume(self, since, topic="books", now_ms=NOW_MS):
        return resume(self.history, since, topic, EVERYTHING, now_ms // 1000)

    def forget(self, position):
        """Remove an event as the table's time to live does."""
        del self.history._events[position]


@pytest.fixture
def stores():
    return Stores()


def ids(resumed):
    return [event["eventId"] for event in resumed.events]


def publish_many(stores, count, now_ms=NOW_MS):
    for number in range(count):
        publish(stores, f"e{now_ms}-{number}", now_ms)


def test_what_came_after_is_replayed_and_nothing_else(stores):
    first, _, third = [publish(stores, f"e{number}") for number in range(3)]
    resumed = stores.resume(first.position)
    assert (ids(resumed), resumed.recovered, resumed.more) == (["e1", "e2"], True, False)
    assert resumed.position == third.position
    assert stores.resume(third.position) == (third.position, True, [], [], False)


@pytest.mark.parametrize("since", [0, BEGAN - 1])
def test_all_of_a_whole_history_is_replayed(stores, since):
    publish(stores, "e")
    resumed = stores.resume(since)
    assert (ids(resumed), resumed.recovered) == (["e"], True)


def test_a_since_of_an_empty_history_is_good_later(stores):
    heard = stores.history.bounds().newest
    publish(stores, "e")
    assert (ids(stores.resume(heard)), stores.resume(heard).recovered) == (["e"], True)


@pytest.mark.parametrize("since", [1, 500, BEGAN - 2])
def test_a_since_of_an_earlier_history_says_so(stores, since):
    publish(stores, "e")
    resumed = stores.resume(since)
    assert (ids(resumed), resumed.recovered) == (["e"], False)
    assert resumed.position == BEGAN


def test_a_since_above_all_positions_is_of_another_history(stores):
    last = publish(stores, "e").position
    assert stores.resume(last + 1) == (last, False, [], [], False)


def test_one_leak_repeats_its_own_event_alone(stores):
    """The first release repeated all that came after it, and called the rest missing."""
    leak = claim(stores, "leak", size="x" * 1000)
    for number in range(200):
        last = publish(stores, f"e{number}", size="x" * 1000)
    resumed = stores.resume(last.position)
    assert (ids(resumed), resumed.recovered, resumed.position) == (["leak"], True, last.position)
    finish(stores.admission, leak)
    after = publish(stores, "after")
    assert ids(stores.resume(after.position)) == []


def test_a_position_of_a_reply_without_an_event_repeats_the_one_before_it(stores):
    """It may have been stored after that reply."""
    publish(stores, "e0")
    late = publish(stores, "e1")
    stores.history._newest += 5
    publish(stores, "e2")
    assert ids(stores.resume(late.position + 3)) == ["e1", "e2"]


@pytest.mark.parametrize(
    ("gap", "recovered"), [(0, True), (base.SEARCHED_POSITIONS, True), (base.SEARCHED_POSITIONS + 1, False)]
)
def test_a_history_that_begins_with_positions_without_events_is_whole(stores, gap, recovered):
    """The first events may never have been stored. How far down that is known, the search for one says."""
    since = stores.history.bounds().floor + gap
    stores.history._newest = since
    publish(stores, "e")
    resumed = stores.resume(since)
    assert (ids(resumed), resumed.recovered) == (["e"], recovered)


def test_an_expired_event_is_not_replayed_but_keeps_its_place(stores):
    """A client that remembers it hears of what it overtook."""
    slow = claim(stores, "slow")
    expired = publish(stores, "expired", expires_at=NOW_MS // 1000 + 60)
    late = publish(stores, "late", expires_at=NOW_MS // 1000 + 60)
    assert ids(stores.resume(expired.position)) == ["slow", "late"]
    assert slow.position < expired.position

    an_hour_later = stores.resume(expired.position, now_ms=NOW_MS + 3_600_000)
    assert (ids(an_hour_later), an_hour_later.recovered) == (["slow"], True)
    assert an_hour_later.position == late.position, "it goes beyond what has expired"


def test_a_since_whose_own_event_is_no_longer_kept_says_so(stores):
    """What it overtook is not known any more."""
    publish(stores, "before")
    forgotten = publish(stores, "forgotten", expires_at=NOW_MS // 1000 + 60)
    publish(stores, "after")
    stores.forget(forgotten.position)
    resumed = stores.resume(forgotten.position, now_ms=DAY_LATER)
    assert (ids(resumed), resumed.recovered) == (["before", "after"], False)


def test_a_since_at_or_below_which_nothing_is_kept_misses_nothing(stores):
    """What a whole history has forgotten had expired."""
    forgotten = [publish(stores, f"e{number}", expires_at=NOW_MS // 1000 + 60) for number in range(3)]
    publish(stores, "after")
    for event in forgotten:
        stores.forget(event.position)
    for event in forgotten:
        resumed = stores.resume(event.position, now_ms=DAY_LATER)
        assert (ids(resumed), resumed.recovered) == (["after"], True)


def test_a_position_that_never_had_an_event_is_told_from_one_that_is_forgotten(stores):
    """No event is forgotten within a day."""
    anchor = publish(stores, "e")
    stores.history._newest += 5
    publish(stores, "later")
    nearly_a_day = NOW_MS + (base.HISTORY_SECONDS - 2 * 3600) * 1000
    assert stores.resume(anchor.position + 3, now_ms=nearly_a_day).recovered
    assert not stores.resume(anchor.position + 3, now_ms=DAY_LATER).recovered


def test_trimming_is_told_and_what_is_left_is_replayed(stores, monkeypatch):
    monkeypatch.setattr(base, "KEPT_POSITIONS", 5)
    publish_many(stores, 10)
    stores.trimming.trim(DAY_LATER, 1)
    floor = stores.history.bounds().floor
    assert floor == BEGAN + 5
    assert stores.resume(floor).recovered
    # What the last removed event overtook is not known any more.
    for since in (0, 3, BEGAN, floor - 1):
        resumed = stores.resume(since)
        assert (len(resumed.events), resumed.recovered) == (5, False), since
        assert resumed.position == floor + 4


def test_any_since_takes_a_bounded_number_of_reads(stores):
    reads = []

    class Counted:
        def bounds(self):
            reads.append("bounds")
            return stores.history.bounds()

        def last_event_until(self, position, floor):
            reads.append("until")
            return stores.history.last_event_until(position, floor)

        def events(self, first, last):
            # As DynamoDB's adapter reads: a hundred positions at a time.
            for start in range(first, last + 1, 100):
                reads.append("events")
                end = min(start + 99, last)
                yield base.EventPage([e for p in stores.history.events(start, end) for e in p.events], end)

    for number in range(4):
        stores.history._newest += 1_000_000
        publish(stores, f"e{number}")
    for since in (0, 1, BEGAN, BEGAN + 2_500_000, stores.history.bounds().newest):
        reads.clear()
        resume(Counted(), since, "books", EVERYTHING, NOW_MS // 1000)
        assert len(reads) <= 3 + READS_MAX, since
