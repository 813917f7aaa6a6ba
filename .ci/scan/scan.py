"""Runs the scanners: Terraform, the policies that it renders, secrets, workflows.

Run it by `make scan`. Each scanner prints what it finds; the exit code is 1 if any found something. What one
may pass over stands beside its reason: in the Terraform files (`checkov:skip=ID:reason`), in the workflows
(`zizmor: ignore[ID] reason`), in PASSED_OVER below, and in secrets.json, whose findings are of tests.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent

STACK = "terraform/stacks/deals-websocket"
TESTS = ("stack", "watched")
"""Tests of the stack that apply it to a mocked AWS: without and with Redis."""

# They find whatever looks random or stands beside a word such as password: names, hashes and test data.
GUESSING_PLUGINS = ("KeywordDetector", "HexHighEntropyString", "Base64HighEntropyString")

# Findings of the policy linter that are meant: its rule, what the finding names, and why.
PASSED_OVER = (
    (
        "RESOURCE_STAR",
        "",
        "actions that know no resource, or none that has an ARN yet: network interfaces, X-Ray",
    ),
    ("RESOURCE_MISMATCH", "Stream", "all streams of one table; the mocked one has an ARN of no form"),
    ("UNKNOWN_ACTION", "Batch", "where local_endpoints is set: the emulator checks calls by these names"),
    (
        "UNKNOWN_CONDITION_FOR_ACTION",
        "lambda:SourceFunctionArn",
        "Lambda adds it to every call of a function",
    ),
)


def main() -> int:
    """Run all scanners and return the exit code."""
    failed = [name for name, scan in SCANS.items() if not _announce(name, scan())]
    print(f"{len(SCANS) - len(failed)} of {len(SCANS)} scans found nothing", *failed, sep=", not: ")
    return int(bool(failed))


def _announce(name: str, passed: bool) -> bool:
    print(f"{'ok  ' if passed else 'FAIL'} {name}", flush=True)
    return passed


def scan_terraform() -> bool:
    """Checkov on the sources; what it skips must have a reason."""
    return (
        _run(
            *("checkov", "--quiet", "--compact", "--framework", "terraform", "--directory", "terraform"),
            *("--skip-download", "--skip-path", "/tests/", "--skip-path", r"\.terraform"),
        )
        and _reasons_are_given()
    )


def _reasons_are_given() -> bool:
    lines = [
        f"{path}: {line.strip()}"
        for path in sorted((ROOT / "terraform").rglob("*.tf"))
        for line in path.read_text("utf-8").splitlines()
        if "checkov:skip=" in line
    ]
    bare = [line for line in lines if not re.search(r"checkov:skip=\w+:(\S+ ){2}", line)]
    for line in bare:
        print(f"no reason: {line}")
    return not bare


def scan_policies() -> bool:
    """Parliament on every identity policy that the stack renders: the functions' and the operators'."""
    from parliament import analyze_policy_string  # noqa: PLC0415 - only this scan needs it

    count = 0
    found: list[str] = []
    for address, policy in _render_policies():
        count += 1
        for finding in analyze_policy_string(policy).findings:
            found += [] if _is_meant(finding.issue, str(finding)) else [f"{address}: {finding}"]
    print(f"{count} policies", *found, sep="\n")
    return count > 10 and not found


def _is_meant(rule: str, text: str) -> bool:
    return any(rule == meant and named in text for meant, named, _ in PASSED_OVER)


def _render_policies() -> Iterator[tuple[str, str]]:
    """Yield the identity policies that the stack's tests apply to a mocked AWS, by file and address."""
    toolchain = [ROOT / ".venv/bin/python", "-m", "terraform.toolchain"]
    initialise = [*toolchain, "init", STACK, "-backend=false"]
    subprocess.run(initialise, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    for name in TESTS:
        options = ["-json", "-verbose", f"-filter=tests/{name}.tftest.hcl"]
        completed = subprocess.run(
            [*toolchain, "run", f"-chdir={STACK}", "test", *options],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        events = [json.loads(line) for line in completed.stdout.splitlines() if line.startswith("{")]
        for state in [event["test_state"] for event in events if event["type"] == "test_state"][-1:]:
            yield from _find_policies(state["root_module"], name)
            for output in ("operator_policies", "publisher_policies"):
                for key, policy in state.get("outputs", {}).get(output, {}).get("value", {}).items():
                    yield f"{name}: {output}.{key}", policy or "{}"


def _find_policies(module: dict[str, Any], test: str) -> Iterator[tuple[str, str]]:
    for resource in module.get("resources", []):
        if resource["type"] == "aws_iam_role_policy":
            yield f"{test}: {resource['address']}", resource["values"]["policy"]
    for child in module.get("child_modules", []):
        yield from _find_policies(child, test)


def scan_secrets() -> bool:
    """Keys and tokens in tracked files, beyond those in secrets.json, which are of tests and documentation.

    Lines may move without another look at them: a secret is known by its file and its hash.
    """
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    locks = ("requirements.txt", ".lock.hcl", "secrets.json")
    files = [name for name in listed.stdout.split("\0") if name and not name.endswith(locks)]
    options = [word for plugin in GUESSING_PLUGINS for word in ("--disable-plugin", plugin)]
    scanned = subprocess.run(
        [BIN / "detect-secrets", "scan", *options, *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    known = json.loads((ROOT / ".ci/scan/secrets.json").read_text("utf-8"))
    found = [
        f"{path}:{secret['line_number']}: {secret['type']}"
        for path, secrets in json.loads(scanned.stdout)["results"].items()
        for secret in secrets
        if secret["hashed_secret"] not in known.get(path, [])
    ]
    print(f"{len(files)} files", *found, sep="\n")
    return not found


def scan_workflows() -> bool:
    """Workflows: their schema, and what an attacker could make of them."""
    files = sorted(str(path.relative_to(ROOT)) for path in (ROOT / ".github/workflows").glob("*.yml"))
    schema = _run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files)
    return _run("zizmor", "--offline", "--quiet", *files) and schema


def _run(program: str, *arguments: str) -> bool:
    return subprocess.run([BIN / program, *arguments], cwd=ROOT, check=False).returncode == 0


SCANS = {
    "terraform": scan_terraform,
    "policies": scan_policies,
    "secrets": scan_secrets,
    "workflows": scan_workflows,
}

if __name__ == "__main__":
    sys.exit(main())
