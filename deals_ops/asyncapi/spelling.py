"""How a language writes the types that JSON Schema names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deals_ops.asyncapi.named_types import name_of
from deals_ops.asyncapi.schemas import Schema


@dataclass(frozen=True)
class Spelling:
    """The words of one language."""

    scalars: Mapping[str, str]
    """The type of each scalar of JSON Schema."""
    anything: str
    literal: Callable[[list[object]], str]
    """Writes the type of one of these values."""
    array: Callable[[str], str]
    mapping: Callable[[str], str]

    def write(self, schema: Schema) -> str:
        """Return the type of a schema. Raises KeyError for one that it cannot express."""
        if "$ref" in schema:
            return name_of(schema)
        if "anyOf" in schema:
            return " | ".join(self.write(one) for one in schema["anyOf"])
        if values := schema.get("enum", [schema["const"]] if "const" in schema else []):
            return self.literal(values)
        if "type" not in schema:
            return self.anything
        return self._write_typed(schema)

    def _write_typed(self, schema: Schema) -> str:
        if schema["type"] == "array":
            return self.array(self.write(schema["items"]))
        if schema["type"] == "object":
            values = schema.get("additionalProperties")
            return self.mapping(self.write(values) if isinstance(values, dict) else self.anything)
        return self.scalars[schema["type"]]
