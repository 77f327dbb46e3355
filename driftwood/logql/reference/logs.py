"""Log queries: which lines are shown, in which streams (logql section 10)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from driftwood.errors import QueryError
from driftwood.logql.answer import Entry, Labels, Range, Stream, Streams
from driftwood.logql.ast import LogQuery
from driftwood.logql.reference.leaves import text_of
from driftwood.logql.reference.sources import LogSource
from driftwood.logql.reference.vectors import LabelKey, key_of
from driftwood.logql.stages import Pipeline, StageError


class Found(NamedTuple):
    """A line that came through, with the labels that it ends with."""

    labels: Labels
    stream: Labels
    entry: Entry


def log_answer(query: LogQuery, source: LogSource, question: Range) -> Streams:
    """Of the lines of start <= ts < end that come through all stages, the first `limit` in `direction`.

    As with Loki's ingesters, the limit counts before `interval` leaves any out.
    """
    found = ordered(_through(query, source, question), question)
    return streams_of(found[: question.limit], question)


def _through(query: LogQuery, source: LogSource, question: Range) -> Iterator[Found]:
    try:
        pipeline = Pipeline(query.stages)
    except StageError as error:
        raise QueryError(f"parse error : {error}") from error
    for stream, entries in source.select(query.matchers, question.start, question.end):
        for entry in entries:
            result = pipeline.process(entry.ts, entry.line, stream, entry.structured_metadata)
            if result is not None:
                labels = result.labels
                shown = Entry(
                    entry.ts, result.line, labels.structured_metadata, labels.parsed, entry.line_id
                )
                yield Found(labels.all, labels.stream, shown)


def ordered(found: Iterable[Found], question: Range) -> list[Found]:
    """By time in the direction that is asked for; lines of equal time by line id."""
    backward = question.direction == "backward"
    return sorted(found, key=lambda one: (one.entry.ts, one.entry.line_id), reverse=backward)


def streams_of(found: Iterable[Found], question: Range) -> Streams:
    """The answer made of lines that come in order."""
    streams: dict[LabelKey, tuple[Found, list[Entry]]] = {}
    for one in _shown(found, question):
        streams.setdefault(key_of(one.labels), (one, []))[1].append(one.entry)
    return Streams(
        tuple(
            Stream(first.labels, first.stream, tuple(entries))
            for _, (first, entries) in sorted(streams.items(), key=lambda s: text_of(s[0]))
        )
    )


def _shown(found: Iterable[Found], question: Range) -> Iterator[Found]:
    """Up to the limit, over all streams, and none nearer than `interval` to the one before."""
    left, last = question.limit, None
    for one in found:
        if left <= 0:
            return
        if last is None or abs(one.entry.ts - last) >= question.interval:
            yield one
            left, last = left - 1, one.entry.ts
