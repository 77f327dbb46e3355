"""The Kafka header `content-type`: how the producer says that the value is encoded."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Final

_PROTOBUF: Final = (
    "application/x-protobuf",
    "application/protobuf",
    "application/vnd.google.protobuf",
)
_REFUSED: Final = ("msgpack", "avro", "bson", "cbor", "thrift", "octet-stream+")


def content_type(headers: Sequence[tuple[str, bytes]]) -> tuple[str, str]:
    """Encoding and charset: "otlp_proto", "json", "text", "refused:NAME", or "auto" when nothing (known) is said."""
    for name, value in headers:
        if name.lower() == "content-type" and value:
            kind, *parameters = value.decode("latin-1").lower().split(";")
            return _encoding(kind.strip()), _charset(parameters)
    return "auto", "utf-8"


def _encoding(kind: str) -> str:
    if kind in _PROTOBUF:
        return "otlp_proto"
    if kind == "application/json" or kind.endswith("+json"):
        return "json"
    if kind.startswith("text/"):
        return "text"
    return f"refused:{kind}" if any(word in kind for word in _REFUSED) else "auto"


def _charset(parameters: Sequence[str]) -> str:
    for parameter in parameters:
        key, _, value = parameter.strip().partition("=")
        if key == "charset":
            try:
                found = codecs.lookup(value.strip('" '))
            except LookupError:
                return "utf-8"
            # The standard library also has codecs that are no charsets, such as zlib.
            return found.name if getattr(found, "_is_text_encoding", True) else "utf-8"
    return "utf-8"
