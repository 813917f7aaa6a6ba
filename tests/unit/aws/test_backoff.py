import pytest

from realtime_core.aws import backoff


@pytest.fixture
def slept(monkeypatch):
    pauses = []
    monkeypatch.setattr(backoff.time, "sleep", pauses.append)
    return pauses


def test_delay_is_anything_up_to_the_doubled_base_and_the_cap():
    for retry, ceiling in enumerate([0.1, 0.2, 0.4, 0.5, 0.5]):
        delays = [backoff.delay(retry, base=0.1, cap=0.5) for _ in range(2_000)]
        assert 0 <= min(delays) < 0.1 * ceiling
        assert 0.9 * ceiling < max(delays) <= ceiling


def test_delay_of_the_thousandth_retry_is_still_the_cap():
    assert 0 <= backoff.delay(1_000, base=0.1, cap=0.5) <= 0.5


def test_attempts_sleep_between_but_not_before_or_after(slept):
    assert list(backoff.attempts(4)) == [0, 1, 2, 3]
    assert len(slept) == 3


def test_attempts_that_end_at_once_do_not_sleep(slept):
    next(backoff.attempts())
    assert slept == []
