"""The documentation names only what exists: paths, links, anchors and make targets."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
GUIDES = ("CONTRIBUTING.md", "SECURITY.md")
PLACEHOLDERS = {"function": "broadcast", "module": "alarms"}
"""Values of the placeholders in paths such as `lambdas/<function>/handler.py`."""


@cache
def list_tracked() -> frozenset[str]:
    """Return the files that git tracks or would add, and their folders, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    files = [Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]
    return frozenset(path.as_posix() for file in files for path in (file, *file.parents))


def list_pages() -> list[str]:
    return sorted(name for name in list_tracked() if name.endswith(".md"))


def remove_code_blocks(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)


def find_paths(text: str) -> set[str]:
    """Return the backticked words that look like paths of the repository, with placeholders filled in."""
    tops = {name.partition("/")[0] for name in list_tracked()}
    words = re.findall(r"`([\w.<>*/-]+)`", remove_code_blocks(text))
    return {
        re.sub(r"<(\w+)>", lambda match: PLACEHOLDERS[match[1]], word).rstrip("/")
        for word in words
        if "/" in word and word.partition("/")[0] in tops
    }


def list_anchors(page: str) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", remove_code_blocks((ROOT / page).read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def find_broken_links(page: str) -> list[str]:
    """Return the relative links of a page to a missing file or heading."""
    text = remove_code_blocks((ROOT / page).read_text("utf-8"))
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        path = ((ROOT / page).parent / target).resolve() if target else ROOT / page
        name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else link
        if name not in list_tracked() or (anchor and anchor not in list_anchors(name)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", GUIDES)
def test_guide_names_paths(page):
    assert find_paths((ROOT / page).read_text("utf-8"))


@pytest.mark.parametrize(
    "page", [page for page in list_pages() if page in (*GUIDES, "README.md") or page.startswith("docs/")]
)
def test_paths_in_documentation_exist(page):
    assert sorted(find_paths((ROOT / page).read_text("utf-8")) - list_tracked()) == []


@pytest.mark.parametrize("page", [*GUIDES, "README.md", "docs/quick_reference.md"])
def test_make_targets_in_documentation_are_in_make_help(page):
    printed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = set(re.findall(r"^make ([a-z-]+) ", printed, re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", (ROOT / page).read_text("utf-8"), re.MULTILINE))
    assert named
    assert named - targets == set()


@pytest.mark.parametrize("page", list_pages())
def test_relative_links_lead_to_a_file_and_heading(page):
    assert find_broken_links(page) == []


def test_wrong_path_and_wrong_link_are_found(tmp_path, monkeypatch):
    assert find_paths("`docs/none.md`, `lambdas/<function>/handler.py`, `a/b`") == {
        "docs/none.md",
        "lambdas/broadcast/handler.py",
    }
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    monkeypatch.setattr(f"{__name__}.list_tracked", lambda: frozenset({"page.md"}))
    (tmp_path / "page.md").write_text(
        "# One head\n[a](#one-head) [b](#none) [c](none.md) [d](https://x.example)"
    )
    assert find_broken_links("page.md") == ["#none", "none.md"]
