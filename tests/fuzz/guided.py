"""`make fuzz-guided`: libFuzzer (atheris) changes input by which branches it reached, each reader by itself.

What reaches a new branch is kept in `.cache/fuzz`, and the next run goes on from there. What breaks a reader
is printed and left beside it; add it to `corpus.json` with its mending.
"""

from __future__ import annotations

import argparse
import importlib
import secrets
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import atheris

KEPT = Path(".cache/fuzz")
SIZE_MAX = 16 * 1024
SECONDS_MAX = 30
PACKAGES = ["authorizer", "broadcast", "message_router", "realtime_core", "redis_relay"]
"""Whose branches count."""


def main() -> int:
    """Fuzz the readers one after the other; return 1 if one of them broke."""
    parser = argparse.ArgumentParser(prog="make fuzz-guided", description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000, help="of all readers together (%(default)s)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31), help="of an earlier run")
    parser.add_argument("--reader", action="append", help="only this one; may be repeated")
    parser.add_argument("--here", action="store_true", help="in this process: the one reader named")
    options = parser.parse_args()
    if options.here:
        fuzz(options.reader[0], options.cases, options.seed)
    names = options.reader or list(importlib.import_module("tests.fuzz.targets").TARGETS)
    print(f"seed {options.seed}", flush=True)
    broken = [name for name in names if not _run(name, options.cases // len(names), options.seed)]
    if broken:
        print(f"broken: {', '.join(broken)}", flush=True)
    return bool(broken)


def _run(name: str, cases: int, seed: int) -> bool:
    """Fuzz a reader in a process of its own, which libFuzzer ends, and print its last line of figures."""
    command = [sys.executable, "-m", "tests.fuzz.guided", "--here", "--reader", name]
    done = subprocess.run(
        [*command, "--cases", str(cases), "--seed", str(seed)], stderr=subprocess.PIPE, text=True, check=False
    )
    lines = [line for line in done.stderr.splitlines() if "cov:" in line]
    figures = lines[-1].partition("cov:")[2].split() if lines else ["?"]
    print(f"{name}, by branches: {cases} cases, {figures[0]} branches, exit {done.returncode}", flush=True)
    if done.returncode:
        print(done.stderr[-4_000:], flush=True)
    return done.returncode == 0


def fuzz(name: str, cases: int, seed: int) -> None:
    """Fuzz a reader in this process, and exit."""
    with atheris.instrument_imports(include=PACKAGES):
        targets = importlib.import_module("tests.fuzz.targets")
    mutation, checks = (importlib.import_module(f"tests.fuzz.{part}") for part in ("mutation", "checks"))
    folder = KEPT / name.replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    for data in mutation.seeds(name, seed):
        (folder / sha256(data).hexdigest()).write_bytes(data)

    def read(data: bytes) -> None:
        # Instrumented code takes several times as long, so only what is far too slow shows.
        checks.timed(lambda: targets.outcome(name, targets.TARGETS[name].form(data)), len(data), patience=10)

    options = [f"-runs={cases}", f"-seed={seed}", f"-max_len={SIZE_MAX}", f"-timeout={SECONDS_MAX}"]
    atheris.Setup([sys.argv[0], *options, "-artifact_prefix=.cache/fuzz/", str(folder)], read)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
