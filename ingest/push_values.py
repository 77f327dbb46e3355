"""OTLP's values as texts, and its attributes as labels, as OpenTelemetry's Go library and Loki write them."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import orjson

from driftwood.logql.gotext import format_float
from ingest.push_metadata import label_name
from ingest.push_text import clean


def flat(name: str, value: Any) -> dict[str, str]:
    """An attribute as labels: a map becomes one for each of its values, `parent_child`.

    >>> flat("http", {"status.code": 200, "peer": {"ip": "10.0.0.1"}})
    {'http_status_code': '200', 'http_peer_ip': '10.0.0.1'}
    """
    name = label_name(name)
    if not isinstance(value, dict):
        return {name: clean(text_of(value))[0]}
    pairs: dict[str, str] = {}
    for key, inner in value.items():
        pairs.update(flat(f"{name}_{key}", inner))
    return pairs


def text_of(value: Any) -> str:
    """A value as OpenTelemetry's Go library writes it: texts as they are, bytes in base64, lists and maps as JSON.

    >>> [text_of(v) for v in ("a<b", True, 7, 1e21, b"ab", None, {"b": [1.5, None], "a": "<"})]
    ['a<b', 'true', '7', '1e+21', 'YWI=', '', '{"a":"\\\\u003c","b":[1.5,null]}']
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and not np.isfinite(value):
        return f"json: unsupported value: {format_float(value)}"
    return _json(value)


def _json(value: Any) -> str:
    """As Go marshals it: keys in order, and what HTML would misread escaped."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_json(k)}:{_json(value[k])}" for k in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_json, value)) + "]"
    if isinstance(value, bytes):
        value = base64.b64encode(value).decode()
    text = orjson.dumps(clean(value)[0] if value is not None else None).decode()
    for char in "<>&\u2028\u2029":
        if char in text:
            text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _number(value: float) -> str:
    if not np.isfinite(value):
        return "null"
    if value and not 1e-6 <= abs(value) < 1e21:
        return repr(value).replace("e-0", "e-")
    return format_float(value)
