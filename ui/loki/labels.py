"""Loki's labels, label values, series and detected_labels: what can be asked for."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from driftwood.store.read import Readable, Span
from driftwood.store.read_labels import (
    label_cardinalities,
    label_names,
    label_sets,
    label_values,
)
from driftwood.timeparse import SECOND
from ui.loki import legacy
from ui.loki.answers import dumped, reply, success
from ui.loki.ask import Desk, selection
from ui.loki.parameters import Bounds, bounds, form_of, ordered
from ui.loki.queries import BOTH

SIX_HOURS = 6 * 3_600 * SECOND
ALWAYS_SHOWN = ("cluster", "namespace", "instance", "pod")
"""Labels that people look for even if every value is an id."""


def add_routes(router: APIRouter, desk: Desk) -> None:
    async def names(request: Request) -> list[str]:
        form = await form_of(request)
        span, query = seen(bounds(form, SIX_HOURS)), desk.selector(form.first("query"))
        return await desk.answered(request, lambda s: label_names(s, span, selection(s, query)))

    async def values(request: Request, name: str) -> list[str]:
        form = await form_of(request)
        span, query = seen(bounds(form, SIX_HOURS)), desk.selector(form.first("query"))
        return await desk.answered(
            request, lambda s: label_values(s, name, span, selection(s, query))
        )

    @router.api_route("/loki/api/v1/label", methods=BOTH)
    @router.api_route("/loki/api/v1/labels", methods=BOTH)
    async def list_names(request: Request) -> Response:
        """Names of the labels of streams that had lines in the span."""
        return reply(success(await names(request)))

    @router.api_route("/loki/api/v1/label/{name}/values", methods=BOTH)
    async def list_values(request: Request, name: str) -> Response:
        """Values of one label, sorted."""
        return reply(success(await values(request, name)))

    @router.get("/api/prom/label")
    async def first_names(request: Request) -> Response:
        return reply(legacy.labels_answer(await names(request)))

    @router.get("/api/prom/label/{name}/values")
    async def first_values(request: Request, name: str) -> Response:
        return reply(legacy.labels_answer(await values(request, name)))

    @router.api_route("/api/prom/series", methods=BOTH)
    @router.api_route("/loki/api/v1/series", methods=BOTH)
    async def series(request: Request) -> Response:
        """The streams that one of the selectors `match[]` selects; all without any."""
        form = await form_of(request)
        span = seen(bounds(form, SIX_HOURS))
        texts = dict.fromkeys(form.every("match") + form.every("match[]")) or {"": None}
        queries = [desk.selector(text, any_stream=True) for text in texts]

        def work(store: Readable) -> list[dict[str, str]]:
            return label_sets(store, span, [selection(store, query) for query in queries])

        return reply(success(await desk.answered(request, work)))

    @router.api_route("/loki/api/v1/detected_labels", methods=BOTH)
    async def detected_labels(request: Request) -> Response:
        """Labels with the number of their values; those whose values are all ids tell nothing."""
        form = await form_of(request)
        span, query = seen(bounds(form)), desk.selector(form.first("query"))
        found = await desk.answered(
            request, lambda s: label_cardinalities(s, span, selection(s, query))
        )
        shown = [
            {"label": one.name, "cardinality": one.cardinality}
            for one in found
            if not one.ids or one.name in ALWAYS_SHOWN
        ]
        return reply(dumped({"detectedLabels": shown}))


def seen(asked: Bounds) -> Span:
    """[start, end], both included."""
    asked = ordered(asked)
    return Span(asked.start - 1, asked.end + 1)
