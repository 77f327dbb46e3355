"""Loki's push in JSON: `{"streams": [{"stream": {...}, "values": [["<ns>", "line", {metadata}?], ...]}]}`.

Also the form of its first version: `{"streams": [{"labels": "{...}", "entries": [{"ts": RFC 3339, "line": ...}]}]}`.

Bodies are read column by column. Only one that is not as it should be is looked at entry by entry: to take it all the
same where nothing is lost by that (text that is no UTF-8), or to say what is wrong with it, and where, in Loki's words.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

import pyarrow as pa

from ingest.clock import Clock
from ingest.push import BadPush, Int64s, NoStreams, Sent
from ingest.push_labels import BadLabels, PushLabels, Stream
from ingest.push_metadata import Metadata
from ingest.push_text import DECODE_ERROR, clean, loads

NO_STRING: Final = "Value looks like string, but can't find closing '\"' symbol"
NO_OBJECT: Final = "Value looks like object, but can't find closing '}' symbol"
NO_ARRAY: Final = "Value is array, but can't find closing ']' symbol"
NO_NUMBER: Final = "Value looks like Number/Boolean/None, but can't find its end: ',' or '}' symbol"
TOO_LARGE: Final = "Value is number, but overflowed while parsing"

_WHOLE: Final = "loghttp.PushRequest."
_STREAMS: Final = "loghttp.PushRequest.Streams: []loghttp.LogProtoStream: "

_NUMBER: Final = re.compile(r"-?[0-9]+", re.ASCII)
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


class Malformed(ValueError):
    """What Loki's reader says of a value that is not what it has to be."""


@dataclass(slots=True)
class _Columns:
    """Parallel lists, one element an entry."""

    ts: list[str] = field(default_factory=list)
    line: list[str] = field(default_factory=list)
    metadata: list[Mapping[str, str]] = field(default_factory=list)
    """Empty until an entry has some."""

    def add_metadata(self, entries: Sequence[Mapping[str, str]], before: int) -> None:
        """`entries` belong to the entries from `before` on."""
        if not self.metadata:
            self.metadata = [{}] * before
        self.metadata += entries


def read(body: bytes, labels: PushLabels) -> Sent:
    """The entries of a body. Raises BadPush."""
    try:
        push, intact = loads(body)
    except ValueError as error:
        raise BadPush(_no_json(body, error)) from error
    columns = _Columns()
    found: list[Stream | str] = []
    sizes: list[int] = []
    for n, stream in enumerate(_streams(push, body)):
        before = len(columns.line)
        try:
            found.append(_add(columns, stream, labels, intact))
        except Malformed as malformed:
            raise BadPush(_explained(body, n, str(malformed))) from malformed
        sizes.append(len(columns.line) - before)
    ts = _times(columns.ts, body, sizes)
    metadata = Metadata.of(columns.metadata) if columns.metadata else None
    return Sent(found, sizes, ts, pa.array(columns.line, pa.string()), metadata)


def _streams(push: Any, body: bytes) -> list[Any]:
    if push is not None and not isinstance(push, dict):
        raise BadPush(_refusal(body, f"{_WHOLE}readObjectStart", "expect { or n, but found "))
    streams = (push or {}).get("streams")
    if not streams and (streams is None or isinstance(streams, list)):
        raise NoStreams("error at least one valid stream is required for ingestion")
    if not isinstance(streams, list):
        raise BadPush(f"{_STREAMS}decode slice: expect [ or n, but found {streams!r:.20}")
    return streams


def _add(columns: _Columns, stream: Any, labels: PushLabels, intact: bool) -> Stream | str:
    """Take one stream's entries; its labels, or why they are refused. Raises Malformed."""
    if not isinstance(stream, dict):
        raise Malformed(NO_OBJECT)
    if "entries" in stream:
        given: Any = stream.get("labels") or ""
        if not isinstance(given, str):
            raise Malformed(NO_STRING)
        _add_first_version(columns, stream["entries"])
    else:
        given = stream.get("stream") or {}
        if not isinstance(given, dict):
            raise Malformed(NO_OBJECT)
        if not intact:
            given = {clean(k)[0]: clean(v)[0] for k, v in _texts(given).items()}
        values = stream.get("values")
        if values is None:
            values = []
        if not intact or not _add_columns(columns, values):
            _add_entries(columns, values)
    try:
        return labels.of_text(given) if isinstance(given, str) else labels.of_map(_texts(given))
    except BadLabels as error:
        return str(error)


def _add_columns(columns: _Columns, values: Any) -> bool:
    """The entries of one stream at once; False, with nothing done, when one of them is not as usual."""
    if not values:
        return isinstance(values, list)
    if not isinstance(values, list) or {*map(type, values)} != {list}:
        return False
    widths = {*map(len, values)}
    if widths not in ({2}, {3}):
        return False
    ts, line, *more = zip(*values, strict=True)
    if {*map(type, ts)} != {str} or {*map(type, line)} != {str}:
        return False
    before = len(columns.line)
    if more:
        if {*map(type, more[0])} != {dict}:
            return False
        if {*map(type, chain.from_iterable(map(dict.values, more[0])))} - {str}:
            return False
        columns.add_metadata(more[0], before)
    elif columns.metadata:
        columns.metadata += [{}] * len(line)
    columns.ts += ts
    columns.line += line
    return True


def _add_entries(columns: _Columns, values: Any) -> None:
    """Likewise one by one. Raises Malformed."""
    if not isinstance(values, list):
        raise Malformed(NO_ARRAY)
    for entry in values:
        if not isinstance(entry, list) or not entry:
            raise Malformed(NO_ARRAY)
        ts, line, metadata = [*entry, "", {}][:3] if len(entry) == 1 else [*entry, {}][:3]
        if not isinstance(ts, str) or not isinstance(line, str):
            raise Malformed(NO_STRING)
        if not isinstance(metadata, dict):
            raise Malformed(NO_OBJECT)
        _add_entry(columns, ts, line, metadata)


def _add_entry(columns: _Columns, ts: str, line: str, metadata: dict[str, Any]) -> None:
    line, error = clean(line)
    pairs = {clean(name)[0]: clean(value)[0] for name, value in _texts(metadata).items()}
    if error:
        pairs[DECODE_ERROR] = error
    if pairs or columns.metadata:
        columns.add_metadata([pairs], len(columns.line))
    columns.ts.append(ts)
    columns.line.append(line)


def _add_first_version(columns: _Columns, entries: Any) -> None:
    if not isinstance(entries, list):
        raise Malformed(NO_ARRAY)
    clock = Clock()
    for entry in entries:
        if not isinstance(entry, dict):
            raise Malformed(NO_OBJECT)
        ts = clock.value(entry.get("ts", entry.get("timestamp")), time.time_ns())
        line, metadata = entry.get("line", ""), entry.get("structuredMetadata") or {}
        if ts is None:
            raise Malformed("an entry needs its time, `ts`, as RFC 3339 writes it")
        if not isinstance(line, str):
            raise Malformed(NO_STRING)
        if not isinstance(metadata, dict):
            raise Malformed(NO_OBJECT)
        _add_entry(columns, str(ts), line, metadata)


def _texts(pairs: dict[str, Any]) -> dict[str, str]:
    if {*map(type, pairs.values())} - {str}:
        raise Malformed(NO_STRING)
    return pairs


def _times(ts: list[str], body: bytes, sizes: Sequence[int]) -> Int64s:
    """ns, as they are written. Raises BadPush."""
    joined = "".join(ts)
    if joined.isascii() and joined.isdigit():  # the cast would take hexadecimal, too
        try:
            return pa.array(ts, pa.string()).cast(pa.int64()).to_numpy()
        except pa.ArrowInvalid:
            pass  # empty, or too large
    for at, text in enumerate(ts):
        if not _NUMBER.fullmatch(text) or not -(2**63) <= int(text) < 2**63:
            n, ends = 0, sizes[0]
            while at >= ends:
                n += 1
                ends += sizes[n]
            why = TOO_LARGE if _NUMBER.fullmatch(text) else NO_NUMBER
            raise BadPush(_explained(body, n, why))
    return pa.array(list(map(int, ts)), pa.int64()).to_numpy()


# -- bodies that are not as they should be


def _no_json(body: bytes, error: ValueError) -> str:
    start = body.lstrip()[:1]
    if not start:
        return 'the body is empty; a push is {"streams": [...]}'
    if start not in (b"{", b"n"):
        return _refusal(body, f"{_WHOLE}readObjectStart", "expect { or n, but found ")
    return f"the body is not valid JSON: {error}"


def _explained(body: bytes, stream: int, why: str) -> str:
    return _context(body, _end_of(body, stream), f"{_STREAMS}unmarshalerDecoder: {why}")


def _refusal(body: bytes, operation: str, expected: str) -> str:
    at = len(body) - len(body.lstrip())
    found = chr(body[at]) if at < len(body) else ""
    return _context(body, at + 1, f"{operation}: {expected}{found}")


def _context(body: bytes, at: int, why: str) -> str:
    """Where it went wrong, as Loki's reader tells it: ten bytes around, and fifty."""

    def around(width: int) -> str:
        return body[max(at - width, 0) : at + width].decode("utf-8", "backslashreplace")

    near = min(at, 10)
    return (
        f"{why}, error found in #{near} byte of ...|{around(10)}|..., "
        f"bigger context ...|{around(50)}|..."
    )


def _end_of(body: bytes, stream: int) -> int:
    """Where the stream with this number ends in the body."""
    depth, inside, seen, named = 0, False, 0, False
    for token in _TOKEN.finditer(body):
        text = token[0]
        if text in (b"{", b"["):
            depth += 1
            inside = inside or (named and depth == 2 and text == b"[")
        elif text in (b"}", b"]"):
            depth -= 1
            if inside and depth == 2:
                if seen == stream:
                    return token.end()
                seen += 1
            inside = inside and depth >= 2
        if depth == 1 and text[:1] == b'"':
            named = text == b'"streams"'
    return len(body)
