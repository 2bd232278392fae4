"""Holds what is written as JSON to the schemas that come with the package, more strictly than a reader has to."""

from __future__ import annotations

import json
from typing import Any

from mipcheck.checker.verbs.schema import schema_of


def conforming(name: str, text: str) -> Any:
    """Return the JSON of `text`, which keeps to the schema of that name and has no key that this does not know."""
    import jsonschema

    value = json.loads(text)
    schema = json.loads(schema_of(name))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(_closed(schema)).validate(value)
    return value


def _closed(schema: Any) -> Any:
    """Return a schema of which no object has other keys than it says."""
    closed = _within(schema)
    if any(key in closed for key in ("allOf", "properties", "$ref")) and "additionalProperties" not in closed:
        closed["unevaluatedProperties"] = False
    return closed


def _within(schema: Any) -> Any:
    """Return a schema whose parts are closed, and which is not itself: others may add to it."""
    closed: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            closed[key] = {k: _closed(v) for k, v in value.items()}
        elif key == "$defs":
            closed[key] = {k: _within(v) for k, v in value.items()}
        elif key == "allOf":
            closed[key] = [_within(v) for v in value]
        elif key in ("anyOf", "oneOf"):
            closed[key] = [_closed(v) for v in value]
        else:
            closed[key] = _closed(value) if key in ("items", "additionalProperties") else value
    return closed
