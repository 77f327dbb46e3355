"""/api/v1/counts, /services, /labels: how many lines came when, and what can be asked for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from driftwood.errors import QueryError
from driftwood.store.read_counts import By, Counts, counts
from driftwood.store.read_labels import label_names, label_values, services
from driftwood.store.read_selection import select
from driftwood.timeparse import SECOND, format_time, parse_duration
from ui import shapes
from ui.api_answer import reply
from ui.api_ask import End, QueryText, Start, asked, number, span, span_if_any
from ui.api_lines import TemplateOnly
from ui.api_pipeline import counted, needs_engine, read
from ui.api_state import ServerState

Step = Annotated[
    str | None,
    Query(description="A duration (`30s`, `5m`); at most 600 buckets. Default: some tens of them."),
]


def routes(server: ServerState) -> APIRouter:
    router = APIRouter(tags=["counts"])

    @router.get("/counts", response_model=shapes.Counts)
    def count_lines(
        query: QueryText = "",
        start: Start = None,
        end: End = None,
        step: Step = None,
        by: By = "severity",
        template: TemplateOnly = None,
    ) -> Response:
        """Lines per bucket. A bucket leaves its start out and takes its end in, as LogQL's ranges do.

        From the roll-ups per minute (the span is widened to whole minutes then, see `start` and `end` of the answer),
        or from the lines where a line filter or a step below a minute demands it. Where other stages have a say, lines
        are counted by the labels that the query leaves them.
        """
        store = asked(server)
        between = span(store, start, end)
        expr = read(query)
        if expr is not None and needs_engine(expr) and template is None:
            return reply(_shown(counted(store, expr, between, _step(step), by)))
        selection = select(store, expr)
        if template is not None:
            selection = selection.of_template(number("template", template))
        return reply(_shown(counts(store, selection, between, _step(step), by)))

    @router.get("/services", response_model=shapes.Services)
    def list_services(start: Start = None, end: End = None) -> Response:
        """Services with lines in the span, the busiest first."""
        store = asked(server)
        return reply({"services": services(store, span(store, start, end))})

    @router.get("/labels", response_model=shapes.LabelNames)
    def list_labels(start: Start = None, end: End = None) -> Response:
        """Names of labels; without `start` and `end` of all streams there ever were."""
        store = asked(server)
        return reply({"labels": label_names(store, span_if_any(store, start, end))})

    @router.get("/labels/{name:path}/values", response_model=shapes.LabelValues)
    def list_label_values(name: str, start: Start = None, end: End = None) -> Response:
        """Values of one label, sorted, at most 10,000; none for a label that no stream has."""
        store = asked(server)
        return reply({"values": label_values(store, name, span_if_any(store, start, end))})

    return router


def _shown(counted: Counts) -> shapes.Counts:
    return {
        "start": format_time(counted.span.start),
        "end": format_time(counted.span.end),
        "step_s": counted.step / SECOND,
        "series": [
            {
                "key": key,
                "points": [
                    ((counted.origin + i * counted.step) / SECOND, n) for i, n in enumerate(points)
                ],
            }
            for key, points in counted.series.items()
        ],
        "total": counted.total,
    }


def _step(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        step = parse_duration(text)
    except QueryError as error:
        raise QueryError(f"step: {error.message}", error.query, error.at) from error
    if step <= 0:
        raise QueryError("step: it must be longer than nothing, as in 30s", text)
    return step
