"""/api/v1/explain: how a query would be answered, step by step, and what DuckDB would be asked."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from driftwood import logql
from driftwood.errors import QueryError
from driftwood.logql.answer import Instant, Limits, Question, Range
from driftwood.logql.ast import LogQuery
from driftwood.logql.plan import engine
from driftwood.store.read import Readable
from driftwood.store.read_lines import Direction
from driftwood.timeparse import SECOND, parse_duration
from ui import shapes
from ui.api_answer import reply
from ui.api_ask import End, Limit, Start, asked, moment, span, within
from ui.api_parse import Text
from ui.api_state import ServerState
from ui.sql_layout import laid_out

STEPS = 250
"""Of a range that names no step, as on Loki's path."""

Step = Annotated[
    str | None, Query(description="Between two values of a metric: a duration, or seconds.")
]
Time = Annotated[
    str | None, Query(description="A metric query at this one instant, instead of over a range.")
]


def routes(server: ServerState) -> APIRouter:
    router = APIRouter(tags=["queries"])

    @router.get("/explain", response_model=shapes.Explained)
    def explain_query(
        query: Text,
        start: Start = None,
        end: End = None,
        step: Step = None,
        time: Time = None,
        limit: Limit = 100,
        direction: Direction = "backward",
    ) -> Response:
        """The plan of a query and its SQL. No line is looked at."""
        store = asked(server)
        most = server.config.server.max_lines
        expr = logql.parse(query, any_stream=True)
        question: Question
        if time is not None and not isinstance(expr, LogQuery):
            question = Instant(_instant(time))
        else:
            question = _range(store, start, end, step, within(limit, most), direction)
        limits = Limits(server.config.query.max_series, most)
        settings = engine.QuerySettings(limits, server.config.server.query_timeout_s)
        told = engine.explain(store, expr, question, settings)
        return reply({"plan": list(told.plan), "sql": _readable(told.sql)})

    return router


def _readable(sql: str) -> str:
    """Each statement laid out; the values that it binds follow as comments, as they are."""
    return "\n\n".join(
        "\n--".join([laid_out(statement), *bound])
        for statement, *bound in (part.split("\n--") for part in sql.split("\n\n"))
    )


def _range(
    store: Readable,
    start: str | None,
    end: str | None,
    step: str | None,
    limit: int,
    direction: Direction,
) -> Range:
    between = span(store, start, end)
    apart = max(between.length // STEPS // SECOND, 1) * SECOND
    if step is not None:
        apart = parse_duration(step)
        if apart <= 0:
            raise QueryError("step: it must be longer than nothing, as in 30s", step)
    return Range(between.start, between.end, apart, limit, direction)


def _instant(text: str) -> int:
    found = moment("time", text, time.time_ns())
    assert found is not None
    return found
