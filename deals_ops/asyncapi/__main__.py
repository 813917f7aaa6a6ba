"""Writes docs/asyncapi.yaml and docs/asyncapi.html."""

from __future__ import annotations

from deals_ops.asyncapi import document, page
from deals_ops.asyncapi.text import to_yaml

if __name__ == "__main__":
    built = document.build_document()
    document.PAGE.write_text(to_yaml(built), "utf-8")
    page.PAGE.write_text(page.to_html(built), "utf-8")
