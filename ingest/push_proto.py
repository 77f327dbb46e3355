"""Loki's push as protobuf: what Promtail, Alloy, Vector and Docker's driver send.

    PushRequest  1 streams: Stream*
    Stream       1 labels: string   2 entries: Entry*   3 hash
    Entry        1 timestamp: seconds, nanos   2 line: string   3 structuredMetadata: (name, value)*

The messages are described here at run time, with texts as bytes: in Go any bytes are a string, and one line that is no
UTF-8 must not cost the push that holds it. Entries are first taken as bytes, too, for `ingest.push_plain`.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
from google.protobuf import (  # type: ignore[import-untyped]
    descriptor_pb2,
    descriptor_pool,
    message_factory,
)
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from ingest.push import BadPush, Int64s, Mask, NoStreams, Sent
from ingest.push_labels import BadLabels, PushLabels, Stream
from ingest.push_metadata import Metadata, renamed
from ingest.push_plain import plain
from ingest.push_text import DECODE_ERROR, clean

_PACKAGE: Final = "driftwood.push"
_SECOND: Final = 1_000_000_000
_MAX_S: Final = (2**63 - 1) // _SECOND
_MIN_S: Final = -_MAX_S


@cache
def push_request(*, whole: bool = True) -> Any:
    """The class of the message; its entries are messages, or bytes when they are not taken as a whole."""
    field = descriptor_pb2.FieldDescriptorProto
    text, one, many = field.TYPE_BYTES, field.LABEL_OPTIONAL, field.LABEL_REPEATED
    messages: dict[str, tuple[tuple[str, int, int, str | int], ...]] = {
        "Timestamp": (("seconds", 1, one, field.TYPE_INT64), ("nanos", 2, one, field.TYPE_INT32)),
        "Pair": (("name", 1, one, text), ("value", 2, one, text)),
        "Entry": (
            ("timestamp", 1, one, "Timestamp"),
            ("line", 2, one, text),
            ("metadata", 3, many, "Pair"),
        ),
        "Stream": (("labels", 1, one, text), ("entries", 2, many, "Entry" if whole else text)),
        "PushRequest": (("streams", 1, many, "Stream"),),
    }
    file = descriptor_pb2.FileDescriptorProto(
        name="driftwood/push.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for called, number, label, kind in fields:
            added = message.field.add(name=called, number=number, label=label)
            if isinstance(kind, str):
                added.type, added.type_name = field.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
            else:
                added.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.PushRequest"))


def read(body: bytes, labels: PushLabels) -> Sent:
    """The entries of an unpacked body. Raises BadPush."""
    push = _parsed(body, whole=False)
    if not push.streams:
        raise NoStreams("error at least one valid stream is required for ingestion")
    found = [_stream(stream.labels, labels) for stream in push.streams]
    sizes = [len(stream.entries) for stream in push.streams]
    simple = plain([entry for stream in push.streams for entry in stream.entries])
    if simple is not None:
        line, broken = _lines(simple[1])
        if not broken:
            return Sent(found, sizes, simple[0], line)
    ts, line, metadata = _columns(_parsed(body, whole=True))
    return Sent(found, sizes, ts, line, metadata)


def _parsed(body: bytes, *, whole: bool) -> Any:
    try:
        return push_request(whole=whole).FromString(body)
    except DecodeError as error:
        raise BadPush(f"the body is not a push as protobuf: {error}") from error


def _columns(push: Any) -> tuple[Int64s, pa.StringArray, Metadata | None]:
    """Times, lines and metadata of entries of any kind."""
    entries = [entry for stream in push.streams for entry in stream.entries]
    times = [entry.timestamp for entry in entries]
    ts, known = _times([t.seconds for t in times], [t.nanos for t in times])
    if not known.all():
        raise BadPush("an entry's time does not lie between the years 1677 and 2262")
    line, broken = _lines([entry.line for entry in entries])
    pairs = [entry.metadata for entry in entries]
    if not broken and not any(map(len, pairs)):
        return ts, line, None
    each = [
        renamed((_text(pair.name), _text(pair.value)) for pair in of_entry) for of_entry in pairs
    ]
    for row, why in broken.items():
        each[row][DECODE_ERROR] = why
    return ts, line, Metadata.of(each)


def _stream(text: bytes, labels: PushLabels) -> Stream | str:
    try:
        return labels.of_text(_text(text))
    except BadLabels as error:
        return str(error)


def _text(raw: bytes) -> str:
    return clean(raw.decode("utf-8", "surrogateescape"))[0]


def _times(seconds: list[int], nanos: list[int]) -> tuple[Int64s, Mask]:
    """ns since the epoch, and which of them 64 bits can hold."""
    s, ns = np.array(seconds, np.int64), np.array(nanos, np.int64)
    known: Mask = (s > _MIN_S) & (s < _MAX_S)
    return np.where(known, s, 0) * _SECOND + ns, known


def _lines(raw: list[bytes]) -> tuple[pa.StringArray, dict[int, str]]:
    """Lines, and by row what was wrong with those that are no UTF-8."""
    try:
        whole: pa.StringArray = pa.array(raw, pa.binary()).cast(pa.string())  # type: ignore[assignment]
    except pa.ArrowInvalid:
        texts = [clean(line.decode("utf-8", "surrogateescape")) for line in raw]
        broken = {row: error for row, (_, error) in enumerate(texts) if error}
        return pa.array([text for text, _ in texts], pa.string()), broken
    return whole, {}
