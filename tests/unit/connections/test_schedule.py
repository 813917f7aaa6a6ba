import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from janitor.notices import reconnect_frame, token_expiring_frame
from realtime_core.connections.schedule import (
    REFRESHED,
    DueWork,
    ScheduledConnection,
    due_work,
    first_schedule,
    hand_over_at,
    heard_at,
    next_due,
    reschedule,
)

NOW = 1_795_382_480
MINUTE = 60
HOUR = 60 * MINUTE
FAR = NOW + 24 * HOUR
IDLE = DueWork()
WARN = DueWork(warn=True)
HAND_OVER = DueWork(hand_over=True)

scheduled = st.builds(
    ScheduledConnection,
    connection_id=st.text("abcdefABCDEF0123456789_-", min_size=16, max_size=16),
    connected_at=st.integers(NOW - 3 * HOUR, NOW),
    token_exp=st.integers(NOW - 3 * HOUR, NOW + 3 * HOUR),
    due_at=st.sampled_from([REFRESHED, NOW - 1, NOW]),
    warned_exp=st.integers(NOW - 3 * HOUR, NOW + 3 * HOUR),
    handed_over=st.booleans(),
).flatmap(lambda item: st.sampled_from([item, item._replace(warned_exp=item.token_exp)]))


def record(token_exp=FAR, due_at=NOW, **known):
    return ScheduledConnection("L0SM9cOFvHcCIhw=", NOW, token_exp, due_at, **known)


@pytest.mark.parametrize(
    ("known", "seconds", "expected"),
    [
        pytest.param(record(), 10 * MINUTE, IDLE, id="nothing-known-for-a-while"),
        pytest.param(record(due_at=REFRESHED), 10 * MINUTE, IDLE, id="only-to-be-scheduled-again"),
        pytest.param(record(NOW + HOUR), HOUR - 91, IDLE, id="long-before-expiry"),
        pytest.param(record(NOW + HOUR), HOUR - 90, WARN, id="a-minute-and-a-half-before-expiry"),
        pytest.param(record(NOW + HOUR), HOUR + 59, WARN, id="late-is-better-than-never"),
        pytest.param(record(NOW + HOUR, warned_exp=NOW + HOUR), HOUR, IDLE, id="warned-once"),
        pytest.param(record(NOW + HOUR, warned_exp=NOW + 9), HOUR, WARN, id="warned-of-an-earlier-expiry"),
        pytest.param(record(NOW + HOUR), HOUR + 60, DueWork(end="expired"), id="a-minute-after-expiry"),
        pytest.param(record(NOW - HOUR), 0, DueWork(end="expired"), id="expired-long-ago"),
        pytest.param(record(), 110 * MINUTE - 1, IDLE, id="before-the-hand-over"),
        pytest.param(record(), 118 * MINUTE, HAND_OVER, id="everybody-is-handed-over-by-then"),
        pytest.param(record(handed_over=True), 119 * MINUTE, IDLE, id="handed-over-once"),
        pytest.param(
            record(NOW + 118 * MINUTE), 118 * MINUTE, DueWork(warn=True, hand_over=True), id="both-at-once"
        ),
        pytest.param(record(), 2 * HOUR + 59, HAND_OVER, id="two-hours"),
        pytest.param(record(), 2 * HOUR + 60, DueWork(end="outlived"), id="past-two-hours"),
        pytest.param(record(NOW + HOUR), 3 * HOUR, DueWork(end="outlived"), id="cut-before-it-is-closed"),
    ],
)
def test_due_work_by_situation(known, seconds, expected):
    assert due_work(known, NOW + seconds) == expected


@pytest.mark.parametrize(
    ("due", "kind"),
    [
        (DueWork(end="expired"), "close"),
        (DueWork(end="outlived"), "remove"),
        (WARN, "notify"),
        (HAND_OVER, "notify"),
        (IDLE, "check"),
    ],
)
def test_kind_of_work(due, kind):
    assert due.kind == kind


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param(record(NOW + 5 * MINUTE), NOW + 210, id="warning"),
        pytest.param(record(NOW + 300, warned_exp=NOW + 300), NOW + 360, id="close"),
        pytest.param(record(), hand_over_at(record()), id="hand-over"),
        pytest.param(record(handed_over=True), NOW + 7260, id="remove"),
    ],
)
def test_next_due_is_the_earliest_time(known, expected):
    assert next_due(known) == expected


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param(record(), NOW, id="connected"),
        pytest.param(record(NOW + HOUR, warned_exp=NOW + HOUR), NOW + HOUR - 90, id="warned"),
        pytest.param(record(NOW + HOUR, warned_exp=NOW + 9), NOW, id="warned-before-a-refresh"),
        pytest.param(record(handed_over=True), hand_over_at(record()), id="asked-to-reconnect"),
    ],
)
def test_heard_at_is_the_last_sign_of_life_in_the_record(known, expected):
    assert heard_at(known) == expected


def test_hand_over_is_evenly_distributed_between_110_and_118_minutes():
    times = [hand_over_at(ScheduledConnection(f"c{n}", 0, 0, 0)) for n in range(8_000)]

    assert min(times) >= 110 * MINUTE
    assert max(times) < 118 * MINUTE
    by_minute = [sum(m * MINUTE <= time - 6600 < (m + 1) * MINUTE for time in times) for m in range(8)]
    assert max(by_minute) < 1.2 * 1_000, by_minute
    assert min(by_minute) > 0.8 * 1_000, by_minute


@given(scheduled)
def test_finished_work_is_not_due_again(connection):
    due = due_work(connection, NOW)
    if due.end is None:
        done = reschedule(connection, warned=due.warn, handed_over=due.hand_over)
        assert done.due_at > NOW
        assert due_work(done, NOW).kind == "check"


@given(scheduled, st.booleans(), st.booleans())
def test_unsent_frames_stay_due(connection, warned, handed_over):
    due = due_work(connection, NOW)
    if due.end is None and (due.warn > warned or due.hand_over > handed_over):
        left = reschedule(
            connection,
            warned=due.warn and warned,
            handed_over=due.hand_over and handed_over,
        )
        assert left.due_at <= NOW
        assert due_work(left, NOW).kind == "notify"


@given(scheduled)
def test_nothing_is_due_between_two_due_times(connection):
    """Right before `due_at` there is no work, so checking only due records misses nothing."""
    if due_work(connection, NOW).end is None:
        due = due_work(connection, NOW)
        done = reschedule(connection, warned=due.warn, handed_over=due.hand_over)
        assert due_work(done, done.due_at - 1) == IDLE


@given(scheduled)
def test_every_connection_ends(connection):
    """Checked whenever it is due, a connection ends within two hours, with each warning sent once."""
    now, warnings, hand_overs = NOW, 0, 0
    connection = connection._replace(warned_exp=0, handed_over=False)
    for _ in range(100):
        due = due_work(connection, now)
        if due.end:
            break
        warnings, hand_overs = warnings + due.warn, hand_overs + due.hand_over
        connection = reschedule(connection, warned=due.warn, handed_over=due.hand_over)
        now = connection.due_at
    assert due.end
    assert now <= max(NOW, min(connection.connected_at + 2 * HOUR, connection.token_exp) + 60)
    assert warnings <= 1
    assert hand_overs <= 1


def test_first_schedule_is_the_first_due_time():
    assert first_schedule("c1", NOW, FAR).due_at == hand_over_at(first_schedule("c1", NOW, FAR))
    assert first_schedule("c1", NOW, NOW + 200).due_at == NOW + 110


def test_frames_of_expiry_and_reconnect():
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
