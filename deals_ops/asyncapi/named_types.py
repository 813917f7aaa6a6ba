"""What the types of the clients are made of: the objects of the document, and which frame holds which."""

from __future__ import annotations

from typing import Any

from deals_ops.asyncapi.schemas import Schema


class NamedTypes:
    """The objects of a document by name, with one for each action's data."""

    def __init__(self, document: dict[str, Any]) -> None:
        messages = document["components"]["messages"]
        operations = document["operations"]
        actions = [name for name, one in operations.items() if "reply" in one]

        self.requests = {action: f"{_capital(action)}Data" for action in actions}
        """The type of the data of each action that has a reply."""
        self.replies = {action: _data_of(messages, operations[action]["reply"], 0) for action in actions}
        """The type of the data of each action's reply."""
        self.pushes = {
            name: name_of(messages[name]["payload"]["properties"]["data"])
            for name in _names(operations["push"])
            if name != "event"
        }
        """The type of the data of each push that is no event."""
        self.objects: dict[str, Schema] = {
            **document["components"]["schemas"],
            **{name: _request(messages[action], action) for action, name in self.requests.items()},
        }
        """The schema of each object; the members that are no objects are in it."""


def name_of(schema: Schema) -> str:
    """Return the name that a reference ends with. Raises KeyError for what is no reference."""
    return str(schema["$ref"]).rpartition("/")[2]


def _request(message: dict[str, Any], action: str) -> Schema:
    data: Schema = message["payload"]["properties"]["data"]
    return {"description": f"What a `{action}` holds.", **data}


def _data_of(messages: dict[str, Any], operation: dict[str, Any], index: int) -> str:
    return name_of(messages[_names(operation)[index]]["payload"]["properties"]["data"])


def _names(operation: dict[str, Any]) -> list[str]:
    return [name_of(message) for message in operation["messages"]]


def _capital(name: str) -> str:
    return name[0].upper() + name[1:]
