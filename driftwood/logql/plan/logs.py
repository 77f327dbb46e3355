"""Log queries: SQL finds the rows, Python puts those that may be shown through all stages, which makes their labels."""

from __future__ import annotations

from collections.abc import Mapping

from driftwood.errors import QueryError
from driftwood.logql.answer import Entry, Labels, Range, Streams
from driftwood.logql.ast import LogQuery
from driftwood.logql.gotemplate import TemplateError
from driftwood.logql.plan.asked import Asked
from driftwood.logql.plan.compiler import Metadata
from driftwood.logql.plan.search import Search
from driftwood.logql.reference.logs import Found, streams_of
from driftwood.logql.stages import Pipeline, StageError
from driftwood.store.read import Span


def log_answer(
    asking: Asked,
    query: LogQuery,
    question: Range,
    streams: Mapping[int, Labels],
    metadata: Metadata,
) -> Streams:
    """Raises QueryError for a stage that cannot be built."""
    span = Span(question.start, question.end)
    try:
        pipeline = Pipeline(query.stages)
        search = Search(asking, query, span, question.direction, streams, metadata)
    except (StageError, TemplateError) as error:
        raise QueryError(f"parse error : {error}") from error
    found: list[Found] = []
    for row in search.rows(question.limit) if question.limit > 0 else ():
        result = pipeline.process(row.ts, row.line, row.stream, row.structured_metadata)
        if result is not None:
            labels = result.labels
            parsed, metadata_left = labels.parsed, labels.structured_metadata
            entry = Entry(row.ts, result.line, metadata_left, parsed, row.line_id)
            found.append(Found(labels.all, labels.stream, entry))
            if len(found) == question.limit:
                break
    return streams_of(found, question)
