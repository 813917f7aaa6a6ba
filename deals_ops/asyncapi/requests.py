"""JSON Schema of the requests, from the router's table of actions and what each of its fields takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deals_ops.asyncapi import messages
from deals_ops.asyncapi.schemas import Schema, schema_of
from realtime_core.filters.filters import Filter
from realtime_core.wire.fields import REQUIRED, Field

FIELDS: Mapping[str, Any] = {
    "topic": messages.Topic,
    "filters": messages.Filters,
    "since": messages.Position,
    "recipientId": messages.Id,
    "content": str,
    "after": messages.Id,
    "messageId": messages.Id,
    "token": str,
}
"""The type of each field that is alike in all actions."""
FIELDS_OF_ACTIONS: Mapping[tuple[str, str], Schema] = {
    ("subscribeToDeals", "recent"): {"type": "integer", "minimum": 1, "maximum": 100},
    ("getEvents", "recent"): {"type": "integer", "minimum": 1, "maximum": 100},
    ("getMessages", "limit"): {"type": "integer", "minimum": 1, "maximum": 100},
    ("getMessages", "status"): {"enum": ["sent", "delivered", "read"]},
    ("sendMessage", "type"): {"type": "string", "minLength": 1, "maxLength": 64},
    ("notificationAck", "type"): schema_of(messages.Acknowledged),
    ("getPresence", "users"): {
        "type": "array",
        "items": schema_of(messages.Id),
        "minItems": 1,
        "maxItems": 50,
    },
}


def request_schema(action: str, fields: Sequence[Field]) -> Schema:
    """Return the schema of a request. Raises KeyError for a field whose type is not known here."""
    data: Schema = {
        "type": "object",
        "properties": {field.name: _field_schema(action, field) for field in fields},
        "additionalProperties": False,
    }
    required = [field.name for field in fields if field.default is REQUIRED]
    if required:
        data["required"] = required
    return {
        "type": "object",
        "properties": {
            "action": {"const": action},
            "data": data,
            "requestId": {**schema_of(messages.Id), "description": "Repeated by the answer"},
        },
        "required": ["action", "data"] if required else ["action"],
    }


def _field_schema(action: str, field: Field) -> Schema:
    own = FIELDS_OF_ACTIONS.get((action, field.name))
    schema = dict(own) if own is not None else schema_of(FIELDS[field.name])
    if field.default is not REQUIRED and field.default is not None:
        default = field.default
        schema["default"] = default.as_object() if isinstance(default, Filter) else default
    return schema
