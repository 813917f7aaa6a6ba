"""Writes the reference of a module into its README: requirements, resources, inputs and outputs.

The format is that of terraform-docs' Markdown tables, and so are the marks between which it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from terraform.tooling.errors import ToolchainError
from terraform.tooling.hcl import Block, read_blocks, read_folder

BEGIN, END = "<!-- BEGIN_TF_DOCS -->", "<!-- END_TF_DOCS -->"

_CODE = re.compile(r"(`[^`]*`)")


def render(folder: Path) -> str:
    """Return a README's text as it should be, what stands outside the marks unchanged.

    Raises ToolchainError if the README has no marks.
    """
    path = folder / "README.md"
    before, begin, rest = path.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ToolchainError(
            f"{path} has no lines {BEGIN} and {END}: add them where the reference shall stand"
        )
    return f"{before}{BEGIN}\n{build_reference(read_folder(folder))}{END}{after}"


def build_reference(blocks: Sequence[Block]) -> str:
    """Return the reference of a module from its top-level blocks; a section without an entry is left out."""
    sections = {
        "Requirements": _table(("Name", "Version"), _list_requirements(blocks)),
        "Modules": _table(
            ("Name", "Source"), ((f"`{b.labels[0]}`", f"`{b.text('source')}`") for b in _of(blocks, "module"))
        ),
        "Resources": _table(("Name", "Type"), _list_resources(blocks)),
        "Inputs": _table(
            ("Name", "Description", "Type", "Default", "Required"),
            map(_describe_input, _of(blocks, "variable")),
        ),
        "Outputs": _table(("Name", "Description"), map(_describe_output, _of(blocks, "output"))),
    }
    return "".join(f"## {title}\n\n{table}\n" for title, table in sections.items() if table)


def _of(blocks: Iterable[Block], kind: str) -> list[Block]:
    return [block for block in blocks if block.kind == kind]


def _list_requirements(blocks: Sequence[Block]) -> list[tuple[str, str]]:
    rows = []
    for block in _of(blocks, "terraform"):
        rows.append(("`terraform`", _code(block.text("required_version") or "any")))
        for providers in _of(read_blocks(block.body), "required_providers"):
            for name, expression in sorted(providers.attributes.items()):
                version = re.search(r'version += "([^"]*)"', expression)
                rows.append((f"`{name}`", _code(version[1] if version else "any")))
    return rows


def _list_resources(blocks: Sequence[Block]) -> list[tuple[str, str]]:
    kinds = {"resource": "resource", "data": "data source", "ephemeral": "ephemeral resource"}
    return sorted(
        (f"`{'.'.join(block.labels)}`", kinds[block.kind]) for block in blocks if block.kind in kinds
    )


def _describe_input(block: Block) -> tuple[str, ...]:
    attributes = block.attributes
    default = attributes.get("default")
    return (
        f"`{block.labels[0]}`",
        _prose(block.text("description") or ""),
        _code(attributes.get("type", "any")),
        "n/a" if default is None else _code(default),
        "yes" if default is None else "no",
    )


def _describe_output(block: Block) -> tuple[str, ...]:
    return f"`{block.labels[0]}`", _prose(block.text("description") or "")


def _prose(text: str) -> str:
    """Return a description in one line: paragraphs apart, and a line for each attribute that it explains."""
    paragraphs = [re.sub(r"\n(?!`\w+`)", " ", paragraph) for paragraph in text.split("\n\n")]
    line = "<br/><br/>".join(paragraphs).replace("\n", "<br/>")
    parts = _CODE.split(line.replace("|", "\\|"))
    # Outside code Markdown takes <name> for HTML.
    return "".join(
        part if part.startswith("`") else re.sub(r"<(?!br/>)", r"\\<", part) for part in parts
    ).strip()


def _code(expression: str) -> str:
    safe = expression.replace("|", "\\|")
    if "\n" not in safe:
        return f"`{safe}`"
    html = safe.replace("&", "&amp;").replace("<", "&lt;").replace("\n", "<br/>")
    return f"<pre>{html}</pre>"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(row)} |\n" for row in rows]
    rule = f"| {' | '.join('---' for _ in head)} |\n"
    return f"| {' | '.join(head)} |\n{rule}{''.join(lines)}" if lines else ""
