"""Terraform on the local cloud reports its progress, and an interruption leaves no process behind."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from local_cloud import terraform
from local_cloud.progress import Step

# Replaces Terraform: starts a "provider", reports one resource, and runs until it is stopped.
FAKE_TERRAFORM = """
import json, subprocess, sys, time
provider = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(json.dumps({"type": "change_summary", "changes": {"add": 2, "change": 0, "remove": 0}}))
for action, address in (("read", "data.x"), ("create", f"provider.{provider.pid}")):
    print(json.dumps({"type": "apply_complete", "hook": {"action": action, "resource": {"addr": address}}}))
%s
"""
FAILURE = {
    "type": "diagnostic",
    "diagnostic": {"severity": "error", "summary": "No such thing", "address": "a.b"},
}


@pytest.fixture
def fake_terraform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def write(ending: str, **options) -> terraform.Terraform:
        script = tmp_path / "toolchain.py"
        script.write_text(FAKE_TERRAFORM % ending)
        monkeypatch.setattr(terraform, "TOOLCHAIN", script)
        return terraform.Terraform(tmp_path, tmp_path / "run" / "terraform.tfstate", {}, **options)

    return write


def has_ended(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


def test_apply_counts_created_resources_and_not_data_sources(fake_terraform):
    lines: list[str] = []
    fake_terraform("provider.kill()").apply(lines.append)
    assert [line.partition(" ")[0] for line in lines] == ["1/2"]


def test_apply_says_what_is_under_way_and_since_when(fake_terraform):
    started = {
        "type": "apply_start",
        "hook": {"action": "create", "resource": {"addr": "aws_cache.slow"}},
    }
    elapsed = {
        "type": "apply_progress",
        "hook": {"resource": {"addr": "aws_cache.slow"}, "elapsed_seconds": 10},
    }
    finished = {**started, "type": "apply_complete"}
    ending = "; ".join(f"print({json.dumps(json.dumps(event))})" for event in (started, elapsed, finished))
    steps: list[Step] = []

    fake_terraform(f"{ending}; provider.kill()").apply(steps.append)

    assert [(step.done, step.total, list(step.since)) for step in steps] == [
        (1, 2, []),
        (1, 2, ["aws_cache.slow"]),
        (2, 2, []),
    ]
    assert steps[1].since["aws_cache.slow"] <= time.monotonic()


def test_failed_apply_raises_with_terraforms_diagnostics(fake_terraform):
    failing = fake_terraform(f"provider.kill(); print({json.dumps(json.dumps(FAILURE))}); sys.exit(1)")
    with pytest.raises(terraform.TerraformFailed, match=r"a\.b: No such thing"):
        failing.apply(lambda _line: None)


@pytest.mark.parametrize("verb", ["apply", "destroy", "outputs"])
def test_failure_says_what_the_other_side_explains(fake_terraform, verb):
    failing = fake_terraform("provider.kill(); sys.exit(1)", explain=lambda: "the cloud's own words")
    arguments = () if verb == "outputs" else (lambda _line: None,)
    with pytest.raises(terraform.TerraformFailed, match=r"the cloud's own words$"):
        getattr(failing, verb)(*arguments)


def test_interrupted_apply_leaves_no_process(fake_terraform):
    providers: list[int] = []

    def interrupt(line: str) -> None:
        providers.append(int(line.rpartition(".")[2]))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fake_terraform("time.sleep(60)").apply(interrupt)
    assert has_ended(providers[0])
