"""The choice of the Terraform binary and of its provider mirror."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from terraform.tooling import binary, mirror, release
from terraform.tooling.errors import ToolchainError
from terraform.tooling.session import ROOT, Session

PLATFORM = "linux_amd64"
Program = Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("TERRAFORM", "TF_PLUGIN_DIR", "TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def test_find_prefers_terraform_to_opentofu(program: Program, tmp_path: Path) -> None:
    terraform = program("terraform", "echo 'Terraform v1.12.3'")
    program("tofu", "echo 'OpenTofu v1.11.0'")
    assert binary.find(tmp_path) == binary.Tool(terraform, "Terraform", (1, 12, 3))


def test_find_with_an_old_terraform_takes_a_new_opentofu(
    program: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program("terraform", "echo 'Terraform v1.10.5'")
    tofu = program("tofu", "echo 'OpenTofu v1.11.0'")
    assert binary.find(tmp_path) == binary.Tool(tofu, "OpenTofu", (1, 11, 0))
    assert "Passing over Terraform 1.10.5" in capsys.readouterr().err


def test_find_without_a_fitting_binary_fetches_the_pinned_release_once(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[Path] = []

    def fetch(directory: Path) -> Path:
        fetched.append(directory)
        directory.mkdir(parents=True)
        return program("terraform", "echo 'Terraform v1.11.4'").rename(directory / "terraform")

    monkeypatch.setattr(release, "fetch", fetch)
    first, second = binary.find(tmp_path / "tools"), binary.find(tmp_path / "tools")
    assert first == second
    assert first.path == tmp_path / "tools" / release.VERSION / "terraform"
    assert fetched == [tmp_path / "tools" / release.VERSION]


def test_find_for_terraform_alone_skips_opentofu(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tofu = program("tofu", "echo 'OpenTofu v1.11.0'")
    monkeypatch.setattr(release, "fetch", lambda _: program("fetched", "echo 'Terraform v1.11.4'"))
    assert binary.find(tmp_path, products=("Terraform",)).product == "Terraform"
    monkeypatch.setenv("TERRAFORM", str(tofu))
    with pytest.raises(ToolchainError, match=r"names OpenTofu .* Terraform 1\.11\.0 or newer is needed"):
        binary.find(tmp_path, products=("Terraform",))


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("echo 'Terraform v1.10.5'", "1.11.0 or newer is needed"),
        ("echo 'Pulumi v3.0.0'", "neither Terraform nor OpenTofu"),
        ("exit 127", "neither Terraform nor OpenTofu"),
    ],
)
def test_find_with_an_unfit_binary_in_the_variable_raises(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, complaint: str
) -> None:
    program("terraform", "echo 'Terraform v1.12.0'")
    monkeypatch.setenv("TERRAFORM", str(program("mine", body)))
    with pytest.raises(ToolchainError, match=complaint):
        binary.find(tmp_path)


def test_find_with_a_missing_binary_in_the_variable_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERRAFORM", "/nowhere/terraform")
    with pytest.raises(ToolchainError, match=r"TERRAFORM=/nowhere/terraform .* correct or unset it"):
        binary.find(tmp_path)


def _add_provider(directory: Path, platform: str = PLATFORM, registry: str = "registry.terraform.io") -> Path:
    (directory / registry / "hashicorp" / "aws" / "5.100.0" / platform).mkdir(parents=True)
    return directory


@pytest.mark.parametrize("below", ["", "tf-plugins", "terraform/plugins"])
def test_mirror_in_a_subfolder_is_found(tmp_path: Path, below: str) -> None:
    expected = _add_provider(tmp_path / "place" / below)
    assert mirror.find("Terraform", PLATFORM, [tmp_path / "missing", tmp_path / "place"]) == expected


def test_mirror_of_packed_providers_is_found(tmp_path: Path) -> None:
    packed = tmp_path / "registry.terraform.io" / "hashicorp" / "aws"
    packed.mkdir(parents=True)
    (packed / f"terraform-provider-aws_5.100.0_{PLATFORM}.zip").touch()
    assert mirror.find("Terraform", PLATFORM, [tmp_path]) == tmp_path


@pytest.mark.parametrize(
    ("product", "platform", "below"),
    [
        ("Terraform", "darwin_arm64", "plugins"),
        ("OpenTofu", PLATFORM, "plugins"),
        ("Terraform", PLATFORM, "first/second/third"),
    ],
    ids=["another platform's", "another registry's", "too deep"],
)
def test_mirror_that_cannot_serve_is_ignored(tmp_path: Path, product: str, platform: str, below: str) -> None:
    _add_provider(tmp_path / below)
    assert mirror.find(product, platform, [tmp_path]) is None


def test_mirror_of_the_variable_takes_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _add_provider(tmp_path / "place")
    mine = _add_provider(tmp_path / "mine")
    monkeypatch.setenv("TF_PLUGIN_DIR", str(mine))
    assert mirror.find("Terraform", PLATFORM, [tmp_path / "place"]) == mine


def test_mirror_of_the_variable_without_the_provider_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_PLUGIN_DIR", str(tmp_path))
    with pytest.raises(
        ToolchainError, match=r"TF_PLUGIN_DIR=.* holds no registry\.terraform\.io/hashicorp/aws"
    ):
        mirror.find("Terraform", PLATFORM, [])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-chdir=x", "init", "-upgrade"], ["-chdir=x", "init", "-plugin-dir={mirror}", "-upgrade"]),
        (["-chdir=x", "plan", "init"], ["-chdir=x", "plan", "init"]),
        (["-version"], ["-version"]),
    ],
)
def test_only_init_gets_the_mirror(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], expected: list[str]
) -> None:
    monkeypatch.setenv("TF_PLUGIN_DIR", str(_add_provider(tmp_path, release.current_platform())))
    session = Session(binary.Tool(Path("/usr/bin/terraform"), "Terraform", (1, 11, 4)))
    assert session.command(arguments) == [
        "/usr/bin/terraform",
        *(word.format(mirror=tmp_path) for word in expected),
    ]


def test_environment_omits_a_missing_configuration_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_PLUGIN_DIR", str(_add_provider(tmp_path, release.current_platform())))
    tool = binary.Tool(Path("/usr/bin/terraform"), "Terraform", (1, 11, 4))
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "missing"))
    assert "TF_CLI_CONFIG_FILE" not in Session(tool).environment
    (tmp_path / "terraformrc").touch()
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "terraformrc"))
    assert Session(tool).environment["TF_CLI_CONFIG_FILE"] == str(tmp_path / "terraformrc")


def test_command_line_prints_an_error_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERRAFORM", "/nowhere/terraform")
    completed = subprocess.run(
        [sys.executable, "-m", "terraform.toolchain", "path"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 1
    assert completed.stdout == ""
    assert completed.stderr.startswith("terraform.toolchain: TERRAFORM=/nowhere/terraform ")
    assert completed.stderr.count("\n") == 1
