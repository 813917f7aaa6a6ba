"""What answers a `since`: order, filter, size, progress, and that nothing falls away in silence."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from message_router.replay import SCANNED_MAX, first_needed, page
from realtime_core.filters.filters import parse_filter
from realtime_core.history.base import StoredEvent, decode_event, encode_event, expired, lowest_in_flight
from realtime_core.wire.events import event_frame, parse_event
from realtime_core.wire.strict_json import byte_length, dumps

EVERYTHING = parse_filter({})


def stored(position, *, low=None, topic="books", size=10, **data):
    return StoredEvent(
        position,
        low or position,
        1_795_382_480,
        f"e{position}",
        "dealUpdate",
        topic,
        {"pad": "x" * size, **data},
        {},
    )


def positions(found):
    return [event["position"] for event in found.events]


def test_page_holds_what_came_after_in_order_and_not_since_itself():
    found = page(map(stored, range(3, 8)), since=3, topic="books", wanted=EVERYTHING)
    assert (positions(found), found.more, found.reached, found.complete) == ([4, 5, 6, 7], False, 7, True)


def test_page_frames_are_those_that_went_out_live():
    (event,) = page([stored(4, size=1)], since=3, topic="books", wanted=EVERYTHING).events
    assert event == {
        "type": "dealUpdate", "data": {"pad": "x"}, "timestamp": 1_795_382_480,
        "topic": "books", "eventId": "e4", "position": 4,
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        '{"price":0.1,"tiny":1e-7,"long":1234567890.12345678901234567890,"large":1e22,"zero":-0.0}',
        '{"n":9223372036854775807,"least":5e-324,"most":1.7976931348623157e308,"whole":100.0,"none":null}',
        r'{"\u0000":"\u202e\ufffe\uffff\u2028<>&\"\\ é 😀","":{"a":[]}}',
    ],
)
def test_page_frames_are_the_very_text_that_went_out_live(text):
    """Numbers above all: a price must not be another one by replay."""
    event = parse_event(json.loads(f'{{"messageType":"dealUpdate","topic":"books","data":{text}}}'))
    live = event_frame(event, event_id="e4", now=1_795_382_480, position=4)
    kept = decode_event(encode_event(event, "e4"), position=4, low=4, at_ms=1_795_382_480_999)
    (replayed,) = page([kept], since=3, topic="books", wanted=EVERYTHING).events
    assert dumps(replayed) == live


def test_page_keeps_to_topic_and_filter_and_all_deals_means_every_topic():
    kept = [stored(1, price=5), stored(2, topic="toys", price=5), stored(3, price=50)]
    cheap = parse_filter({"maxPrice": 10})
    assert positions(page(kept, since=0, topic="books", wanted=cheap)) == [1]
    assert positions(page(kept, since=0, topic="all-deals", wanted=cheap)) == [1, 2]


def test_page_stops_at_a_network_frame_and_says_where_to_go_on():
    kept = [stored(position, size=1000) for position in range(1, 101)]
    found = page(kept, since=0, topic="books", wanted=EVERYTHING)
    assert found.more
    assert positions(found)[-1] == found.reached < 100
    assert byte_length(dumps(found.events)) <= 26 * 1024 + 2


def test_page_with_one_large_event_makes_progress_by_a_larger_frame():
    found = page([stored(1, size=60_000), stored(2)], since=0, topic="books", wanted=EVERYTHING)
    assert (positions(found), found.more, found.reached) == ([1], True, 1)


def test_page_sends_an_event_that_fits_no_reply_alone():
    found = page(
        [stored(1), stored(2, size=127_000), stored(3)],
        since=1,
        topic="books",
        wanted=EVERYTHING,
    )
    assert [event["position"] for event in found.alone] == [2]
    assert found.reached >= 2


def test_page_repeats_what_since_overtook_and_still_makes_progress():
    overtaken = [stored(position, size=1000) for position in range(1, 80)]
    found = page(
        [*overtaken, stored(80), *map(stored, range(81, 90))],
        since=80,
        topic="books",
        wanted=EVERYTHING,
    )
    assert found.complete
    assert positions(found) == [*range(1, 80), *range(81, 90)]


def test_page_says_when_what_was_overtaken_does_not_fit():
    overtaken = [stored(position, size=1000) for position in range(1, 200)]
    found = page([*overtaken, stored(200), stored(201)], since=200, topic="books", wanted=EVERYTHING)
    assert not found.complete
    assert positions(found)[-1] == 201


def test_page_looks_at_a_bounded_number_of_events():
    kept = (stored(position, topic="toys", size=0) for position in range(1, 10 * SCANNED_MAX))
    found = page(kept, since=0, topic="books", wanted=EVERYTHING)
    assert (found.events, found.more, found.reached) == ([], True, SCANNED_MAX)


@given(st.lists(st.integers(0, 40_000), max_size=60), st.integers(0, 60))
def test_following_the_pages_loses_nothing_and_ends(sizes, since):
    kept = [stored(position, size=size) for position, size in enumerate(sizes, 1)]
    seen, at = [], since
    for _ in range(len(sizes) + 2):
        found = page(kept[at:], since=at, topic="books", wanted=EVERYTHING)
        seen += positions(found) + [event["position"] for event in found.alone]
        assert byte_length(dumps(found.events)) <= 122 * 1024 + 2
        if not found.more:
            break
        assert found.reached > at
        at = found.reached
    assert sorted(seen) == list(range(since + 1, len(sizes) + 1))


def test_a_replay_begins_at_what_the_remembered_event_overtook():
    assert first_needed(9, 4) == 4
    assert first_needed(9, 9) == 9
    assert first_needed(9, None) == 10
    assert first_needed(0, None) == 1


def test_flights_count_while_they_can_be_in_the_air():
    flying = {"100-a": 7, "900-b": 9, "1001-c": 12}
    assert expired(flying, 1000) == []
    assert expired(flying, 1001) == ["100-a"]
    assert lowest_in_flight(flying, 99, 1001) == 9
    assert lowest_in_flight({}, 99, 1001) == 99
