"""Loki's query, query_range and format_query, and the query path of its first API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.requests import HTTPConnection

from driftwood.logql.answer import Answer, Instant, Matrix, Question, Range, Scalar, Streams, Vector
from driftwood.logql.ast import Expr, LogQuery
from driftwood.logql.prettifier import prettify
from driftwood.store.read import Readable
from ui.loki import legacy
from ui.loki.answers import CATEGORIZE, query_answer, reply, success
from ui.loki.ask import NO_INSTANT_LINES, Desk, Stopwatch
from ui.loki.parameters import LIMIT, direction, form_of, moment, positive, range_of
from ui.loki.refusals import Refusal

ENCODING_FLAGS = "x-loki-response-encoding-flags"
BOTH = ["GET", "POST"]


def add_routes(router: APIRouter, desk: Desk) -> None:
    @router.api_route("/loki/api/v1/query", methods=BOTH)
    async def query(request: Request) -> Response:
        """A metric query at one moment."""
        form = await form_of(request)
        asked = Instant(moment(form))
        positive(form, "limit", LIMIT)
        direction(form)
        expr = desk.read(form.first("query"))
        if isinstance(expr, LogQuery):
            raise Refusal(400, NO_INSTANT_LINES)
        desk.narrow_enough(expr)
        return await _answered(desk, request, expr, asked, query_answer)

    @router.api_route("/loki/api/v1/query_range", methods=BOTH)
    async def query_range(request: Request) -> Response:
        """Lines, or a metric at every step of a range."""
        form = await form_of(request)
        asked = range_of(form)
        expr = desk.read(form.first("query"))
        desk.within_limits(expr, asked)
        if desk.config.query.align_steps and not isinstance(expr, LogQuery):
            asked = aligned(asked)
        categorized = wants_categories(request)

        def body(answer: Answer, stats: dict[str, dict[str, float]]) -> bytes:
            return query_answer(answer, stats, categorized=categorized, direction=asked.direction)

        return await _answered(desk, request, expr, asked, body)

    @router.api_route("/loki/api/v1/format_query", methods=BOTH)
    async def format_query(request: Request) -> Response:
        """A query as one would write it on several lines."""
        form = await form_of(request)
        return reply(success(prettify(desk.read(form.first("query")))))

    @router.get("/api/prom/query")
    async def first_query(request: Request) -> Response:
        """Lines, in the form of Loki's first API."""
        form = await form_of(request)
        asked = range_of(form)
        expr = desk.read(form.first("query"))
        if not isinstance(expr, LogQuery):
            raise Refusal(400, legacy.ONLY_LINES)
        desk.within_limits(expr, asked)
        return await _answered(desk, request, expr, asked, legacy.query_answer)


def aligned(asked: Range) -> Range:
    """From the multiple of the step at or before the start to that at or behind the end."""
    start, end = asked.start // asked.step * asked.step, -(-asked.end // asked.step) * asked.step
    return replace(asked, start=start, end=end)


def wants_categories(request: HTTPConnection) -> bool:
    flags = request.headers.get(ENCODING_FLAGS, "")
    return CATEGORIZE in (flag.strip() for flag in flags.split(","))


async def _answered(
    desk: Desk,
    request: Request,
    expr: Expr,
    question: Question,
    body: Callable[[Answer, dict[str, dict[str, float]]], bytes],
) -> Response:
    watch = Stopwatch()

    def work(store: Readable) -> bytes:
        watch.begin()
        answer = desk.evaluate(store, expr, question)
        return body(answer, watch.stats(_size(answer)))

    return reply(await desk.answered(request, work))


def _size(answer: Answer) -> int:
    match answer:
        case Streams(streams):
            return sum(len(stream.entries) for stream in streams)
        case Matrix(series):
            return sum(len(one.times) for one in series)
        case Vector(samples=samples):
            return len(samples)
        case Scalar():
            return 1
