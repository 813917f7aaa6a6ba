"""Every module, stack, environment and example: validated, and tested where it has tests."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from terraform.tooling.errors import ToolchainError
from terraform.tooling.session import ROOT, Session

TERRAFORM = ROOT / "terraform"

# Each run starts an AWS provider, which takes about a gigabyte and a core.
_AT_ONCE = 2
_COUNTS = re.compile(r"\d+ passed, \d+ failed(, \d+ skipped)?")


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one folder; `detail` is one line, `output` all that Terraform said."""

    folder: Path
    passed: bool
    detail: str
    output: str
    seconds: float


Job = Callable[[Session, Path], Result]


def folders(base: Path = TERRAFORM) -> list[Path]:
    """Every folder that is a module of its own; helpers of tests and fetched copies are not."""
    found = {file.parent for file in base.rglob("*.tf")}
    return sorted(
        folder
        for folder in found
        if not any(part == "tests" or part.startswith(".") for part in folder.relative_to(base).parts)
    )


def folders_with_tests(base: Path = TERRAFORM) -> list[Path]:
    """The folders that have `tests/*.tftest.hcl`."""
    return [folder for folder in folders(base) if any(folder.glob("tests/*.tftest.hcl"))]


def check_format(session: Session, base: Path = TERRAFORM) -> Result:
    """Whether every file is written as `fmt` writes it; the output shows the differences."""
    return _run(session, base, "fmt", "-check", "-recursive", "-diff", detail="formatted")


def validate(session: Session, folder: Path) -> Result:
    """Whether the folder, initialised before, is valid."""
    return _run(session, folder, "validate", "-no-color", detail="valid")


def run_tests(session: Session, folder: Path) -> Result:
    """Whether the tests of the folder, initialised before, pass."""
    return _run(session, folder, "test", "-no-color", detail="passed")


def initialise(session: Session, folder: Path) -> Result:
    """Prepare a folder without its backend."""
    return _run(session, folder, "init", "-backend=false", "-input=false", "-no-color", detail="initialised")


def run_all(session: Session, job: Job, chosen: Sequence[Path]) -> list[Result]:
    """Do `job` in each folder, two at a time, and print a line for each as it ends.

    Initialisation is one after the other: Terraform's provider cache does not stand two writers.
    """
    if not chosen:
        raise ToolchainError(f"No Terraform folder to work on under {TERRAFORM}")

    def work(prepared: Result) -> Result:
        result = job(session, prepared.folder) if prepared.passed else prepared
        report(result)
        return result

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(work, (initialise(session, folder) for folder in chosen)))


def report(result: Result) -> None:
    """Print a result: a line, and all that was said where it failed."""
    name = result.folder.relative_to(ROOT) if result.folder.is_relative_to(ROOT) else result.folder
    text = f"{'ok  ' if result.passed else 'FAIL'} {name!s:<48} {result.detail} ({result.seconds:.1f} s)\n"
    sys.stdout.write(text if result.passed else f"{text}{result.output}\n")
    sys.stdout.flush()


def _run(session: Session, folder: Path, *arguments: str, detail: str) -> Result:
    started = time.monotonic()
    answer = session.run(f"-chdir={folder}", *arguments, environment=_without_credentials(session))
    passed = answer.returncode == 0
    counts = _COUNTS.search(answer.stdout)
    words = counts[0] if counts else detail if passed else f"{arguments[0]} failed"
    return Result(folder, passed, words, answer.stdout, time.monotonic() - started)


def _without_credentials(session: Session) -> dict[str, str]:
    """Nothing here may reach an account: what is tested is mocked, and a slip must fail, not apply."""
    return {
        **{name: value for name, value in session.environment.items() if not name.startswith("AWS_")},
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }
