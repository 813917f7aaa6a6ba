"""JSON Schema of the types of `messages`, and of the router's fields."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    TypeAlias,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

Schema: TypeAlias = dict[str, Any]

_SCALARS: Mapping[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    NoneType: "null",
}


def schema_of(hint: Any) -> Schema:
    """Return the schema of a type; types of objects are references. Raises TypeError for one unknown."""
    if hint is Any:
        return {}
    if is_typeddict(hint):
        return {"$ref": f"#/components/schemas/{hint.__name__}"}
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is None and hint in _SCALARS:
        return {"type": _SCALARS[hint]}
    return _schema_of_generic(hint, origin, arguments)


def _schema_of_generic(hint: Any, origin: Any, arguments: tuple[Any, ...]) -> Schema:
    if origin is Annotated:
        return {**schema_of(arguments[0]), **arguments[1]}
    if origin is NotRequired:
        return schema_of(arguments[0])
    if origin is Literal:
        return {"const": arguments[0]} if len(arguments) == 1 else {"enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": schema_of(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema_of(arguments[1]) or True}
    if origin in {Union, UnionType}:
        return {"anyOf": [schema_of(argument) for argument in arguments]}
    raise TypeError(f"no schema for {hint!r}")


def object_schema(kind: type) -> Schema:
    """Return the schema of an object's type. Further members are allowed, since clients ignore them."""
    hints = get_type_hints(kind, include_extras=True)
    schema: Schema = {"type": "object", "description": (kind.__doc__ or "").strip()}
    if hints:
        schema["properties"] = {name: schema_of(hint) for name, hint in hints.items()}
        required = [name for name, hint in hints.items() if get_origin(hint) is not NotRequired]
        schema["required"] = required
    return schema


def used_types(kinds: list[type]) -> dict[str, type]:
    """Return the types of objects that these use, themselves included, by name."""
    found: dict[str, type] = {}
    waiting = list(kinds)
    while waiting:
        kind = waiting.pop()
        if kind.__name__ not in found:
            found[kind.__name__] = kind
            for hint in get_type_hints(kind, include_extras=True).values():
                waiting += _objects_in(hint)
    return dict(sorted(found.items()))


def _objects_in(hint: Any) -> list[type]:
    if is_typeddict(hint):
        return [hint]
    return [one for argument in get_args(hint) for one in _objects_in(argument)]
