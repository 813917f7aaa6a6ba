"""A first apply that fails on an empty cloud begins once more, says so, and hides no second failure."""

from __future__ import annotations

import pytest

from local_cloud import stack
from local_cloud.ports import Ports
from local_cloud.terraform import TerraformFailed

PORTS = Ports(4566, None)


@pytest.fixture
def prepare(tmp_path, monkeypatch):
    """Prepare a run whose applies fail with the errors given; returns what each found in its folder."""
    (tmp_path / "manifest.json").write_text("{}")
    monkeypatch.setattr(stack, "MANIFEST", tmp_path / "manifest.json")
    monkeypatch.setattr(stack, "STATE", tmp_path / "state")
    monkeypatch.setattr(stack.snapshots, "make_key", lambda *_: "key")

    def run(*errors):
        left, found = list(errors), []

        def apply(run, _ports, _progress):
            run.mkdir(exist_ok=True)
            found.append(sorted(path.name for path in run.iterdir()))
            (run / "terraform.tfstate").touch()
            (run / "cloud" / "emulator").mkdir(parents=True, exist_ok=True)
            (run / "cloud" / "emulator" / "port").write_text("40001")
            if left and (error := left.pop(0)) is not None:
                raise error

        monkeypatch.setattr(stack, "_apply_and_stop", apply)
        stack._prepare(tmp_path / "run", PORTS, lambda _line: None)
        return found

    return run


def test_first_apply_that_fails_begins_once_more_on_an_empty_cloud_and_says_why(prepare, tmp_path):
    with pytest.warns(stack.FirstApplyFailed, match=r"once more.*because: 409 already exists"):
        assert prepare(TerraformFailed("409 already exists")) == [[], []]

    assert (tmp_path / "run" / "packages.json").exists()
    assert (tmp_path / "state" / "snapshots" / "key" / "terraform.tfstate").exists()


def test_second_failure_is_raised_and_leaves_no_snapshot(prepare, tmp_path):
    with (
        pytest.warns(stack.FirstApplyFailed, match="because: first"),
        pytest.raises(TerraformFailed, match="second"),
    ):
        prepare(TerraformFailed("first"), TerraformFailed("second"), None)

    assert not (tmp_path / "state" / "snapshots").exists()


@pytest.mark.filterwarnings("error")
def test_apply_on_a_restored_cloud_that_fails_is_raised_at_once(prepare, tmp_path):
    prepare(None)
    stack.shutil.rmtree(tmp_path / "run")
    (tmp_path / "manifest.json").write_text('{"new": "zips"}')

    with pytest.raises(TerraformFailed, match="new zips"):
        prepare(TerraformFailed("new zips"), None)


@pytest.mark.filterwarnings("error")
def test_apply_that_passes_is_made_once(prepare):
    assert prepare() == [[]]
