"""The documentation names only what exists: paths, links, anchors and make targets."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
GUIDES = ("CONTRIBUTING.md", "SECURITY.md")
EXAMPLES = {"function": "broadcast", "module": "alarms"}
"""What stands in for the placeholders of a path, such as `lambdas/<function>/handler.py`."""


@cache
def tracked() -> frozenset[str]:
    """Every file that git knows or would add, and every folder that holds one, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    files = [Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]
    return frozenset(path.as_posix() for file in files for path in (file, *file.parents))


def pages() -> list[str]:
    return sorted(name for name in tracked() if name.endswith(".md"))


def without_code_blocks(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)


def named_paths(text: str) -> set[str]:
    """The backticked words that look like a path of the repository, placeholders filled in."""
    tops = {name.partition("/")[0] for name in tracked()}
    words = re.findall(r"`([\w.<>*/-]+)`", without_code_blocks(text))
    return {
        re.sub(r"<(\w+)>", lambda match: EXAMPLES[match[1]], word).rstrip("/")
        for word in words
        if "/" in word and word.partition("/")[0] in tops
    }


def anchors(page: str) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    heads = re.findall(r"^#+ (.+)$", without_code_blocks((ROOT / page).read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads}


def broken_links(page: str) -> list[str]:
    """The relative links of a page whose file or heading does not exist."""
    text = without_code_blocks((ROOT / page).read_text("utf-8"))
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        path = ((ROOT / page).parent / target).resolve() if target else ROOT / page
        name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else link
        if name not in tracked() or (anchor and anchor not in anchors(name)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", GUIDES)
def test_a_guide_names_paths(page):
    assert named_paths((ROOT / page).read_text("utf-8"))


@pytest.mark.parametrize(
    "page", [page for page in pages() if page in (*GUIDES, "README.md") or page.startswith("docs/")]
)
def test_every_path_that_a_page_names_exists(page):
    assert sorted(named_paths((ROOT / page).read_text("utf-8")) - tracked()) == []


@pytest.mark.parametrize("page", [*GUIDES, "README.md", "docs/quick_reference.md"])
def test_every_make_target_that_a_page_names_is_in_make_help(page):
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = set(re.findall(r"^make ([a-z-]+) ", shown, re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", (ROOT / page).read_text("utf-8"), re.MULTILINE))
    assert named
    assert named - targets == set()


@pytest.mark.parametrize("page", pages())
def test_every_relative_link_leads_somewhere(page):
    assert broken_links(page) == []


def test_a_wrong_path_and_a_wrong_link_are_noticed(tmp_path, monkeypatch):
    assert named_paths("`docs/none.md`, `lambdas/<function>/handler.py`, `a/b`") == {
        "docs/none.md",
        "lambdas/broadcast/handler.py",
    }
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    monkeypatch.setattr(f"{__name__}.tracked", lambda: frozenset({"page.md"}))
    (tmp_path / "page.md").write_text(
        "# One head\n[a](#one-head) [b](#none) [c](none.md) [d](https://x.example)"
    )
    assert broken_links("page.md") == ["#none", "none.md"]
