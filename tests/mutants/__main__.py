"""`make mutants`: changes the functions at random, and counts how many changes the tests notice.

Prints each change that no test notices. Returns 1 if fewer than 95 % are noticed, of those that make a
difference: `equivalent.json` lists the others, with the reason.
"""

from __future__ import annotations

import argparse
import json
import secrets
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from tests.mutants import executions, trial
from tests.mutants.equivalent import find_reason, read_reasons

ROOT = executions.ROOT
PYTHON = ROOT / ".tools" / "mutants" / "bin" / "python"
# Without what holds no rule: the build, twins of the tests, what connects the parts, the metrics' texts,
# certificates.
RULES_IN = ("lambdas/*/*.py",)
NO_RULES = ("lambdas/builder/*", "*/memory.py", "*/in_memory.py", "*/wiring.py", "*/metric_catalog.py",
    "*/amazon_roots.py")  # fmt: skip
SHARE_MIN = 0.95


def main() -> int:
    """Try the mutants of a seed; return the exit code."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32), help="of an earlier run")
    parser.add_argument("--count", type=int, default=200, help="of mutants (%(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="mutants that are tried at a time")
    parser.add_argument("--budget", type=float, default=120, help="seconds of tests for each (%(default)s)")
    parser.add_argument("--only", default="*", help="files, as a pattern below lambdas, such as */push/*")
    parser.add_argument("--again", action="store_true", help="only those that were not noticed the last time")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)

    record = executions.read(options.workers)
    _check_that_sources_pass(record)
    mutants = make(options.seed, options.count, options.only)
    journal = executions.CACHE / f"seed-{options.seed}.jsonl"
    if options.again:
        before = [json.loads(line) for line in journal.read_text("utf-8").splitlines()]
        unnoticed = {_key(one) for one in before if one["ended"] in {"survived", "untested"}}
        mutants = [one for one in mutants if _key(one) in unnoticed]
        journal = journal.with_suffix(".again.jsonl")
    reasons = read_reasons()

    def attempt(mutant: dict[str, Any]) -> tuple[dict[str, Any], trial.Outcome, str]:
        if reason := find_reason(mutant, reasons):
            return mutant, trial.Outcome("equivalent"), reason
        tests = trial.choose(record.of(mutant["file"], mutant["line"]), record.seconds, options.budget)
        started = time.monotonic()
        outcome = trial.run(mutant, tests, record.seconds)
        return mutant, outcome, f"{len(tests)} tests, {time.monotonic() - started:.0f} s"

    counts: Counter[str] = Counter()
    with journal.open("w", encoding="utf-8") as log, ThreadPoolExecutor(options.workers) as pool:
        for mutant, outcome, remark in pool.map(attempt, mutants):
            counts[outcome.ended] += 1
            _report(mutant, outcome, remark)
            log.write(json.dumps({**mutant, "source": "", **outcome._asdict(), "remark": remark}) + "\n")
            log.flush()
    return _sum_up(counts)


def _key(mutant: dict[str, Any]) -> tuple[str, str, str]:
    return mutant["file"], mutant["before"], mutant["after"]


def files(only: str = "*") -> list[str]:
    """Return the files with rules, below the root, that fit a pattern below `lambdas`."""
    tracked = subprocess.run(
        ["git", "ls-files", *RULES_IN], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    return [
        name
        for name in tracked
        if not any(fnmatch(name, pattern) for pattern in NO_RULES) and fnmatch(name, f"lambdas/{only}")
    ]


def make(seed: int, count: int, only: str) -> list[dict[str, Any]]:
    """Return mutants: `file`, `line`, `operator`, the lines `before` and `after`, and the whole `source`."""
    command = [PYTHON, Path(__file__).with_name("mutate.py"), str(seed), str(count), *files(only)]
    made = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in made.stdout.splitlines()]


def _check_that_sources_pass(record: executions.Executions) -> None:
    """Try a module as it is: tests that fail without a change would kill every mutant."""
    file = "lambdas/realtime_core/push/planning.py"
    whole = {"file": file, "source": (ROOT / file).read_text("utf-8")}
    tests = trial.choose(set(record.seconds), record.seconds, 5)
    if (outcome := trial.run(whole, tests, record.seconds)).ended != "survived":
        sys.exit(f"the unchanged sources fail {outcome.by or 'to end in time'}: mend this first")


def _report(mutant: dict[str, Any], outcome: trial.Outcome, remark: str) -> None:
    if outcome.killed:
        return
    print(f"{outcome.ended}: {mutant['file']}:{mutant['line']} ({mutant['operator']}; {remark})")
    print(f"  - {mutant['before']}\n  + {mutant['after']}", flush=True)


def _sum_up(counts: Counter[str]) -> int:
    killed = counts["killed"] + counts["late"]
    total = counts.total() - counts["equivalent"]
    share = killed / total if total else 1.0
    ends = ", ".join(f"{number} {name}" for name, number in counts.most_common())
    print(f"{killed} of {total} noticed, {share:.1%} ({ends}); at least {SHARE_MIN:.0%} is the target")
    return int(share < SHARE_MIN)


if __name__ == "__main__":
    sys.exit(main())
