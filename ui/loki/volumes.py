"""Loki's index/stats, index/volume and index/volume_range: how much there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import APIRouter, Request
from fastapi.responses import Response

from driftwood.logql.answer import Matrix, Sample, Series, Vector
from driftwood.logql.ast import LogQuery
from driftwood.store.read import Readable, Span
from driftwood.store.read_selection import Selection
from driftwood.store.read_volume import Volume, size_of, volumes, volumes_by_label
from driftwood.store.schema import MINUTE
from ui.loki.answers import NS_PER_MS, dumped, query_answer, reply
from ui.loki.ask import Desk, Stopwatch, selection
from ui.loki.parameters import (
    LIMIT,
    Bounds,
    Form,
    bounds,
    few_points,
    form_of,
    names,
    ordered,
    positive,
    step_of,
)
from ui.loki.queries import BOTH
from ui.loki.refusals import Refusal

EVER = 2**62 // MINUTE * MINUTE
"""A step that makes one bucket of any span."""

Grouped = Callable[[Readable, Selection, Span, int, Sequence[str] | None], list[Volume]]


def add_routes(router: APIRouter, desk: Desk) -> None:
    @router.api_route("/loki/api/v1/index/stats", methods=BOTH)
    async def index_stats(request: Request) -> Response:
        """Streams, chunks, lines and bytes that a selector stands for."""
        form = await form_of(request)
        span, query = Span(*ordered(bounds(form))), desk.selector(form.first("query"))
        size = await desk.answered(request, lambda s: size_of(s, selection(s, query), span))
        body = {
            "streams": size.streams,
            "chunks": size.chunks,
            "bytes": size.size_bytes,
            "entries": size.entries,
        }
        return reply(dumped(body))

    @router.api_route("/loki/api/v1/index/volume", methods=BOTH)
    async def index_volume(request: Request) -> Response:
        """Bytes by labels, over the whole span."""
        form = await form_of(request)
        asked = ordered(bounds(form))
        return await _volume(desk, request, form, asked, EVER)

    @router.api_route("/loki/api/v1/index/volume_range", methods=BOTH)
    async def index_volume_range(request: Request) -> Response:
        """Bytes by labels, per step."""
        form = await form_of(request)
        asked = ordered(bounds(form))
        step = step_of(form, asked)
        few_points(asked, step)
        return await _volume(desk, request, form, asked, step)


async def _volume(desk: Desk, request: Request, form: Form, asked: Bounds, step: int) -> Response:
    query = desk.selector(form.first("query"))
    grouped = _by(form)
    limit = positive(form, "limit", LIMIT)
    wanted = names(form.first("targetLabels")) or _named(query)
    watch = Stopwatch()

    def work(store: Readable) -> bytes:
        watch.begin()
        found = grouped(store, selection(store, query), Span(*asked), step, wanted)[:limit]
        answer = _answer(found, asked, step)
        return query_answer(answer, watch.stats(len(found)))

    return reply(await desk.answered(request, work))


def _by(form: Form) -> Grouped:
    match form.first("aggregateBy"):
        case "" | "series":
            return volumes
        case "labels":
            return volumes_by_label
    raise Refusal(400, "invalid aggregation option")


def _named(query: LogQuery | None) -> list[str] | None:
    """The labels that a selector names; None where it names none."""
    return None if query is None else list(dict.fromkeys(m.name for m in query.matchers))


def _answer(found: list[Volume], asked: Bounds, step: int) -> Vector | Matrix:
    """A vector where the span is one bucket, as with Loki."""
    origin = asked.start // step * step
    if step == EVER or asked.end - origin <= step:
        return Vector(asked.end, tuple(Sample(v.labels, float(v.total)) for v in found))
    return Matrix(tuple(_series(volume, asked.end, origin, step) for volume in found))


def _series(volume: Volume, end: int, origin: int, step: int) -> Series:
    """A bucket is named by the last millisecond before the next one."""
    counted = sorted(volume.size_bytes.items())
    times = tuple(min(origin + (i + 1) * step - NS_PER_MS, end) for i, _ in counted)
    return Series(volume.labels, times, tuple(float(size) for _, size in counted))
