import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from janitor.notices import reconnect_frame, token_expiring_frame
from realtime_core.connections.schedule import (
    PROBE_SECONDS,
    REFRESHED,
    DueWork,
    ScheduledConnection,
    after,
    duties,
    first_schedule,
    hand_over_at,
    next_due,
)

NOW = 1_795_382_480
MINUTE = 60
HOUR = 60 * MINUTE
FAR = NOW + 24 * HOUR
IDLE = DueWork()
PROBE = DueWork(probe=True)
WARN = DueWork(warn=True)
HAND_OVER = DueWork(hand_over=True)

tended = st.builds(
    ScheduledConnection,
    connection_id=st.text("abcdefABCDEF0123456789_-", min_size=16, max_size=16),
    connected_at=st.integers(NOW - 3 * HOUR, NOW),
    token_exp=st.integers(NOW - 3 * HOUR, NOW + 3 * HOUR),
    due_at=st.sampled_from([REFRESHED, NOW - 1, NOW]),
    warned_exp=st.integers(NOW - 3 * HOUR, NOW + 3 * HOUR),
    handed_over=st.booleans(),
).flatmap(lambda one: st.sampled_from([one, one._replace(warned_exp=one.token_exp)]))


def record(token_exp=FAR, due_at=NOW, **known):
    return ScheduledConnection("L0SM9cOFvHcCIhw=", NOW, token_exp, due_at, **known)


@pytest.mark.parametrize(
    ("known", "seconds", "expected"),
    [
        pytest.param(record(), 10 * MINUTE, PROBE, id="nothing-known-for-a-while"),
        pytest.param(record(due_at=REFRESHED), 10 * MINUTE, IDLE, id="a-refresh-is-a-sign-of-life"),
        pytest.param(record(NOW + HOUR), HOUR - 91, PROBE, id="long-before-expiry"),
        pytest.param(record(NOW + HOUR), HOUR - 90, WARN, id="a-minute-and-a-half-before-expiry"),
        pytest.param(record(NOW + HOUR), HOUR + 59, WARN, id="late-is-better-than-never"),
        pytest.param(record(NOW + HOUR, warned_exp=NOW + HOUR), HOUR, PROBE, id="warned-once"),
        pytest.param(record(NOW + HOUR, warned_exp=NOW + 9), HOUR, WARN, id="warned-of-an-earlier-expiry"),
        pytest.param(record(NOW + HOUR), HOUR + 60, DueWork(end="expired"), id="a-minute-after-expiry"),
        pytest.param(record(NOW - HOUR), 0, DueWork(end="expired"), id="expired-long-ago"),
        pytest.param(record(), 110 * MINUTE - 1, PROBE, id="before-the-hand-over"),
        pytest.param(record(), 118 * MINUTE, HAND_OVER, id="everybody-is-handed-over-by-then"),
        pytest.param(record(handed_over=True), 119 * MINUTE, PROBE, id="handed-over-once"),
        pytest.param(
            record(NOW + 118 * MINUTE), 118 * MINUTE, DueWork(warn=True, hand_over=True), id="both-at-once"
        ),
        pytest.param(record(), 2 * HOUR + 59, HAND_OVER, id="two-hours"),
        pytest.param(record(), 2 * HOUR + 60, DueWork(end="outlived"), id="past-two-hours"),
        pytest.param(record(NOW + HOUR), 3 * HOUR, DueWork(end="outlived"), id="cut-before-it-is-closed"),
    ],
)
def test_duties_by_situation(known, seconds, expected):
    assert duties(known, NOW + seconds) == expected


@pytest.mark.parametrize(
    ("due", "kind"),
    [
        (DueWork(end="expired"), "close"),
        (DueWork(end="outlived"), "remove"),
        (WARN, "tell"),
        (HAND_OVER, "tell"),
        (PROBE, "probe"),
        (IDLE, "look"),
    ],
)
def test_kind_is_the_one_thing_to_do(due, kind):
    assert due.kind == kind


@pytest.mark.parametrize(
    ("known", "seen_at", "expected"),
    [
        pytest.param(record(), NOW, NOW + 10 * MINUTE, id="probe"),
        pytest.param(record(NOW + 5 * MINUTE), NOW, NOW + 210, id="warning"),
        pytest.param(record(NOW + 300, warned_exp=NOW + 300), NOW, NOW + 360, id="close"),
        pytest.param(record(handed_over=True), NOW + 7150, NOW + 7260, id="remove"),
    ],
)
def test_next_due_is_the_earliest_moment(known, seen_at, expected):
    assert next_due(known, seen_at, PROBE_SECONDS) == expected


def test_hand_over_comes_between_110_and_118_minutes_spread_over_them():
    moments = [hand_over_at(ScheduledConnection(f"c{n}", 0, 0, 0)) for n in range(8_000)]

    assert min(moments) >= 110 * MINUTE
    assert max(moments) < 118 * MINUTE
    by_minute = [sum(m * MINUTE <= one - 6600 < (m + 1) * MINUTE for one in moments) for m in range(8)]
    assert max(by_minute) < 1.2 * 1_000, by_minute
    assert min(by_minute) > 0.8 * 1_000, by_minute


@given(tended)
def test_what_was_done_is_not_due_again_and_the_next_look_is_later(one):
    due = duties(one, NOW)
    if due.end is None:
        done = after(one, NOW, PROBE_SECONDS, warned=due.warn, handed_over=due.hand_over)
        assert NOW < done.due_at <= NOW + PROBE_SECONDS
        assert duties(done, NOW).kind in {"probe", "look"}


@given(tended, st.booleans(), st.booleans())
def test_what_could_not_be_sent_stays_due(one, warned, handed_over):
    due = duties(one, NOW)
    if due.end is None and (due.warn > warned or due.hand_over > handed_over):
        left = after(
            one, NOW, PROBE_SECONDS, warned=due.warn and warned, handed_over=due.hand_over and handed_over
        )
        assert left.due_at <= NOW
        assert duties(left, NOW).kind == "tell"


@given(tended)
def test_nothing_happens_between_two_looks(one):
    """Whoever is looked at only when due misses no moment: right before `due_at` there is nothing to do."""
    if duties(one, NOW).end is None:
        due = duties(one, NOW)
        done = after(one, NOW, PROBE_SECONDS, warned=due.warn, handed_over=due.hand_over)
        assert duties(done, done.due_at - 1) in (PROBE, IDLE)


@given(tended)
def test_a_connection_always_comes_to_its_end(one):
    """Looked at whenever it is due, every connection ends within two hours, its warnings sent once each."""
    now, warnings, hand_overs = NOW, 0, 0
    one = one._replace(warned_exp=0, handed_over=False)
    for _ in range(100):
        due = duties(one, now)
        if due.end:
            break
        warnings, hand_overs = warnings + due.warn, hand_overs + due.hand_over
        one = after(one, now, PROBE_SECONDS, warned=due.warn, handed_over=due.hand_over)
        now = one.due_at
    assert due.end
    assert now <= max(NOW, min(one.connected_at + 2 * HOUR, one.token_exp) + 60)
    assert warnings <= 1
    assert hand_overs <= 1


def test_a_new_connection_is_first_looked_at_when_something_is_due():
    assert first_schedule("c1", NOW, FAR).due_at == NOW + 10 * MINUTE
    assert first_schedule("c1", NOW, NOW + 200).due_at == NOW + 110


def test_frames_say_what_is_due():
    assert json.loads(token_expiring_frame(NOW + 60, NOW)) == {
        "type": "tokenExpiring",
        "data": {"expiresAt": NOW + 60},
        "timestamp": NOW,
    }
    assert json.loads(reconnect_frame(NOW - 2 * HOUR + 445, NOW)) == {
        "type": "reconnect",
        "data": {"reason": "connectionLifetime", "graceSeconds": 420},
        "timestamp": NOW,
    }
    assert json.loads(reconnect_frame(NOW - 3 * HOUR, NOW))["data"]["graceSeconds"] == 0
