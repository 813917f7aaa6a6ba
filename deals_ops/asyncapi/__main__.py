"""Writes docs/asyncapi.yaml."""

from __future__ import annotations

from deals_ops.asyncapi.document import PAGE, build_document
from deals_ops.asyncapi.text import to_yaml

if __name__ == "__main__":
    PAGE.write_text(to_yaml(build_document()), "utf-8")
