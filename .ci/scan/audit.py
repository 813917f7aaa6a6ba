"""Looks the locked packages up in the advisories: Python's at osv.dev, npm's at its registry.

Run it by `make audit`. The exit code is 1 if an advisory applies, and 2 if the advisories could not be read:
then nothing is known. Each question holds a package with an old, known advisory as well; an answer without it
is no answer. What is accepted stands in advisories.json, by id, with the reason.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
ACCEPTED = Path(__file__).with_name("advisories.json")
PIP_AUDIT = Path(sys.executable).with_name("pip-audit")

# Packages of the controls, which nothing installs: CVE-2016-10745 and CVE-2020-7598.
CONTROL_PYTHON = ("jinja2", "2.4.1")
CONTROL_NPM = ("minimist", "0.0.8")
CONTROL_LOCK: dict[str, Any] = {
    "name": "control",
    "version": "1.0.0",
    "lockfileVersion": 3,
    "packages": {
        "": {"name": "control", "version": "1.0.0", "dependencies": {CONTROL_NPM[0]: CONTROL_NPM[1]}},
        f"node_modules/{CONTROL_NPM[0]}": {"version": CONTROL_NPM[1]},
    },
}


class Unreachable(Exception):
    """The advisories could not be read; the message says why."""


class Finding(NamedTuple):
    """An advisory that applies to a locked package."""

    package: str
    ids: tuple[str, ...]
    title: str
    remedy: str


def main() -> int:
    """Audit all locks and return the exit code."""
    python, npm = list_locks()
    accepted = json.loads(ACCEPTED.read_text("utf-8"))
    code = 0
    for kind, locks, audit in (("Python", python, audit_python), ("npm", npm, audit_npm)):
        try:
            found = [one for one in audit(locks) if not accepted.keys() & {*one.ids}]
        except Unreachable as why:
            print(f"{kind}: NOT CHECKED, {len(locks)} locks: the advisories could not be read: {why}")
            code = code or 2
            continue
        for one in found:
            print(f"{kind}: {one.package}: {', '.join(one.ids)}: {one.title} ({one.remedy})")
        print(f"{kind}: {len(found)} advisories apply to {len(locks)} locks")
        code = 1 if found else code
    return code


def list_locks() -> tuple[list[Path], list[Path]]:
    """Return the tracked locks: Python's, which pin by hash, and npm's."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    tracked = [ROOT / name for name in listed.stdout.split("\0") if name]
    python = [
        path for path in tracked if path.suffix == ".txt" and "--hash=sha256:" in path.read_text("utf-8")
    ]
    return python, [path for path in tracked if path.name == "package-lock.json"]


def audit_python(locks: Sequence[Path], *options: str) -> list[Finding]:
    """Return what applies to Python locks; raises Unreachable."""
    with tempfile.TemporaryDirectory() as folder:
        control = Path(folder, "control.txt")
        control.write_text(f"{CONTROL_PYTHON[0]}=={CONTROL_PYTHON[1]} --hash=sha256:{'0' * 64}\n", "utf-8")
        command = [PIP_AUDIT, "--vulnerability-service", "osv", "--disable-pip", "--format", "json", *options]
        command += ["--progress-spinner", "off"]
        for lock in (*locks, control):
            command += ["--requirement", lock]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return read_pip_audit(done.stdout, done.stderr)


def read_pip_audit(output: str, errors: str) -> list[Finding]:
    """Return what pip-audit found; raises Unreachable if it could not look, or does not know the control."""
    try:
        listed = json.loads(output)["dependencies"]
    except (ValueError, KeyError):
        raise Unreachable(_last_line(errors)) from None
    if skipped := [f"{one['name']}: {one['skip_reason']}" for one in listed if "skip_reason" in one]:
        raise Unreachable(skipped[0])
    found = [
        Finding(
            f"{one['name']} {one['version']}",
            (known["id"], *known.get("aliases", ())),
            known.get("description", "").partition("\n")[0],
            f"fixed in {', '.join(known['fix_versions'])}" if known.get("fix_versions") else "no fix yet",
        )
        for one in listed
        for known in one["vulns"]
    ]
    return _without_control(found, " ".join(CONTROL_PYTHON))


def audit_npm(locks: Sequence[Path], *options: str) -> list[Finding]:
    """Return what applies to npm locks; raises Unreachable."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "package-lock.json").write_text(json.dumps(CONTROL_LOCK), "utf-8")
        Path(folder, "package.json").write_text(json.dumps(CONTROL_LOCK["packages"][""]), "utf-8")
        _without_control(_ask_npm(Path(folder), *options), CONTROL_NPM[0])
    return [one for lock in locks for one in _ask_npm(lock.parent, *options)]


def _ask_npm(folder: Path, *options: str) -> list[Finding]:
    command = ["npm", "audit", "--package-lock-only", "--json", *options]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Unreachable("npm is missing: install Node.js, or run `make setup`") from None
    return read_npm_audit(done.stdout, done.stderr)


def read_npm_audit(output: str, errors: str) -> list[Finding]:
    """Return what `npm audit` found; raises Unreachable if it could not look."""
    try:
        report = json.loads(output)
    except ValueError:
        raise Unreachable(_last_line(errors)) from None
    if "vulnerabilities" not in report:
        raise Unreachable(report.get("message") or _last_line(errors))
    vulnerable: Mapping[str, Any] = report["vulnerabilities"]
    return [
        Finding(
            name,
            (cause["url"].rpartition("/")[2],),
            cause["title"],
            f"{cause['severity']}; affected {cause['range']}",
        )
        for name, entry in sorted(vulnerable.items())
        for cause in entry["via"]
        if isinstance(cause, dict)  # a name stands for a package that is listed itself
    ]


def _without_control(found: list[Finding], control: str) -> list[Finding]:
    left = [one for one in found if one.package != control]
    if len(left) == len(found):
        raise Unreachable(f"the answer does not know the old advisories of {control}")
    return left


def _last_line(errors: str) -> str:
    lines = [line for line in errors.splitlines() if line.strip() and "complete log" not in line]
    return lines[-1].strip() if lines else "no answer"


if __name__ == "__main__":
    sys.exit(main())
