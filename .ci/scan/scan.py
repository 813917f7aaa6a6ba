"""Runs the scanners: Terraform, a plan, the policies that it renders, secrets, workflows, components.

Run it by `make scan`. Each scanner prints what it finds; the exit code is 1 if any found something. What one
may pass over stands beside its reason: in the Terraform files (`checkov:skip=ID:reason`), in the workflows
(`zizmor: ignore[ID] reason`), in PASSED_OVER and NOT_IN_PLANS below, and in secrets.json, whose findings are
of tests.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import mocked

ROOT = mocked.ROOT
BIN = Path(sys.executable).parent

STACK = "terraform/stacks/deals-websocket"
TESTS = ("stack", "watched")
"""Tests of the stack that apply it to a mocked AWS: without and with Redis."""

EXAMPLE = "terraform/examples/complete"

# What checkov may pass over in a plan, which has no comments. The sources pass, or have the reason in place.
NOT_IN_PLANS = {
    "CKV_AWS_116": "failed invocations go to the destination of the alias",
    "CKV_AWS_117": "functions are in the VPC where they use Redis",
    "CKV_AWS_272": "zips are checked by their SHA-256; code signing needs a profile of the account",
    "CKV_AWS_309": "a WebSocket API authorizes the handshake alone",
    "CKV_AWS_338": "the example keeps logs for 90 days",
    "CKV2_AWS_5": "what carries a security group is known only after the apply",
    "CKV2_AWS_11": "which VPC the flow logs belong to is known only after the apply",
    "CKV2_AWS_12": "which VPC the default security group belongs to is known only after the apply",
}

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


def scan_plan() -> bool:
    """Checkov on a plan of the example that has every option, with the values that the sources compute."""
    plan = mocked.plan(EXAMPLE, "complete")
    count = len([*mocked.resources(plan["planned_values"]["root_module"])])
    print(f"{count} planned resources")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "plan.json")
        file.write_text(json.dumps(plan), "utf-8")
        return count > 100 and _run(
            *("checkov", "--quiet", "--compact", "--framework", "terraform_plan", "--file", str(file)),
            *("--skip-download", "--skip-check", ",".join(NOT_IN_PLANS)),
            EVAL_TF_PLAN_AFTER_UNKNOWN="true",  # such as the ARN of a key that is made in the same plan
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

    found: dict[str, None] = {}
    counts = dict.fromkeys(TESTS, 0)
    for test in TESTS:
        for address, policy in _render_policies(test):
            counts[test] += 1
            for finding in analyze_policy_string(_unwrap(policy)).findings:
                if not _is_meant(finding.issue, str(finding)):
                    found[f"{test}: {address}: {finding}"] = None
    print("policies:", counts, *found, sep="\n")
    return min(counts.values()) > 10 and not found


def _is_meant(rule: str, text: str) -> bool:
    return any(rule == meant and named in text for meant, named, _ in PASSED_OVER)


def _render_policies(test: str) -> Iterator[tuple[str, str]]:
    """Yield the identity policies that a test of the stack applies to a mocked AWS, by address."""
    for state in mocked.apply(STACK, test):
        for resource in mocked.resources(state.get("root_module", {})):
            if resource["type"] == "aws_iam_role_policy":
                yield resource["address"], resource["values"]["policy"]
        for output in ("operator_policies", "publisher_policies"):
            for key, policy in state.get("outputs", {}).get(output, {}).get("value", {}).items():
                if policy:  # null, if what it would allow is not there
                    yield f"{output}.{key}", policy


def _unwrap(policy: str) -> str:
    """Write a condition's list of one value as that value, which means the same.

    Outside limit: Parliament raises an error at a list of booleans.
    """
    document = json.loads(policy)
    for statement in document.get("Statement", []):
        for keys in statement.get("Condition", {}).values():
            for key, values in keys.items():
                keys[key] = values[0] if isinstance(values, list) and len(values) == 1 else values
    return json.dumps(document)


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


def scan_components() -> bool:
    """The list of components that a release has, by the schema of CycloneDX."""
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415 - only this scan needs it
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415

    command = [ROOT / ".venv" / "bin" / "python", ".ci/sbom.py"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    if fault := JsonStrictValidator(SchemaVersion.V1_6).validate_str(listed):
        print(str(fault).partition("\n")[0])
    return fault is None


def _run(program: str, *arguments: str, **environment: str) -> bool:
    command = [BIN / program, *arguments]
    return subprocess.run(command, cwd=ROOT, check=False, env=os.environ | environment).returncode == 0


SCANS = {
    "terraform": scan_terraform,
    "plan": scan_plan,
    "policies": scan_policies,
    "secrets": scan_secrets,
    "workflows": scan_workflows,
    "components": scan_components,
}

if __name__ == "__main__":
    sys.exit(main())
