"""Replay after `since`: order, filter, size, progress, and no silent gaps."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from message_router.replay import READS_MAX, SCANNED_MAX, fill_page, matcher
from realtime_core.filters import searching
from realtime_core.filters.filters import parse_filter
from realtime_core.history.base import EventPage, StoredEvent, decode_event, encode_event
from realtime_core.wire.events import event_frame, parse_event
from realtime_core.wire.strict_json import byte_length, dumps

EVERYTHING = parse_filter({})
NOW = 1_795_382_480


def test_texts_that_were_searched_are_released():
    wanted = parse_filter({"pad": {"contains": "xx"}})
    assert matcher("books", wanted, NOW)(stored(1, size=20_000))
    assert not searching._memory._known


def stored(position, *, topic="books", size=10, **data):
    return StoredEvent(
        position,
        1_795_382_480,
        f"e{position}",
        "dealUpdate",
        topic,
        {"pad": "x" * size, **data},
        {},
    )


def fill(overtaken, later, *, topic="books", wanted=EVERYTHING):
    """Fill a page from events in pages of a hundred, as the history reads them, up to the last of them."""
    later = list(later)
    first = later[0].position if later else 1
    pages = [
        EventPage(later[at : at + 100], later[at : at + 100][-1].position) for at in range(0, len(later), 100)
    ]
    last = later[-1].position if later else 0
    return fill_page(overtaken, pages, first=first, last=last, matches=matcher(topic, wanted, NOW))


def positions(page):
    return [event["position"] for event in page.events]


def test_fill_page_returns_later_events_in_order_without_since():
    page = fill([], map(stored, range(4, 8)))
    assert (positions(page), page.more, page.reached, page.complete) == ([4, 5, 6, 7], False, 7, True)


def test_replay_of_all_deals_has_no_events_of_private_topics():
    later = [
        stored(4),
        stored(5, topic="private.team-42"),
        stored(6, topic="private"),
        stored(7, topic="privately"),
    ]
    assert positions(fill([stored(3, topic="private.a")], later, topic="all-deals")) == [4, 7]
    assert positions(fill([], later, topic="private.team-42")) == [5]


def test_fill_page_returns_the_live_frames():
    (event,) = fill([], [stored(4, size=1)]).events
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
def test_fill_page_returns_the_text_of_the_live_frame(text):
    """Above all, numbers: a replay must not change a price."""
    more = f'"filters":{text},"expiresAt":{NOW + 60}'
    event = parse_event(json.loads(f'{{"messageType":"dealUpdate","topic":"books","data":{text},{more}}}'))
    live = event_frame(event, event_id="e4", now=1_795_382_480, position=4)
    stored_event = decode_event(encode_event(event, "e4"), position=4, at_ms=1_795_382_480_999)
    (replayed,) = fill([], [stored_event]).events
    assert dumps(replayed) == live


def test_fill_page_applies_topic_and_filter_and_all_deals_is_every_topic():
    events = [stored(1, price=5), stored(2, topic="toys", price=5), stored(3, price=50)]
    cheap = parse_filter({"maxPrice": 10})
    assert positions(fill([], events, wanted=cheap)) == [1]
    assert positions(fill([], events, topic="all-deals", wanted=cheap)) == [1, 2]


def test_fill_page_leaves_out_what_has_expired_but_goes_beyond_it():
    events = [stored(1)._replace(expires_at=NOW - 1), stored(2)._replace(expires_at=NOW), stored(3)]
    events.append(stored(4)._replace(expires_at=NOW - 1))
    page = fill([stored(0)._replace(expires_at=NOW - 1)], events)
    assert (positions(page), page.reached, page.more) == ([2, 3], 4, False)


def test_fill_page_stops_at_a_network_frame_and_returns_the_position_reached():
    events = [stored(position, size=1000) for position in range(1, 101)]
    page = fill([], events)
    assert page.more
    assert positions(page)[-1] == page.reached < 100
    assert byte_length(dumps(page.events)) <= 26 * 1024 + 2


def test_fill_page_returns_a_large_event_in_a_larger_frame():
    page = fill([], [stored(1, size=60_000), stored(2)])
    assert (positions(page), page.more, page.reached) == ([1], True, 1)


def test_fill_page_returns_an_event_that_fits_no_reply_separately():
    page = fill([], [stored(2, size=127_000), stored(3)])
    assert [event["position"] for event in page.oversized] == [2]
    assert page.reached >= 2
    page = fill([stored(1, size=110_000), stored(2)], [stored(4)])
    assert [event["position"] for event in page.oversized] == [1], "also one that was overtaken"
    assert (positions(page), page.complete) == ([2, 4], True)


def test_fill_page_repeats_overtaken_events_and_makes_progress():
    overtaken = [stored(position, size=1000) for position in range(1, 80)]
    page = fill(overtaken, map(stored, range(81, 90)))
    assert page.complete
    assert positions(page) == [*range(1, 80), *range(81, 90)]


def test_fill_page_is_incomplete_if_overtaken_events_do_not_fit():
    overtaken = [stored(position, size=1000) for position in range(1, 200)]
    page = fill(overtaken, [stored(201)])
    assert not page.complete
    assert positions(page)[-1] == 201


def test_fill_page_scans_a_limited_number_of_events():
    events = [stored(position, topic="toys", size=0) for position in range(1, 10 * SCANNED_MAX)]
    page = fill([], events)
    assert (page.events, page.more, page.reached) == ([], True, SCANNED_MAX)


def test_fill_page_takes_a_limited_number_of_reads_and_goes_on_after_them():
    """Also where there is no event for long: else a client would never get beyond."""
    reads = []

    def pages():
        for number in range(1, 1000):
            reads.append(number)
            yield EventPage([], number * 100)

    page = fill_page([], pages(), first=1, last=100_000, matches=matcher("books", EVERYTHING, NOW))
    assert (page.events, page.more, page.reached) == ([], True, READS_MAX * 100)
    assert len(reads) == READS_MAX


@given(st.lists(st.integers(0, 40_000), max_size=60), st.integers(0, 60))
def test_following_the_pages_returns_every_event_and_ends(sizes, since):
    events = [stored(position, size=size) for position, size in enumerate(sizes, 1)]
    seen, at = [], since
    for _ in range(len(sizes) + 2):
        page = fill([], events[at:])
        seen += positions(page) + [event["position"] for event in page.oversized]
        assert byte_length(dumps(page.events)) <= 122 * 1024 + 2
        if not page.more:
            break
        assert page.reached > at
        at = page.reached
    assert sorted(seen) == list(range(since + 1, len(sizes) + 1))
