"""docs/asyncapi.html: the document as one page without scripts, for reading."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[2] / "docs" / "asyncapi.html"
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}"
    "td,th{border:1px solid #8884;padding:.3rem .6rem;text-align:left;vertical-align:top}"
    "code{font:.9em ui-monospace,monospace}:root{color-scheme:light dark}"
)
_BOUNDS = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern", "default")


def to_html(document: Mapping[str, Any]) -> str:
    """Return the page of a document."""
    info, components = document["info"], document["components"]
    operations = document["operations"]
    actions = {name: one for name, one in operations.items() if one["action"] == "receive"}
    parts = [
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
        f"<p>{escape(info['description'])}</p>",
        "<h2>Actions</h2>",
        *(_action(name, one, components) for name, one in actions.items()),
        "<h2>Pushes</h2>",
        *(_message(_name_of(ref), components) for ref in operations["push"]["messages"]),
        "<h2>Types</h2>",
        *(_type(name, schema) for name, schema in components["schemas"].items()),
    ]
    head = f'<meta charset="utf-8"><title>{escape(info["title"])}</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en">\n{head}\n' + "\n".join(parts) + "\n</html>\n"


def _action(name: str, operation: Mapping[str, Any], components: Mapping[str, Any]) -> str:
    message = components["messages"][name]
    data = message["payload"]["properties"].get("data", {})
    replies = operation.get("reply", {}).get("messages", [])
    answers = " or ".join(f"<code>{escape(_name_of(ref))}</code>" for ref in replies) or "nothing"
    summary = escape(message["summary"])
    return f'<h3 id="{name}">{name}</h3><p>{summary} Answered by {answers}.</p>{_fields(data)}'


def _message(name: str, components: Mapping[str, Any]) -> str:
    message = components["messages"][name]
    schema = message["payload"].get("properties", {}).get("data", message["payload"])
    return f'<h3 id="{name}">{name}</h3><p>{escape(message["summary"])} {_kind(schema)}</p>'


def _type(name: str, schema: Mapping[str, Any]) -> str:
    return f'<h3 id="type-{name}">{name}</h3><p>{escape(schema.get("description", ""))}</p>{_fields(schema)}'


def _fields(schema: Mapping[str, Any]) -> str:
    """Return the table of an object's members, or nothing if it names none."""
    rows = "".join(_rows(schema))
    head = "<tr><th>member</th><th>type</th><th></th></tr>"
    return f"<table>{head}{rows}</table>" if rows else ""


def _rows(schema: Mapping[str, Any]) -> Iterator[str]:
    required = schema.get("required", ())
    for name, member in schema.get("properties", {}).items():
        notes = [] if name in required else ["optional"]
        notes += [f"{bound} {json.dumps(member[bound])}" for bound in _BOUNDS if bound in member]
        notes += [member["description"]] if "description" in member else []
        yield (
            f"<tr><td><code>{escape(name)}</code></td><td>{_kind(member)}</td>"
            f"<td>{escape(', '.join(notes))}</td></tr>"
        )


def _kind(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = _name_of(schema)
        return f'<a href="#type-{name}">{name}</a>'
    if "const" in schema:
        return f"<code>{escape(json.dumps(schema['const']))}</code>"
    if "enum" in schema:
        return " | ".join(f"<code>{escape(json.dumps(value))}</code>" for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_kind(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    return escape(schema.get("type", "any"))


def _name_of(reference: Mapping[str, str]) -> str:
    return reference["$ref"].rpartition("/")[2]
