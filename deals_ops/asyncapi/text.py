"""The document as YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml  # type: ignore[import-untyped]


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Writes out what occurs twice, and indents lists as yamllint expects it."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the library's method
        """Write no anchors."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:  # noqa: ARG002
        """Indent lists."""
        return super().increase_indent(flow, False)


def to_yaml(document: Mapping[str, Any]) -> str:
    """Return the text of a document, its members in their order."""
    text: str = yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110, default_flow_style=False
    )
    return text
