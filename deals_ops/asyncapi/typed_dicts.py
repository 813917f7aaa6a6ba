"""clients/python/deals_client/wire.py: what is on the wire, as typed dictionaries, from the document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from deals_ops.asyncapi.named_types import NamedTypes
from deals_ops.asyncapi.schemas import Schema
from deals_ops.asyncapi.spelling import Spelling

PAGE = Path(__file__).resolve().parents[2] / "clients" / "python" / "deals_client" / "wire.py"
_HEAD = '''\
"""What is on the wire, from docs/asyncapi.yaml: `make reference` writes it, code is the source."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict'''
_SPELLING = Spelling(
    scalars={"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"},
    anything="Any",
    literal=lambda values: f"Literal[{', '.join(map(_value, values))}]",
    array=lambda items: f"list[{items}]",
    mapping=lambda values: f"dict[str, {values}]",
)
_WIDTH = 110


def to_python(document: dict[str, Any]) -> str:
    """Return the module of the types of a document. Raises KeyError for a schema that it cannot express."""
    types = NamedTypes(document)
    classes = [_class(name, schema) for name, schema in types.objects.items()]
    # A type that another one uses in its members may come after it: annotations are not evaluated.
    return "\n\n\n".join([f"{_HEAD}\n\n{_literal('Action', list(types.replies))}", *classes]) + "\n"


def _class(name: str, schema: Schema) -> str:
    lines = [f"class {name}(TypedDict):", *_docstring(schema["description"])]
    required = schema.get("required", [])
    if schema.get("properties"):
        lines.append("")
    for member, kind in schema.get("properties", {}).items():
        text = _SPELLING.write(kind)
        lines += _fitted(f"    {member}: ", text if member in required else f"NotRequired[{text}]")
    return "\n".join(lines)


def _docstring(text: str) -> list[str]:
    first, *more = text.splitlines()
    if not more:
        return [f'    """{first}"""']
    return [f'    """{first}', *(f"    {line}".rstrip() for line in more), '    """']


def _fitted(begin: str, text: str) -> list[str]:
    """Return a line, or several as the formatter has them where it is too long."""
    if len(begin + text) <= _WIDTH:
        return [begin + text]
    opening, _, rest = text.partition("[")
    values = rest.removesuffix("]")
    inside = [f"        {value}," for value in values.split(", ")]
    return [f"{begin}{opening}[", *inside, "    ]"]


def _literal(name: str, values: list[str]) -> str:
    lines = [f"    {json.dumps(value)}," for value in values]
    return "\n".join([f"{name}: TypeAlias = Literal[", *lines, "]"])


def _value(value: object) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)
