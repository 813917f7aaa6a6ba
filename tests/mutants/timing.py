"""A plugin of pytest: writes how long each passing test took, with fixtures, into the file `TIMES`."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

VARIABLE = "TIMES"
_seconds: Counter[str] = Counter()
_useless: set[str] = set()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add a phase of a test, or remember that it is no use."""
    _seconds[report.nodeid] += report.duration
    if not report.passed:
        _useless.add(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write all, once: in the process that the workers report to."""
    if not hasattr(session.config, "workerinput"):
        passed = {name: took for name, took in _seconds.items() if name not in _useless}
        Path(os.environ[VARIABLE]).write_text(json.dumps(passed), "utf-8")
