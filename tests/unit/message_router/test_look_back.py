"""Looking back: the newest matching events, in a bounded number of reads."""

import pytest

from message_router.look_back import LOOK_BACK_POSITIONS, LOOK_BACK_READS_MAX, look_back
from message_router.replay import REPLY_BYTES_MAX
from realtime_core.filters.filters import parse_filter
from realtime_core.history.base import EventPage
from realtime_core.history.memory import MemoryHistory
from realtime_core.wire.strict_json import byte_length, dumps
from tests.contract.support.admitted import NOW_MS, admit, new_event

EVERYTHING = parse_filter({})
NOW = NOW_MS // 1000


@pytest.fixture
def history():
    begun = MemoryHistory()
    begun.trim(NOW_MS, 1)
    return begun


def publish(history, first, last, **more):
    for number in range(first, last + 1):
        admit(history, new_event(f"e{number}", n=number, **more))


def look(history, count=3, *, topic="books", wanted=EVERYTHING, now=NOW):
    return look_back(history, count, topic, wanted, now)


def numbers(recent):
    return [event["data"]["n"] for event in recent.events]


def test_the_newest_come_oldest_first_with_the_newest_position(history):
    publish(history, 1, 5)
    recent = look(history)
    assert numbers(recent) == [3, 4, 5]
    assert recent.position == history.bounds().newest == recent.events[-1]["position"]


def test_fewer_are_all_and_an_empty_history_has_none(history):
    assert look(history).events == []
    assert look(MemoryHistory()) == (0, [], [])
    publish(history, 1, 2)
    assert numbers(look(history, 100)) == [1, 2]


def test_topic_filter_and_end_are_kept(history):
    publish(history, 1, 3)
    publish(history, 4, 6, topic="toys")
    publish(history, 7, 9, expires_at=NOW)
    assert numbers(look(history, 2, topic="toys")) == [5, 6]
    assert numbers(look(history, 4, topic="all-deals")) == [6, 7, 8, 9]
    assert numbers(look(history, 4, topic="all-deals", now=NOW + 1)) == [3, 4, 5, 6]
    assert numbers(look(history, 2, wanted=parse_filter({"n": {"lt": 3}}))) == [1, 2]


def test_it_goes_back_over_a_thousand_positions_at_most(history):
    publish(history, 1, 2, topic="rare")
    publish(history, 3, LOOK_BACK_POSITIONS + 1)
    assert numbers(look(history, topic="rare")) == [2]


def test_it_does_not_look_below_the_floor(history):
    publish(history, 1, 3)
    history._floor += 1
    assert numbers(look(history)) == [2, 3]


def test_events_that_do_not_fit_a_reply_together_are_the_newest(history):
    publish(history, 1, 20, pad="x" * 20_000)
    recent = look(history, 20)
    assert numbers(recent) == [15, 16, 17, 18, 19, 20]
    assert byte_length(dumps(recent.events)) <= REPLY_BYTES_MAX


def test_an_event_that_fits_no_reply_comes_separately(history):
    publish(history, 1, 2)
    publish(history, 3, 3, pad="x" * 127_000)
    recent = look(history, 2)
    assert (numbers(recent), [event["data"]["n"] for event in recent.oversized]) == ([2], [3])


def test_reads_are_bounded_whatever_the_size_of_events(history):
    taken = []

    class Pages:
        def bounds(self):
            return history.bounds()

        def events_back(self, last, _first):
            for number in range(1_000):
                taken.append(number)
                yield EventPage([], last - number)

    publish(history, 1, 1)
    assert look(Pages()).events == []
    assert len(taken) == LOOK_BACK_READS_MAX
