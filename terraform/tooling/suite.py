"""Validates and tests every module, stack, environment and example."""

from __future__ import annotations

import fcntl
import re
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from terraform.tooling import published
from terraform.tooling.errors import ToolchainError
from terraform.tooling.provider import SharedProviders
from terraform.tooling.session import ROOT, TOOLS, Session

TERRAFORM = ROOT / "terraform"

# Each Terraform with the AWS provider's schema takes about a gigabyte and a core.
_AT_ONCE = 2
_COUNTS = re.compile(r"\d+ passed, \d+ failed(, \d+ skipped)?")


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome for one folder: `detail` is one line, `output` everything that Terraform printed."""

    folder: Path
    passed: bool
    detail: str
    output: str
    seconds: float


Job = Callable[[Session, Path], Result]


def folders(base: Path = TERRAFORM) -> list[Path]:
    """Every folder that is a module of its own, without the modules of tests and copies in `.terraform`."""
    return sorted(
        folder
        for folder in {file.parent for file in base.rglob("*.tf")}
        if not any(part == "tests" or part.startswith(".") for part in folder.relative_to(base).parts)
    )


def folders_with_tests(base: Path = TERRAFORM) -> list[Path]:
    """The folders that have `tests/*.tftest.hcl`."""
    return [folder for folder in folders(base) if any(folder.glob("tests/*.tftest.hcl"))]


def check_format(session: Session, base: Path = TERRAFORM) -> Result:
    """Check that every file is formatted as `fmt` formats it; the output shows the differences."""
    return _run(session, base, "fmt", "-check", "-recursive", "-diff", detail="formatted")


def validate(session: Session, folder: Path) -> Result:
    """Validate a folder that has been initialised."""
    return _run(session, folder, "validate", "-no-color", detail="valid")


def run_tests(session: Session, folder: Path, *files: Path) -> Result:
    """Run the tests of a folder that has been initialised: all of them, or those in `files`.

    A test file named after a variables file, such as staging.tftest.hcl after staging.tfvars, gets its
    variables.
    """
    chosen = files or sorted(folder.glob("tests/*.tftest.hcl"))
    with_variables = [file for file in chosen if _variables(folder, file).exists()]
    without = [file for file in chosen if file not in with_variables]

    groups = [[file] for file in with_variables]
    if without:
        groups.append(without)

    results = []
    for group in groups:
        words = [f"-filter={file.relative_to(folder)}" for file in group]
        if group[0] in with_variables:
            words.append(f"-var-file={_variables(folder, group[0]).name}")
        results.append(_run(session, folder, "test", "-no-color", *words, detail="passed"))
    return _merged(results)


def _variables(folder: Path, test: Path) -> Path:
    return folder / f"{test.name.removesuffix('.tftest.hcl')}.tfvars"


def _merged(results: Sequence[Result]) -> Result:
    return Result(
        results[0].folder,
        all(result.passed for result in results),
        "; ".join(result.detail for result in results),
        "".join(result.output for result in results),
        sum(result.seconds for result in results),
    )


def initialise(session: Session, folder: Path) -> Result:
    """Prepare a folder without its backend; modules that it takes by Git come from the working tree."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    with (TOOLS / "init.lock").open("w") as lock:
        # Terraform's provider cache is not safe for two writers, be they threads or processes.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if sources := published.find_sources(folder):
            # Terraform fetches no tag again that it has.
            data = session.environment.get("TF_DATA_DIR", folder / ".terraform")
            shutil.rmtree(Path(data) / "modules", ignore_errors=True)
            session = session.with_variables(**published.publish(sources, TOOLS / "published.git"))
        return _run(
            session, folder, "init", "-backend=false", "-input=false", "-no-color", detail="initialised"
        )


def run_all(session: Session, job: Job, chosen: Sequence[Path]) -> list[Result]:
    """Initialise each folder and do `job` in it, two folders at a time; print a line for each as it ends."""
    if not chosen:
        raise ToolchainError(f"No Terraform folder to work on under {TERRAFORM}")

    def work(prepared: Result) -> Result:
        result = prepared
        if prepared.passed:
            result = job(providers.attach(session, prepared.folder), prepared.folder)
        report(result)
        return result

    with SharedProviders() as providers, ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(work, (initialise(session, folder) for folder in chosen)))


def report(result: Result) -> None:
    """Print a result: one line, and everything that Terraform printed if it failed."""
    name = result.folder.relative_to(ROOT) if result.folder.is_relative_to(ROOT) else result.folder
    text = f"{'ok  ' if result.passed else 'FAIL'} {name!s:<48} {result.detail} ({result.seconds:.1f} s)\n"
    sys.stdout.write(text if result.passed else f"{text}{result.output}\n")
    sys.stdout.flush()


def _run(session: Session, folder: Path, *arguments: str, detail: str) -> Result:
    started = time.monotonic()
    completed = session.run(f"-chdir={folder}", *arguments, environment=test_environment(session))

    passed = completed.returncode == 0
    counts = _COUNTS.search(completed.stdout)
    summary = counts[0] if counts else detail if passed else f"{arguments[0]} failed"
    return Result(folder, passed, summary, completed.stdout, time.monotonic() - started)


def test_environment(session: Session) -> dict[str, str]:
    """The environment without credentials: these commands must not reach an account even by mistake."""
    return {
        # The provider's schema fills the heap; collecting it less often saves a third of the processor time.
        "GOGC": "400",
        **{name: value for name, value in session.environment.items() if not name.startswith("AWS_")},
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }
