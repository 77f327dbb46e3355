"""Fields: what is inside of lines, found by parsing each as JSON, then as logfmt, without being told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from driftwood.logql import gotext
from driftwood.logql.answer import Entry, Labels, Stream
from driftwood.logql.ast import (
    JsonParser,
    LogfmtParser,
    LogQuery,
    PatternParser,
    RegexpParser,
    Unpack,
)
from driftwood.logql.stages import Pipeline
from driftwood.logql.stages.labels import sanitized

EXTRACTED = "_extracted"
"""What a name ends with that a label of the stream has already."""
HIDDEN = ("__error__", "__error_details__")

_PARSERS = (
    (JsonParser, "json"),
    (LogfmtParser, "logfmt"),
    (RegexpParser, "regexp"),
    (PatternParser, "pattern"),
    (Unpack, "unpack"),
)
_BOOLEANS = ("1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False")


@dataclass(slots=True)
class DetectedField:
    name: str
    values: Counter[str] = field(default_factory=Counter)
    parsers: list[str] = field(default_factory=list)
    """What finds it in a line; none for structured metadata."""
    path: list[str] = field(default_factory=list)
    """Where it is in a JSON object."""

    def shown(self) -> dict[str, object]:
        answer: dict[str, object] = {
            "label": self.name,
            "type": type_of(self.values),
            "cardinality": len(self.values),
            "parsers": self.parsers or None,
        }
        return answer | ({"jsonPath": self.path} if self.path else {})


def detected(query: LogQuery, streams: Iterable[Stream]) -> list[DetectedField]:
    """The fields of these lines in the order in which they were found first."""
    asked = [name for stage in query.stages for kind, name in _PARSERS if isinstance(stage, kind)]
    found: dict[str, DetectedField] = {}
    guess = _Guess()
    for stream in streams:
        for entry in stream.entries:
            for name, value in entry.structured_metadata.items():
                found.setdefault(name, DetectedField(name)).values[value] += 1
            parser, labels = guess(stream.stream, entry)
            for name, value in labels.items():
                one = found.setdefault(name, DetectedField(name))
                one.values[value] += 1
                if parser not in one.parsers:
                    one.parsers.append(parser)
                if parser == "json" and not one.path:
                    one.path = dict(paths(entry.line)).get(name.removesuffix(EXTRACTED), [])
            for name, value in entry.parsed.items():  # by what the query itself parses
                if name not in labels and name not in HIDDEN:
                    one = found.setdefault(name, DetectedField(name))
                    one.values[value] += 1
                    one.parsers += [parser for parser in asked if parser not in one.parsers]
    return list(found.values())


class _Guess:
    """Reads lines with the first parser that understands them."""

    def __init__(self) -> None:
        self._parsers = (
            ("json", Pipeline((JsonParser(),))),
            ("logfmt", Pipeline((LogfmtParser(),))),
        )

    def __call__(self, stream: Labels, entry: Entry) -> tuple[str, Labels]:
        for name, parser in self._parsers:
            result = parser.process(entry.ts, entry.line, stream, entry.structured_metadata)
            if result is not None and not result.labels.error:
                return name, result.labels.parsed
        return "", {}


def paths(line: str) -> Iterator[tuple[str, list[str]]]:
    """The label that `| json` makes of each value in an object, and where it is.

    >>> dict(paths('{"user": {"id": 3}, "a b": true}'))
    {'user_id': ['user', 'id'], 'a_b': ['a b']}
    """
    try:
        tree = json.loads(line)
    except (ValueError, RecursionError):
        return
    above: list[tuple[list[str], object]] = [([], tree)]
    while above:
        path, value = above.pop()
        if isinstance(value, dict):
            above += [([*path, name], below) for name, below in reversed(value.items())]
        elif path and value is not None and not isinstance(value, list):
            yield sanitized("_".join(path)), path


def type_of(values: Iterable[str]) -> str:
    """The narrowest type that all `values` are of.

    >>> [type_of(v) for v in (["1", "2"], ["1", "2.5"], ["true"], ["1.5s", "20ms"], ["3KB"], ["1", "x"], [])]
    ['int', 'float', 'boolean', 'duration', 'bytes', 'string', 'string']
    """
    some = list(values)
    fits = (kind for kind, is_one in _TYPES if some and all(map(is_one, some)))
    return next(fits, "string")


def _reads(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def reads(text: str) -> bool:
        try:
            parse(text)
        except ValueError:
            return False
        return True

    return reads


_TYPES: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("int", lambda text: text.isascii() and text.lstrip("+-").isdigit()),
    ("float", _reads(gotext.parse_float)),
    ("boolean", _BOOLEANS.__contains__),
    ("duration", _reads(gotext.parse_duration)),
    ("bytes", _reads(gotext.parse_bytes)),
)
