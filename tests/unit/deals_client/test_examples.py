"""The Python examples of the client guide and of the package's README run, and print what they should."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest

from tests.scenario_server import running_server

ROOT = Path(__file__).parents[3]
TOPIC = "electronics.laptops"
PAGES = ("docs/client_guide.md", "clients/python/README.md")


def read_examples():
    for page in PAGES:
        text = (ROOT / page).read_text("utf-8")
        for number, block in enumerate(re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)):
            if "deals_client" in block:
                yield pytest.param(block, id=f"{page}-{number}")


class Enough(Exception):
    """The example has printed what it should."""


@pytest.mark.parametrize("example", list(read_examples()))
def test_example_prints_events_or_a_message(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    printed = []

    def note(*values):
        printed.append(" ".join(map(str, values)))
        if sum("price" in line or "899" in line for line in printed) == 2:
            raise Enough

    with running_server() as server:
        for _ in range(2):
            server.service.add_event(TOPIC, {"price": 899}, None, "dealUpdate", None)
        names = {
            "URL": server.url,
            "TOKEN": server.service.issue_token(),
            "print": note,
            "__name__": "example",
        }
        with suppress(Enough):
            exec(compile(example, "example", "exec"), names)
    assert any("899" in line for line in printed), printed


def test_there_are_examples():
    assert len(list(read_examples())) == 4
