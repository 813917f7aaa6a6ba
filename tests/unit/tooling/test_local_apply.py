"""Terraform on the local cloud reports its progress, and an interruption leaves no process behind."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from local_cloud import terraform

# Stands in for Terraform: starts a "provider", reports one resource, and runs until it is stopped.
STAND_IN = """
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
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def make(ending: str) -> terraform.Terraform:
        script = tmp_path / "toolchain.py"
        script.write_text(STAND_IN % ending)
        monkeypatch.setattr(terraform, "TOOLCHAIN", script)
        return terraform.Terraform(tmp_path, tmp_path / "run" / "terraform.tfstate", {})

    return make


def gone(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


def test_apply_counts_created_resources_and_not_data_sources(stand_in):
    lines: list[str] = []
    stand_in("provider.kill()").apply(lines.append)
    assert [line.partition(" ")[0] for line in lines] == ["1/2"]


def test_failed_apply_raises_with_terraforms_diagnostics(stand_in):
    failing = stand_in(f"provider.kill(); print({json.dumps(json.dumps(FAILURE))}); sys.exit(1)")
    with pytest.raises(terraform.TerraformFailed, match=r"a\.b: No such thing"):
        failing.apply(lambda _line: None)


def test_interrupted_apply_leaves_no_process(stand_in):
    providers: list[int] = []

    def interrupt(line: str) -> None:
        providers.append(int(line.rpartition(".")[2]))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stand_in("time.sleep(60)").apply(interrupt)
    assert gone(providers[0])
