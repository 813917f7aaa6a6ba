"""Nothing that was accepted is lost while calls to AWS fail, functions are killed and connections break."""

from __future__ import annotations

import secrets

import pytest

from tests.chaos.__main__ import SEEDS
from tests.chaos.run import ARRIVES_WITHIN_SECONDS, ChaosRun
from tests.chaos.trouble import KILLED_FIRST

TROUBLE_SECONDS = 30


@pytest.mark.timeout(600)
async def test_everything_accepted_arrives_within_90_seconds_of_the_last_fault(stack, record_property):
    seed = secrets.randbelow(SEEDS)
    assert ARRIVES_WITHIN_SECONDS == 90

    report = await ChaosRun(stack, seed).run(TROUBLE_SECONDS)

    record_property("chaos", str(report))
    not_killed = [name for name in KILLED_FIRST if not report.counts[f"processes killed: {name}"]]
    assert not not_killed, report
    assert not report.failures, f"again: make chaos SEED={seed} MINUTES={TROUBLE_SECONDS / 60:g}\n{report}"
