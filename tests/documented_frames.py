"""Holds frames against docs/asyncapi.yaml."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

PAGE = Path(__file__).resolve().parents[1] / "docs" / "asyncapi.yaml"
GATEWAY_FIELDS = {"message", "connectionId", "requestId"}
"""Of a frame of API Gateway's own, which has no type."""


@cache
def read_document() -> dict[str, Any]:
    """Return the document."""
    return dict(yaml.safe_load(PAGE.read_text("utf-8")))


@cache
def validator_of(name: str) -> Draft202012Validator:
    """Return the validator of a message of the document. Raises KeyError for one that is not in it."""
    document = read_document()
    payload = document["components"]["messages"][name]["payload"]
    return Draft202012Validator({**payload, "components": document["components"]})


def find_problems(frame: dict[str, Any]) -> list[str]:
    """Return what of a frame to a client is not as documented."""
    if "type" not in frame:
        return [] if frame.keys() <= GATEWAY_FIELDS else [f"neither a type nor API Gateway's: {frame}"]
    name = "event" if "position" in frame else frame["type"]
    try:
        validator = validator_of(name)
    except KeyError:
        return [f"not documented: {json.dumps(frame)[:200]}"]
    return [f"{name}.{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(frame)]


def find_request_problems(frame: dict[str, Any]) -> list[str]:
    """Return what of a frame to the service is not as documented."""
    action = frame.get("action", "")
    try:
        validator = validator_of(action)
    except KeyError:
        return [f"not documented: {json.dumps(frame)[:200]}"]
    return [f"{action}.{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(frame)]
