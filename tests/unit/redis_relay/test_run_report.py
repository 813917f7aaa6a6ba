"""What the relay counts, and what it publishes of it."""

from redis_relay.run_report import RunReport


def values(report):
    return {metric.name: value for metric, value in report.take_metrics()}


def test_a_run_in_which_nothing_happened_publishes_zeros():
    assert set(values(RunReport()).values()) == {0}


def test_each_count_is_published_once_and_the_lag_is_of_the_slower_way():
    report = RunReport(forwarded=5, rejected=1, dead_lettered=3, lost=2, redis_failures=4)
    report.stream_lag, report.channel_lag = 1.23456, 0.5
    first, second = values(report), values(report)
    assert sorted(first.values()) == [1, 1.235, 2, 3, 4, 5]
    assert sorted(second.values()) == [0, 0, 0, 0, 0, 1.235]
    report.channel_lag = 7.0
    assert max(values(report).values()) == 7.0
