"""Benches that model instead of measuring run with the tests: their figures do not depend on the machine."""

from tests.bench import history_capacity


def test_history_admits_what_performance_says():
    report = history_capacity.run(quick=True)

    assert [ratio.name for ratio in report.ratios if ratio.target is not None and not ratio.met] == []
    for seconds in history_capacity.FLIGHT_SECONDS:
        assert report.absolutes[f"batches of 1, {seconds:g} s in flight, events/s"][0] >= 500
        assert report.absolutes[f"batches of 10, {seconds:g} s in flight, events/s"][0] >= 5_000
    for name in ("a minute", "a day", "three days"):
        assert report.absolutes[f"resume from {name} ago, reads"][0] <= 30
