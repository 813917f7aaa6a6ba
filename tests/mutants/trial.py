"""One mutant and its tests: in a process of its own, until one fails or all have passed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.mutants import plant
from tests.mutants.executions import ROOT

STARTED_WITHIN_S = 90
"""Imports, the emulator and Redis, on a busy machine."""
SLOWER = 5
"""Times the recorded seconds that tests may take before their mutant counts as caught in a loop."""


class Outcome(NamedTuple):
    """What became of a mutant: how it ended, and the test that noticed it."""

    ended: str
    """`killed`, `late` (killed too), `survived`, or `untested` if no test executes it."""
    by: str = ""

    @property
    def killed(self) -> bool:
        """Whether a test notices the mutant."""
        return self.ended in {"killed", "late"}


def choose(tests: set[str], seconds: dict[str, float], at_most: float) -> list[str]:
    """Return the tests that are run, the quickest first, as many as take `at_most` seconds in all."""
    chosen, used = [], 0.0
    for name in sorted(tests, key=lambda one: (seconds[one], one)):
        used += seconds[name]
        if used > at_most:
            break
        chosen.append(name)
    return chosen


def run(mutant: dict[str, Any], tests: Sequence[str], seconds: dict[str, float]) -> Outcome:
    """Run tests against a mutant; raises RuntimeError if pytest could not run them."""
    if not tests:
        return Outcome("untested")
    files = sorted({name.partition("::")[0] for name in tests})
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        planted = Path(folder, "mutant.json")
        planted.write_text(json.dumps({**mutant, "tests": list(tests)}), "utf-8")
        command = [
            *(sys.executable, "-m", "pytest", "-q", "-x", "--tb=no", "-p", "no:cacheprovider"),
            *("-p", plant.__name__, "--hypothesis-seed=0", f"--basetemp={folder}/tests", *files),
        ]
        environment = os.environ | {plant.VARIABLE: str(planted), "PYTHONDONTWRITEBYTECODE": "1"}
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        limit = STARTED_WITHIN_S + SLOWER * sum(seconds[name] for name in tests)
        try:
            output, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return Outcome("late")
    return _judge(process.returncode, output)


def _judge(code: int, output: str) -> Outcome:
    if code == 0:
        return Outcome("survived")
    failed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", output, re.MULTILINE)
    # A mutant that cannot be imported ends the collection, or pytest itself in a conftest.
    if code in {1, 2, 4} or code < 0:
        return Outcome("killed", failed[1] if failed else "import")
    raise RuntimeError(f"pytest ended with {code}:\n{output[-2000:]}")
