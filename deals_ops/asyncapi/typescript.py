"""clients/javascript/src/wire.ts: what is on the wire, as TypeScript types, from the document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from deals_ops.asyncapi.named_types import NamedTypes
from deals_ops.asyncapi.schemas import Schema
from deals_ops.asyncapi.spelling import Spelling

PAGE = Path(__file__).resolve().parents[2] / "clients" / "javascript" / "src" / "wire.ts"
_HEAD = "// What is on the wire, from docs/asyncapi.yaml: `make reference` writes it, code is the source."
_SPELLING = Spelling(
    scalars={
        "string": "string",
        "integer": "number",
        "number": "number",
        "boolean": "boolean",
        "null": "null",
    },
    anything="unknown",
    literal=lambda values: " | ".join(json.dumps(value) for value in values),
    array=lambda items: f"({items})[]" if " | " in items else f"{items}[]",
    mapping=lambda values: f"Record<string, {values}>",
)
_WIDTH = 110


def to_typescript(document: dict[str, Any]) -> str:
    """Return the module of the types of a document. Raises KeyError for a schema that it cannot express."""
    types = NamedTypes(document)
    parts = [_HEAD]
    parts += [_interface(name, schema) for name, schema in types.objects.items()]
    parts += [
        _map("RequestData", "What a request of each action holds.", types.requests),
        _map("ReplyData", "What the reply to each action holds.", types.replies),
        _map("PushData", "What each push that is no event holds.", types.pushes),
    ]
    return "\n\n".join(parts) + "\n"


def _interface(name: str, schema: Schema) -> str:
    lines = [f"/** {schema['description']} */", f"export interface {name} {{"]
    required = schema.get("required", [])
    for member, kind in schema.get("properties", {}).items():
        if description := kind.get("description"):
            lines.append(f"  /** {description} */")
        text = f"  {member}{'' if member in required else '?'}: {_SPELLING.write(kind)};"
        lines += [text] if len(text) <= _WIDTH else _wrapped(text)
    if not schema.get("properties"):
        return f"{lines[0]}\nexport type {name} = Record<string, never>;"
    return "\n".join([*lines, "}"])


def _wrapped(text: str) -> list[str]:
    """Return a member whose union of types does not fit a line, as the formatter has it."""
    name, union = text.split(": ", 1)
    return [f"{name}:", *(f"    | {one}" for one in union.split(" | "))]


def _map(name: str, summary: str, members: dict[str, str]) -> str:
    lines = [f"  {member}: {kind};" for member, kind in members.items()]
    return "\n".join([f"/** {summary} */", f"export interface {name} {{", *lines, "}"])
