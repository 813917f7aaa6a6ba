"""docs/asyncapi.yaml: the wire contract as an AsyncAPI 3 document, from the types in code.

python -m deals_ops.asyncapi     # writes it; a test compares the two
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deals_ops.asyncapi import messages
from deals_ops.asyncapi.requests import request_schema
from deals_ops.asyncapi.schemas import Schema, object_schema, schema_of, used_types
from message_router.requests import ACTIONS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "asyncapi.yaml"
VERSION = "1.0.0"
"""Of the protocol; its first number is the `protocol` of a server."""
KEEP_ALIVE = "keepAlive"
_DESCRIPTION = """\
Events, messages and notifications for people, over one WebSocket. Frames are JSON objects, one per text
frame. A frame with a `position` is an event, whatever its type. Clients ignore types and members that they do
not know. API Gateway's own frames have no `type`. This document is generated: change the types in code.
"""


def build_document() -> dict[str, Any]:
    """Return the document."""
    components = {"messages": _messages(), "schemas": _schemas(), "securitySchemes": _security()}
    names = list(components["messages"])

    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Deals WebSocket API", "version": VERSION, "description": _DESCRIPTION},
        "defaultContentType": "application/json",
        "servers": {
            "stage": {
                "host": "HOST",
                "pathname": "/STAGE",
                "protocol": "wss",
                "description": "The address that the deployment's outputs name.",
                "security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in _security()],
            }
        },
        "channels": {
            "connection": {
                "address": "/",
                "description": "The one connection of a client.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
            }
        },
        "operations": _operations(),
        "components": components,
    }


def reply_types() -> dict[str, tuple[str, type]]:
    """Return the reply of each action that the router takes. Raises KeyError for one without a type."""
    return {action: messages.REPLIES[action] for action in ACTIONS}


def frame_schemas() -> dict[str, Schema]:
    """Return the schema of each frame to a client, by its type; `event` is that of events."""
    replies = {type_: _frame(type_, kind, is_reply=True) for type_, kind in reply_types().values()}
    pushes = {type_: _frame(type_, kind, is_reply=False) for type_, kind in messages.PUSHES.items()}
    return {
        **replies,
        "error": _frame("error", messages.Error, is_reply=True),
        **pushes,
        "event": {"$ref": "#/components/schemas/EventFrame"},
    }


def _frame(type_: str, kind: type, *, is_reply: bool) -> Schema:
    properties: Schema = {
        "type": {"const": type_},
        "data": {"$ref": f"#/components/schemas/{kind.__name__}"},
        "timestamp": schema_of(messages.Seconds),
    }
    if is_reply:
        properties["requestId"] = {
            **schema_of(messages.Id),
            "description": "That of the request, if it has one",
        }
    return {"type": "object", "properties": properties, "required": ["type", "data", "timestamp"]}


def _messages() -> dict[str, Any]:
    """Return the messages in both directions, by name: an action's is its name."""
    requests = {
        action: {
            "title": action,
            "summary": _summary(spec.make),
            "payload": request_schema(action, spec.fields),
        }
        for action, spec in ACTIONS.items()
    }
    # API Gateway takes it itself, so the router's table does not have it.
    keep_alive = {
        "title": KEEP_ALIVE,
        "summary": "Keeps the connection open; it has no answer.",
        "payload": {
            "type": "object",
            "properties": {"action": {"const": KEEP_ALIVE}},
            "required": ["action"],
        },
    }

    kinds = {**dict(reply_types().values()), "error": messages.Error, **messages.PUSHES}
    kinds["event"] = messages.EventFrame
    frames = {
        type_: {"title": type_, "summary": _summary(kinds[type_]), "payload": payload}
        for type_, payload in frame_schemas().items()
    }
    return {**requests, KEEP_ALIVE: keep_alive, **frames}


def _operations() -> dict[str, Any]:
    """Return the operations as the service sees them: it receives actions, and sends pushes."""
    operations: dict[str, Any] = {
        action: {
            "action": "receive",
            "channel": {"$ref": "#/channels/connection"},
            "messages": [_channel_message(action)],
            "reply": {
                "channel": {"$ref": "#/channels/connection"},
                "messages": [_channel_message(type_), _channel_message("error")],
            },
        }
        for action, (type_, _) in reply_types().items()
    }

    # API Gateway takes it itself, so nothing comes back.
    operations[KEEP_ALIVE] = {
        "action": "receive",
        "channel": {"$ref": "#/channels/connection"},
        "messages": [_channel_message(KEEP_ALIVE)],
    }

    operations["push"] = {
        "action": "send",
        "channel": {"$ref": "#/channels/connection"},
        "messages": [_channel_message(name) for name in ("event", *messages.PUSHES)],
    }
    return operations


def _channel_message(name: str) -> Schema:
    return {"$ref": f"#/channels/connection/messages/{name}"}


def _schemas() -> dict[str, Schema]:
    roots = [kind for _, kind in reply_types().values()]
    roots += [messages.Error, messages.EventFrame, *messages.PUSHES.values()]
    return {name: object_schema(kind) for name, kind in used_types(roots).items()}


def _security() -> dict[str, Any]:
    return {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "In the header `Authorization`: servers and command lines.",
        },
        "subprotocol": {
            "type": "httpApiKey",
            "name": "Sec-WebSocket-Protocol",
            "in": "header",
            "description": "`deals.v1, JWT`: browsers. The server selects `deals.v1` alone.",
        },
    }


def _summary(kind: Any) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]
