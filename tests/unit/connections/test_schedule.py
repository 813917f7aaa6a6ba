import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from janitor.notices import reconnect_frame, token_expiring_frame
from realtime_core.connections.schedule import (
    AHEAD_SECONDS,
    REFRESHED,
    DueWork,
    NoticeSpan,
    ScheduledConnection,
    due_with_token,
    due_work,
    first_schedule,
    hand_over_at,
    heard_at,
    next_due,
    overdue_seconds,
    postpone,
    reschedule,
    warn_at,
)

NOW = 1_795_382_480
MINUTE = 60
HOUR = 60 * MINUTE
FAR = NOW + 24 * HOUR
IDLE = DueWork()
WARN = DueWork(warn=True)
HAND_OVER = DueWork(hand_over=True)
CHECK = DueWork(check=True)

scheduled = st.builds(
    ScheduledConnection,
    connection_id=st.text("abcdefABCDEF0123456789_-", min_size=16, max_size=16),
    connected_at=st.integers(NOW - 3 * HOUR, NOW),
    token_exp=st.integers(NOW - 3 * HOUR, NOW + 3 * HOUR),
    due_at=st.sampled_from([REFRESHED, NOW - HOUR, NOW - 1, NOW]),
    warned_exp=st.integers(NOW - 3 * HOUR, NOW + 3 * HOUR),
    handed_over=st.booleans(),
).flatmap(lambda item: st.sampled_from([item, item._replace(warned_exp=item.token_exp)]))


def everything(now):
    """The span of a partition whose notices were never sent."""
    return NoticeSpan(0, now)


def record(token_exp=FAR, due_at=NOW, **known):
    return ScheduledConnection("L0SM9cOFvHcCIhw=", NOW, token_exp, due_at, **known)


@pytest.mark.parametrize(
    ("known", "seconds", "expected"),
    [
        pytest.param(record(), 10 * MINUTE, IDLE, id="nothing-known-for-a-while"),
        pytest.param(record(due_at=REFRESHED), 10 * MINUTE, CHECK, id="only-to-be-scheduled-again"),
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
    assert due_work(known, NOW + seconds, everything(NOW + seconds)) == expected


WARNED_AT, HANDED_AT = NOW + HOUR - 90, hand_over_at(record())


@pytest.mark.parametrize(
    ("known", "after", "until", "expected"),
    [
        pytest.param(record(NOW + HOUR), WARNED_AT - 1, WARNED_AT, WARN, id="its-time-is-in-the-span"),
        pytest.param(record(NOW + HOUR), WARNED_AT, WARNED_AT + 60, IDLE, id="an-earlier-run-sent-it"),
        pytest.param(record(NOW + HOUR), WARNED_AT - 60, WARNED_AT - 1, IDLE, id="a-later-run-sends-it"),
        pytest.param(record(due_at=NOW), HANDED_AT - 1, HANDED_AT, HAND_OVER, id="still-in-its-old-place"),
        pytest.param(
            record(NOW + HOUR, WARNED_AT + 61), WARNED_AT + 60, WARNED_AT + 61, WARN, id="put-off-until-then"
        ),
        pytest.param(
            record(NOW + HOUR, WARNED_AT + 61), WARNED_AT + 61, WARNED_AT + 90, IDLE, id="put-off-and-sent"
        ),
        pytest.param(
            record(NOW + HOUR, REFRESHED), WARNED_AT + 1, WARNED_AT + 60, WARN._replace(check=True),
            id="too-late-for-the-run-of-its-time",
        ),
        pytest.param(
            record(due_at=REFRESHED), HANDED_AT, HANDED_AT + 60, CHECK, id="handed-over-before-the-refresh"
        ),
    ],
)  # fmt: skip
def test_notice_is_due_in_the_span_of_its_time_alone(known, after, until, expected):
    assert due_work(known, until, NoticeSpan(after, until)) == expected


def test_without_a_span_connections_end_and_nothing_else_is_due():
    assert due_work(record(NOW + HOUR), NOW + HOUR, None) == IDLE
    assert due_work(record(NOW + HOUR, REFRESHED), NOW + HOUR, None) == IDLE
    assert due_work(record(NOW + HOUR), NOW + HOUR + 60, None) == DueWork(end="expired")


@pytest.mark.parametrize(
    ("due", "kind"),
    [
        (DueWork(end="expired"), "close"),
        (DueWork(end="outlived"), "remove"),
        (WARN, "notify"),
        (HAND_OVER, "notify"),
        (CHECK, "check"),
        (WARN._replace(check=True), "notify"),
        (IDLE, "wait"),
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
def test_checked_record_is_due_when_something_is_to_be_done(connection):
    """Right before the new due time there is no work, and at it there is."""
    connection = connection._replace(due_at=REFRESHED)
    due = due_work(connection, NOW, everything(NOW))
    if due.end is None:
        done = reschedule(connection, NOW, warned=due.warn)
        assert done.due_at > NOW
        assert due_work(done, done.due_at - 1, NoticeSpan(NOW, done.due_at - 1)) == IDLE
        assert due_work(done, done.due_at, NoticeSpan(NOW, done.due_at)) != IDLE


@given(scheduled, st.booleans(), st.booleans())
def test_unsent_frames_are_due_in_the_next_span_and_sent_ones_are_not(connection, warned, handed_over):
    due = due_work(connection, NOW, everything(NOW))
    if due.end is None and (due.warn > warned or due.hand_over > handed_over):
        left = postpone(
            connection, NOW, warned=due.warn and warned, handed_over=due.hand_over and handed_over
        )
        later = due_work(left, NOW + 1, NoticeSpan(NOW, NOW + 1))
        # What was due and was sent is not due again; a second may make something else due.
        assert later.end or later.warn >= (due.warn and not warned)
        assert later.end or later.hand_over >= (due.hand_over and not handed_over)
        assert not (due.warn and warned and later.warn)
        assert not (due.hand_over and handed_over and later.hand_over)


@given(scheduled, st.lists(st.integers(1, 20 * MINUTE), min_size=1, max_size=40))
def test_runs_at_any_times_send_each_notice_once_and_end_the_connection(connection, pauses):
    now = after = connection.connected_at
    connection = first_schedule(connection.connection_id, now, now + abs(connection.token_exp - now))
    warnings, hand_overs, due = 0, 0, IDLE
    for pause in [*pauses, 3 * HOUR]:
        now += pause
        due = due_work(connection, now, NoticeSpan(after, now)) if connection.due_at <= now else IDLE
        after = now
        if due.end:
            break
        warnings, hand_overs = warnings + due.warn, hand_overs + due.hand_over
        if connection.due_at == REFRESHED:
            connection = reschedule(connection, now, warned=due.warn)

    assert due.end
    assert warnings <= 1
    assert hand_overs <= 1


def test_first_schedule_is_the_first_due_time():
    assert first_schedule("c1", NOW, FAR).due_at == hand_over_at(first_schedule("c1", NOW, FAR))
    assert first_schedule("c1", NOW, NOW + 200).due_at == NOW + 110


@pytest.mark.parametrize(
    ("age", "token_seconds", "expected"),
    [
        pytest.param(0, HOUR, NOW + HOUR - 90, id="its-warning"),
        pytest.param(0, 90 + AHEAD_SECONDS, NOW + AHEAD_SECONDS, id="as-near-as-may-be"),
        pytest.param(0, 89 + AHEAD_SECONDS, REFRESHED, id="too-near-for-the-index"),
        pytest.param(0, -5, REFRESHED, id="expired"),
        pytest.param(0, 24 * HOUR, HANDED_AT, id="the-hand-over"),
        pytest.param(119 * MINUTE, HOUR, HANDED_AT - 119 * MINUTE, id="a-hand-over-that-has-passed"),
    ],
)
def test_due_time_of_a_new_token(age, token_seconds, expected):
    record_id = record().connection_id
    assert due_with_token(record_id, NOW - age, NOW + token_seconds, NOW) == expected


@pytest.mark.parametrize(
    ("known", "due", "expected"),
    [
        pytest.param(record(NOW + 60), WARN, 30, id="warning"),
        pytest.param(record(NOW - 100), DueWork(end="expired"), 40, id="close"),
        pytest.param(record(NOW + 60, REFRESHED), WARN, 0, id="no-run-could-know"),
        pytest.param(record(NOW + 60), IDLE, 0, id="nothing"),
    ],
)
def test_overdue_is_what_is_due_and_not_what_waits(known, due, expected):
    assert overdue_seconds(known, due, NOW) == expected


def test_warning_is_due_a_minute_and_a_half_before_the_expiry():
    assert warn_at(record(NOW + HOUR)) == NOW + HOUR - 90


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
