"""Answers of queries as Loki's JSON: `{"status", "data": {"resultType", "result", "stats", "encodingFlags"?}}`.

Times of samples are seconds with at most three decimals (of a lone scalar: milliseconds), times of lines are ns in a
text, values are texts in Go's form. Labels are sorted by name, streams by their labels.

Numbers are put together here and the rest is orjson's: a matrix has 100,000 of them, and most of what they say repeats.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import add

import orjson
from fastapi.responses import Response

from driftwood.logql.answer import (
    Answer,
    Direction,
    Entry,
    Labels,
    Matrix,
    Sample,
    Scalar,
    Series,
    Stream,
    Streams,
    Vector,
)
from driftwood.logql.gotext import format_float

JSON = "application/json; charset=UTF-8"
CATEGORIZE = "categorize-labels"
"""The encoding flag with which a client asks where each label of a line comes from."""

NS_PER_MS = 1_000_000


def reply(body: bytes) -> Response:
    return Response(body, 200, media_type=JSON)


def success(data: object) -> bytes:
    return dumped({"status": "success", "data": data})


def query_answer(
    answer: Answer,
    stats: Mapping[str, object],
    *,
    categorized: bool = False,
    direction: Direction = "backward",
) -> bytes:
    """`direction` is the order of lines where `categorized` puts those of several streams together."""
    flags = b""
    match answer:
        case Streams():
            kind, result = b"streams", dumped(streams(answer, categorized, direction))
            flags = b'"encodingFlags":["%b"],' % CATEGORIZE.encode() if categorized else b""
        case Vector():
            kind, result = b"vector", vector(answer.samples, answer.time)
        case Matrix():
            kind, result = b"matrix", matrix(answer.series)
        case Scalar():
            kind = b"scalar"
            result = dumped([answer.time // NS_PER_MS, value_text(answer.value)])
    return b'{"status":"success","data":{"resultType":"%b",%b"result":%b,"stats":%b}}' % (
        kind,
        flags,
        result,
        dumped(stats),
    )


def streams(answer: Streams, categorized: bool, direction: Direction) -> list[dict[str, object]]:
    """As objects; `categorized`: under their own labels, each line with what it adds to them."""
    found = _categorized(answer.streams, direction) if categorized else answer.streams
    return [
        {
            "stream": by_name(stream.labels),
            "values": [
                [str(entry.ts), entry.line, _added(entry)]
                if categorized
                else [str(entry.ts), entry.line]
                for entry in stream.entries
            ],
        }
        for stream in sorted(found, key=_key)
    ]


def by_name(labels: Labels) -> dict[str, str]:
    return dict(sorted(labels.items()))


def _key(stream: Stream) -> list[tuple[str, str]]:
    return sorted(stream.labels.items())


def _added(entry: Entry) -> dict[str, dict[str, str]]:
    added = {}
    if entry.structured_metadata:
        added["structuredMetadata"] = by_name(entry.structured_metadata)
    if entry.parsed:
        added["parsed"] = by_name(entry.parsed)
    return added


def _categorized(found: Iterable[Stream], direction: Direction) -> list[Stream]:
    """Lines that share their stream's own labels, together and in order."""
    together: dict[tuple[tuple[str, str], ...], list[Entry]] = {}
    for stream in found:
        together.setdefault(tuple(sorted(stream.stream.items())), []).extend(stream.entries)
    return [
        Stream(
            own := dict(key),
            own,
            tuple(sorted(entries, key=lambda e: e.ts, reverse=direction == "backward")),
        )
        for key, entries in together.items()
    ]


def vector(samples: Sequence[Sample], time: int) -> bytes:
    at = time_text(time)
    return _joined(
        f'{{"metric":{_metric(sample.labels)},"value":[{at},"{value_text(sample.value)}"]}}'
        for sample in samples
    )


def matrix(series: Sequence[Series]) -> bytes:
    heads: dict[int, list[str]] = {}  # series that were evaluated together share their times
    parts = []
    for one in series:
        starts = heads.get(id(one.times))
        if starts is None:
            starts = heads[id(one.times)] = [f'[{time_text(ns)},"' for ns in one.times]
        points = '"],'.join(map(add, starts, _value_texts(one.values)))
        end = '"]' if points else ""
        parts.append(f'{{"metric":{_metric(one.labels)},"values":[{points}{end}]}}')
    return _joined(parts)


def _metric(labels: Labels) -> str:
    return dumped(by_name(labels)).decode()


def _joined(parts: Iterable[str]) -> bytes:
    return f"[{','.join(parts)}]".encode()


def time_text(ns: int) -> str:
    """Seconds, cut to milliseconds, in their shortest form.

    >>> time_text(1_795_256_048_000_000_000), time_text(1_795_254_299_999_000_000)
    ('1795256048', '1795254299.999')
    """
    seconds, rest = divmod(ns // NS_PER_MS, 1000)
    return str((seconds * 1000 + rest) / 1000 if rest else seconds)


def value_text(value: float) -> str:
    """Go's shortest form, never with an exponent.

    >>> value_text(40.0), value_text(0.0000925), value_text(-0.0), value_text(float("inf"))
    ('40', '0.0000925', '-0', '+Inf')
    """
    text = repr(value)
    if text.endswith(".0"):
        return text[:-2]
    return format_float(value) if "e" in text or "n" in text else text


def _value_texts(values: Sequence[float]) -> list[str]:
    """`value_text` of each: orjson writes the shortest form, too, ten times as fast."""
    text = orjson.dumps(values).decode()[1:-1]
    if "e" in text or "n" in text:  # an exponent; null, where JSON has no number
        return list(map(value_text, values))
    return f"{text},".replace(".0,", ",")[:-1].split(",") if text else []


def dumped(body: object) -> bytes:
    """JSON. A text that holds bytes which are not UTF-8 says so with U+FFFD, as Go's does."""
    try:
        return orjson.dumps(body)
    except TypeError:
        return orjson.dumps(_readable(body))


def _readable(body: object) -> object:
    if isinstance(body, str):
        return body.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if isinstance(body, Mapping):
        return {_readable(name): _readable(value) for name, value in body.items()}
    if isinstance(body, list | tuple):
        return [_readable(part) for part in body]
    return body
