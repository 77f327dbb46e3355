"""Log queries: which lines are shown, in which streams (logql section 10)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from driftwood.logql.answer import Entry, Labels, Range, Stream, Streams
from driftwood.logql.ast import LogQuery
from driftwood.logql.reference.leaves import text_of
from driftwood.logql.reference.sources import LogSource
from driftwood.logql.reference.vectors import LabelKey, key_of
from driftwood.logql.stages import Pipeline


class Found(NamedTuple):
    """A line that came through, with the labels that it ends with."""

    labels: Labels
    stream: Labels
    entry: Entry


def log_answer(query: LogQuery, source: LogSource, question: Range) -> Streams:
    """The lines of start <= ts < end that come through all stages; of those the first `limit` in `direction`."""
    return streams_of(_through(query, source, question), question)


def _through(query: LogQuery, source: LogSource, question: Range) -> Iterator[Found]:
    pipeline = Pipeline(query.stages)
    for labels, entries in source.select(query.matchers, question.start, question.end):
        of_stream = pipeline.stream(labels)
        for entry in entries:
            result = of_stream.process(entry.ts, entry.line, entry.structured_metadata)
            if result is not None:
                final = result.labels
                shown = Entry(
                    entry.ts, result.line, final.structured_metadata, final.parsed, entry.line_id
                )
                yield Found(final.all, final.stream, shown)


def streams_of(found: Iterable[Found], question: Range) -> Streams:
    """The answer made of these lines, given in any order; lines of equal time are ordered by line id."""
    backward = question.direction == "backward"
    ordered = sorted(found, key=lambda one: (one.entry.ts, one.entry.line_id), reverse=backward)
    streams: dict[LabelKey, tuple[Found, list[Entry]]] = {}
    for one in _shown(ordered, question):
        streams.setdefault(key_of(one.labels), (one, []))[1].append(one.entry)
    return Streams(
        tuple(
            Stream(first.labels, first.stream, tuple(entries))
            for _, (first, entries) in sorted(streams.items(), key=lambda s: text_of(s[0]))
        )
    )


def _shown(ordered: Iterable[Found], question: Range) -> Iterator[Found]:
    """Up to the limit, over all streams, and none nearer than `interval` to the one before."""
    left, last = question.limit, None
    for one in ordered:
        if left <= 0:
            return
        if last is None or abs(one.entry.ts - last) >= question.interval:
            yield one
            left, last = left - 1, one.entry.ts
