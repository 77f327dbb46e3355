"""Cases written as scripts: lines to load, questions, and answers that were worked out by hand.

    # A comment.
    load
      {app="web", env="prod"}
        5s          "GET / 200"
        10s         "level=info"  trace="t1"      structured metadata
        0s..60s/10s `tick`                        at 0 s, 10 s ... 60 s

    ask at 60s   sum(count_over_time({app="web"}[1m]))
      {}  7

    ask 0s to 60s step 30s   rate({app="web"}[30s]) > 0
      {app="web", env="prod"}  0.2 _ 0.1          `_`: no sample at that step

    ask at 60s   1 + 1
      scalar 2

    ask at 60s   count_over_time({app="web"} | json [1m])
      error JSONParserErr

    lines 0s to 60s limit 2 forward   {app="web"} |= "GET"
      {app="web", env="prod"}
        5s  "GET / 200"

A `load` forgets what was loaded before. Times count from EPOCH. Series are compared in any order, after `ask in order`
as written; streams and lines as written. A query may go on in the next line behind a `\\`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from driftwood.errors import QueryError
from driftwood.logql.answer import Answer, Instant, Labels, Question, Range, Scalar, Streams
from driftwood.logql.gotext import parse_duration, unquote
from tests.driftwood.logql.conformance import (
    Case,
    Dataset,
    Line,
    StoredStream,
    close,
    error_problem,
    rows_of,
    series_problem,
)

EPOCH = 1_700_000_000 * 10**9

_STRING = r'"(?:[^"\\]|\\.)*"|`[^`]*`'
_LABELS = re.compile(rf"\{{(?P<pairs>(?:[^\"`}}]|{_STRING})*)\}}")
_PAIR = re.compile(rf"(?P<name>\w+)\s*=\s*(?P<value>{_STRING})")
_ENTRY = re.compile(rf"(?P<from>\S+?)(?:\.\.(?P<to>\S+?)/(?P<every>\S+))?\s+(?P<line>{_STRING})")
_ASK = re.compile(
    r"ask (?P<ordered>in order )?(?:at (?P<at>\S+)|(?P<start>\S+) to (?P<end>\S+) step (?P<step>\S+))\s+(?P<query>.+)"
)
_LINES = re.compile(
    r"lines (?P<start>\S+) to (?P<end>\S+)(?: limit (?P<limit>\d+))?(?: interval (?P<interval>\S+))?"
    r"(?: (?P<direction>forward|backward))?\s+(?P<query>\{.+)"
)


@dataclass(slots=True)
class _Block:
    """A line without indent, and the indented ones below it."""

    number: int
    head: str
    body: list[str] = field(default_factory=list)


def cases_of(script: Path) -> Iterator[Case]:
    dataset: Dataset = ()
    for block in _blocks(script):
        if block.head == "load":
            dataset = tuple(_streams(block))
        elif ask := _ASK.fullmatch(block.head):
            yield _metric_case(script, block, ask, dataset)
        elif lines := _LINES.fullmatch(block.head):
            yield _log_case(script, block, lines, dataset)
        else:
            raise ValueError(
                f"{script.name}:{block.number}: neither load, ask nor lines: {block.head}"
            )


def _blocks(script: Path) -> Iterator[_Block]:
    block: _Block | None = None
    text = script.read_text().replace("\\\n", " ")
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not line.startswith(" "):
            if block is not None:
                yield block
            block = _Block(number, line.strip())
        elif block is not None:
            block.body.append(line.strip())
    if block is not None:
        yield block


def time_of(written: str) -> int:
    return EPOCH + parse_duration(written)


def _labels(written: str) -> Labels:
    return {pair["name"]: unquote(pair["value"]) for pair in _PAIR.finditer(written)}


def _streams(block: _Block) -> Iterator[StoredStream]:
    labels: Labels | None = None
    lines: list[Line] = []
    for row in block.body:
        if row.startswith("{"):
            if labels is not None:
                yield StoredStream(labels, tuple(lines))
            labels, lines = _labels(row), []
        else:
            lines.extend(_entries(row))
    if labels is not None:
        yield StoredStream(labels, tuple(lines))


def _entries(row: str) -> Iterator[Line]:
    found = _ENTRY.match(row)
    if found is None:
        raise ValueError(f"no time and line: {row}")
    first = time_of(found["from"])
    last = time_of(found["to"]) if found["to"] else first
    every = parse_duration(found["every"]) if found["every"] else 1
    metadata = _labels(row[found.end() :])
    for ts in range(first, last + 1, every):
        yield ts, unquote(found["line"]), metadata


def _metric_case(script: Path, block: _Block, ask: re.Match[str], dataset: Dataset) -> Case:
    question: Question
    if ask["at"]:
        question = Instant(time_of(ask["at"]))
    else:
        question = Range(time_of(ask["start"]), time_of(ask["end"]), parse_duration(ask["step"]))
    problem = _error_or(block, lambda answer: _metric_problem(answer, block, ask, question))
    return Case(f"{script.stem}:{block.number}", ask["query"], question, dataset, problem)


def _error_or(
    block: _Block, problem: Callable[[Answer], str | None]
) -> Callable[[Answer | QueryError], str | None]:
    expected = next((row[5:].strip() for row in block.body if row.startswith("error")), None)

    def check(answer: Answer | QueryError) -> str | None:
        if expected is not None:
            return error_problem(answer, expected, None)
        if isinstance(answer, QueryError):
            return f"refused: {answer.message}"
        return problem(answer)

    return check


def _metric_problem(
    answer: Answer, block: _Block, ask: re.Match[str], question: Question
) -> str | None:
    if block.body and block.body[0].startswith("scalar"):
        value = float(block.body[0].split()[1])
        right = isinstance(answer, Scalar) and close(answer.value, value)
        return None if right else f"{answer}, not the scalar {value:g}"
    wanted = [_series(row) for row in block.body]
    return series_problem(rows_of(answer, question), wanted, ordered=bool(ask["ordered"]))


def _series(row: str) -> tuple[Labels, list[float | None]]:
    found = _LABELS.match(row)
    if found is None:
        raise ValueError(f"no labels: {row}")
    values = [None if v == "_" else float(v) for v in row[found.end() :].split()]
    return _labels(found["pairs"]), values


def _log_case(script: Path, block: _Block, lines: re.Match[str], dataset: Dataset) -> Case:
    question = Range(
        time_of(lines["start"]),
        time_of(lines["end"]),
        10**9,
        limit=int(lines["limit"] or 100),
        direction="forward" if lines["direction"] == "forward" else "backward",
        interval=parse_duration(lines["interval"]) if lines["interval"] else 0,
    )
    problem = _error_or(block, lambda answer: _log_problem(answer, block))
    return Case(f"{script.stem}:{block.number}", lines["query"], question, dataset, problem)


def _log_problem(answer: Answer, block: _Block) -> str | None:
    if not isinstance(answer, Streams):
        return f"{type(answer).__name__} where streams were expected"
    got = [
        (dict(stream.labels), [(entry.ts, entry.line) for entry in stream.entries])
        for stream in answer.streams
    ]
    wanted = [
        (dict(stream.labels), [(ts, line) for ts, line, _ in stream.lines])
        for stream in _streams(block)
    ]
    return None if got == wanted else f"{got}, not {wanted}"
