"""Loki's detected_fields and their values: what the newest lines of a query have inside."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from driftwood.logql.answer import Range, Streams
from driftwood.logql.ast import LogQuery
from driftwood.store.read import Readable
from driftwood.timeparse import SECOND
from ui.loki.answers import dumped, reply
from ui.loki.ask import ONLY_LINES, Desk
from ui.loki.detect import DetectedField, detected
from ui.loki.parameters import Form, bounds, form_of, ordered, positive
from ui.loki.queries import BOTH
from ui.loki.refusals import Refusal

LIMIT = 1_000
"""Fields, values, and lines that are looked at, where nothing is said."""


def add_routes(router: APIRouter, desk: Desk) -> None:
    @router.api_route("/loki/api/v1/detected_fields", methods=BOTH)
    async def detected_fields(request: Request) -> Response:
        """Names, types and numbers of values of the fields in the newest lines."""
        form = await form_of(request)
        limit = _limit(form)
        found = await _detected(desk, request, form)
        return reply(dumped({"fields": [one.shown() for one in found[:limit]], "limit": limit}))

    @router.api_route("/loki/api/v1/detected_field/{name}/values", methods=BOTH)
    async def detected_values(request: Request, name: str) -> Response:
        """Values of one field in the newest lines, the most frequent first."""
        form = await form_of(request)
        limit = _limit(form)
        found = await _detected(desk, request, form)
        ranked = (one.values.most_common(limit) for one in found if one.name == name)
        values = [value for pairs in ranked for value, _ in pairs]
        return reply(dumped({"values": values, "limit": limit}))


def _limit(form: Form) -> int:
    return positive(form, "limit" if form.first("limit") else "field_limit", LIMIT)


async def _detected(desk: Desk, request: Request, form: Form) -> list[DetectedField]:
    asked = ordered(bounds(form))
    lines = min(positive(form, "line_limit", LIMIT), desk.config.server.max_lines)
    query = desk.read(form.first("query"))
    if not isinstance(query, LogQuery):
        raise Refusal(400, ONLY_LINES)
    question = Range(asked.start, asked.end, SECOND, limit=lines)
    desk.within_limits(query, question)

    def work(store: Readable) -> list[DetectedField]:
        answer = desk.evaluate(store, query, question)
        return detected(query, answer.streams if isinstance(answer, Streams) else ())

    return await desk.answered(request, work)
