"""Writes docs/asyncapi.yaml, docs/asyncapi.html, and the types of the clients."""

from __future__ import annotations

from deals_ops.asyncapi import document, page, typed_dicts, typescript
from deals_ops.asyncapi.text import to_yaml

if __name__ == "__main__":
    built = document.build_document()
    document.PAGE.write_text(to_yaml(built), "utf-8")
    page.PAGE.write_text(page.to_html(built), "utf-8")
    typescript.PAGE.write_text(typescript.to_typescript(built), "utf-8")
    typed_dicts.PAGE.write_text(typed_dicts.to_python(built), "utf-8")
