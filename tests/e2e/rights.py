"""Holds the calls of a run against the policies of their callers, both ways.

Each local cloud tells which grants of which policies were used, and refuses every other call as IAM does
(local_cloud/README.md). What the workers gathered comes together at the end of the run: a function that
lacked a right fails it. If all of tests/e2e ran, each grant that no call used and unused_rights.toml gives no
reason for is named, and fails the run once that file says that it is complete.
"""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.e2e.service import Service

FOLDER = Path(__file__).parent
REASONS = FOLDER / "unused_rights.toml"
CALLED = ("allowed", "used", "missing", "unknown")

_FUNCTION = re.compile(r"^function:deals-[a-z0-9]+-(?P<name>\w+)$")
_DEPLOYMENT = re.compile(r"deals-[a-z0-9]+-")
_API = re.compile(r"^[a-z0-9]{8,12}/")
_STREAM = re.compile(r"(?<=/stream/)[\dT:.-]+$")
_SECRET_SUFFIX = re.compile(r"(?<=^secret:jwt-signing-keys)-\w{6}$")


class Right(NamedTuple):
    """A grant, or a call that had none, with what differs from deployment to deployment left out."""

    holder: str
    action: str
    resource: str

    def __str__(self) -> str:
        return f"{self.holder}: {self.action} on {self.resource}"


class Reason(NamedTuple):
    """Why grants are not used in the tests; holders, actions and resources may be patterns."""

    holders: tuple[str, ...]
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    reason: str

    def covers(self, right: Right) -> bool:
        """Return whether this is the reason for a grant."""
        given = zip(self[:3], right, strict=True)
        return all(any(fnmatchcase(value, pattern) for pattern in patterns) for patterns, value in given)


class Gathered:
    """The rights of all clouds of a run, by what became of them."""

    def __init__(self) -> None:
        self.rights: dict[str, set[Right]] = {kind: set() for kind in CALLED}

    def add(self, ledger: dict[str, dict[str, list[Any]]]) -> None:
        """Add what `GET rights` of a local cloud answers."""
        for principal, calls in ledger.items():
            if (holder := name_holder(principal)) is None:
                continue
            for kind in CALLED:
                pairs = ((call, "") if kind == "unknown" else call for call in calls[kind])
                self.rights[kind].update(
                    Right(holder, action, shorten(resource)) for action, resource in pairs
                )

    def merge(self, dumped: dict[str, list[list[str]]]) -> None:
        """Add what another process gathered."""
        for kind, rights in dumped.items():
            self.rights[kind].update(Right(*right) for right in rights)

    def dump(self) -> dict[str, list[list[str]]]:
        """Return everything as lists, for another process."""
        return {kind: [list(right) for right in sorted(rights)] for kind, rights in self.rights.items()}


def name_holder(principal: str) -> str | None:
    """Return the holder of a principal's rights: a function, or `operators`; None for others."""
    if found := _FUNCTION.match(principal):
        return found["name"]
    return "operators" if principal.startswith("user:") else None


def shorten(arn: str) -> str:
    """Return a resource without Region, account, deployment and made-up ids."""
    resource = _DEPLOYMENT.sub("", arn.split(":", 5)[-1])
    return _STREAM.sub("LABEL", _SECRET_SUFFIX.sub("", _API.sub("API/", resource)))


def read_reasons() -> list[Reason]:
    """Read the committed reasons."""
    return [
        Reason(*(tuple(entry[name]) for name in Reason._fields[:3]), entry["reason"])
        for entry in tomllib.loads(REASONS.read_text())["unused"]
    ]


def is_complete() -> bool:
    """Return whether the committed reasons are all, so that a grant without one fails a run."""
    return bool(tomllib.loads(REASONS.read_text())["complete"])


def find_missing(gathered: Gathered) -> Iterator[str]:
    """Yield a problem for each call of a function that its policy does not allow, or that nobody judged.

    Operators' refused calls are those of tests, which expect them.
    """
    for kind, problem in (("missing", "is not allowed"), ("unknown", "is not known to local_cloud/rights")):
        for right in sorted(gathered.rights[kind]):
            if right.holder != "operators":
                yield f"{right}: {problem}"


def find_unused(gathered: Gathered, reasons: Iterable[Reason]) -> Iterator[str]:
    """Yield a problem for each grant that is neither used nor has a reason, and for each stale reason."""
    used = gathered.rights["used"]
    unused = gathered.rights["allowed"] - used
    reasons = list(reasons)
    for right in sorted(unused):
        if not any(reason.covers(right) for reason in reasons):
            yield f"{right}: never used; take it away, test it, or give a reason in {REASONS.name}"
    for reason in reasons:
        was_used = [right for right in sorted(used) if reason.covers(right)]
        if was_used:
            yield f"{REASONS.name}: {reason.reason!r} is stale: {was_used[0]} was used"
        elif not any(reason.covers(right) for right in unused):
            yield f"{REASONS.name}: {reason.reason!r} is stale: no policy has what it names"


GATHERED = Gathered()
_PROBLEMS = pytest.StashKey[list[str]]()


def gather(service: Service) -> None:
    """Gather from the cloud of an applied stack, before it stops."""
    if service.stack.has_control_api:
        GATHERED.add(service.control("rights", method="GET"))


def is_whole(config: pytest.Config) -> bool:
    """Return whether a run has all tests of this folder."""
    chosen = [(config.invocation_params.dir / argument).resolve() for argument in config.args]
    narrowed = ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "lf", "stepwise")
    return any(path == FOLDER or path in FOLDER.parents for path in chosen) and not any(
        config.getoption(name, None) for name in narrowed
    )


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker of pytest-xdist gathered."""
    GATHERED.merge(getattr(node, "workeroutput", {}).get("rights", {}))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Hand over what was gathered, or, where all of it is, judge it."""
    config = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput["rights"] = GATHERED.dump()
        return
    missing, unused = list(find_missing(GATHERED)), []
    if is_whole(config) and exitstatus == 0 and GATHERED.rights["used"]:
        unused = list(find_unused(GATHERED, read_reasons()))
    config.stash[_PROBLEMS] = missing + unused
    if missing or (unused and is_complete()):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def report(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the problems, or what was found good."""
    config = terminalreporter.config
    problems = config.stash.get(_PROBLEMS, [])
    if problems:
        terminalreporter.section("rights", sep="=", red=True)
    for problem in problems:
        terminalreporter.write_line(problem)
    if GATHERED.rights["used"] and not problems:
        used, allowed = (len(GATHERED.rights[kind]) for kind in ("used", "allowed"))
        part = "" if is_whole(config) else "; whether the others are needed takes a run of all of tests/e2e"
        terminalreporter.write_line(f"rights: {used} of {allowed} grants were used, and none lacked{part}")
