"""The groups of tests/conftest.py reach pytest-xdist: without them, workers would share what one may use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_workers_run_the_tests_of_a_module_as_a_group():
    module = "tests/unit/wire/test_topics.py"
    command = ["-m", "pytest", module, "-n", "1", "--dist", "loadgroup", "-v", "-p", "no:cacheprovider"]
    process = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=True)
    passed = [line for line in process.stdout.splitlines() if "PASSED" in line]
    assert passed
    assert [line for line in passed if f"@{module}" not in line] == []


def test_what_applies_a_stack_for_others_starts_first_and_the_rules_of_units_last():
    command = ["-m", "pytest", "tests/e2e", "tests/unit/wire/test_topics.py", "--collect-only", "-q", "-n0"]
    process = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=True)
    modules = list(dict.fromkeys(line.split("::")[0] for line in process.stdout.splitlines() if "::" in line))

    def place(name):
        return next(number for number, module in enumerate(modules) if name in module)

    expected = ["redis_alarms", "publishing.py", "first_apply", "console/", "wire/test_topics"]
    assert sorted(expected, key=place) == expected
