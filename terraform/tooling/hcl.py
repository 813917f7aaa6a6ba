"""Reads the top-level blocks of Terraform files that are formatted as `terraform fmt` formats them.

The format is what makes this simple: a top-level block begins and ends at the start of a line, and its own
attributes are indented by two spaces. `make lint` holds the format.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HEAD = re.compile(r'^(\w+)((?: "[^"]*")*) \{(\})?$')
_ATTRIBUTE = re.compile(r"^(\w+) += ?(.*)$")
_HEREDOC = re.compile(r"<<-?(\w+)$")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True, slots=True)
class Block:
    """A block: its kind (`variable`), its labels (`("name",)`), and its body without the indentation."""

    kind: str
    labels: tuple[str, ...]
    body: str

    @property
    def attributes(self) -> dict[str, str]:
        """The expressions of the block's own attributes, as they stand in the file, without indentation."""
        return dict(_read_attributes(self.body.splitlines()))

    def text(self, name: str) -> str | None:
        """The string of an attribute, a heredoc's without indentation; None if the block does not set it."""
        expression = self.attributes.get(name)
        if expression is None:
            return None
        if expression.startswith("<<"):
            return textwrap.dedent("\n".join(expression.splitlines()[1:-1])).strip()
        return str(json.loads(expression))


def read_folder(folder: Path) -> list[Block]:
    """Return the top-level blocks of a module: of its files in their order by name, each from its top."""
    return [block for file in sorted(folder.glob("*.tf")) for block in read_blocks(file.read_text("utf-8"))]


def read_blocks(text: str) -> list[Block]:
    """Return the blocks at the start of lines of `text`: a file, or the body of a block."""
    blocks: list[Block] = []
    lines = iter(text.splitlines())
    for line in lines:
        if head := _HEAD.match(line):
            body = [] if head[3] else _read_body(lines)
            labels = tuple(json.loads(label) for label in _STRING.findall(head[2]))
            blocks.append(Block(head[1], labels, textwrap.dedent("\n".join(body))))
    return blocks


def _read_body(lines: Iterator[str]) -> list[str]:
    body: list[str] = []
    for line in lines:
        if line == "}":
            break
        body.append(line)
    return body


def _read_attributes(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the attributes at the start of lines; what is indented belongs to an attribute or a block."""
    position = 0
    while position < len(lines):
        attribute = _ATTRIBUTE.match(lines[position])
        position += 1
        if not attribute:
            continue

        expression = [attribute[2]]
        heredoc = _HEREDOC.search(attribute[2])
        while position < len(lines) and (heredoc or _count_open("\n".join(expression)) > 0):
            expression.append(lines[position])
            position += 1
            if heredoc and expression[-1].strip() == heredoc[1]:
                break
        yield attribute[1], "\n".join(expression)


def _count_open(expression: str) -> int:
    """Return how many brackets of an expression are open at its end, those within strings left out."""
    bare = _STRING.sub("", expression)
    return sum(bare.count(bracket) for bracket in "([{") - sum(bare.count(bracket) for bracket in ")]}")
