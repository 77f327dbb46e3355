"""/api/v1/templates: what kinds of lines there are, what changed between two spans, and one template in full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from driftwood.store.read import Readable, Span
from driftwood.store.read_diff import diff
from driftwood.store.read_lines import lines
from driftwood.store.read_selection import EVERY_LINE
from driftwood.store.read_templates import (
    Order,
    TemplateCount,
    among,
    lineage,
    template,
    templates,
    versions,
)
from driftwood.template_diff import Moved
from driftwood.timeparse import SECOND, format_time
from ui import shapes
from ui.api_answer import NOT_FOUND, Refused, reply
from ui.api_ask import (
    End,
    Limit,
    QueryText,
    Start,
    asked,
    number,
    selected,
    span,
    span_if_any,
    within,
)
from ui.api_lines import shown
from ui.api_state import ServerState
from ui.slots import SHOWN, slots

MAX_TEMPLATES = 1_000
SAMPLE = 1_000
"""Lines whose values are counted."""

Service = Annotated[str | None, Query(description="Only lines of this service.")]
Search = Annotated[
    str, Query(max_length=1_000, description="A part of the template's text, in any case.")
]


def routes(server: ServerState) -> APIRouter:
    router = APIRouter(prefix="/templates", tags=["templates"])

    def warmup() -> int:
        return int(server.config.detection.warmup_s * SECOND)

    @router.get("", response_model=shapes.Templates)
    def list_templates(
        query: QueryText = "",
        start: Start = None,
        end: End = None,
        service: Service = None,
        search: Search = "",
        order: Order = "count",
        limit: Limit = 100,
    ) -> Response:
        """Templates with lines in the span: the most frequent, the newest or the rarest first."""
        store = asked(server)
        selection = selected(store, query)
        if service is not None:
            selection = selection.of_service(service)
        page, total = templates(
            store,
            selection,
            span(store, start, end),
            search=search,
            order=order,
            limit=within(limit, MAX_TEMPLATES),
            warmup=warmup(),
        )
        return reply({"templates": [_template(t) for t in page], "total": total})

    @router.get("/diff", response_model=shapes.TemplateDiff)
    def compare_spans(
        query: QueryText = "",
        start: Start = None,
        end: End = None,
        base_start: Start = None,
        base_end: End = None,
        limit: Limit = 50,
    ) -> Response:
        """What is new, vanished, reworded, and whose rate moved; the most remarkable first.

        Against the span of the same length before by default.
        """
        store = asked(server)
        selection = selected(store, query)
        base = span_if_any(store, base_start, base_end)
        found = diff(store, selection, span(store, start, end), base, within(limit, MAX_TEMPLATES))
        known = {
            t.id: t
            for wanted, when in (
                (found.new + found.changed + found.reworded, found.span),
                (found.vanished, found.base),
            )
            for t in among(store, selection, when, [m.id for m in wanted], warmup())
        }
        answer: shapes.TemplateDiff = {
            "new": _moved(found.new, known),
            "vanished": _moved(found.vanished, known),
            "changed": _moved(found.changed, known),
            "reworded": [
                {
                    **_changed(moved, known),
                    "text": moved.text,
                    "base_id": str(moved.base_id),
                    "base_text": moved.base_text,
                }
                for moved in found.reworded
                if moved.id in known
            ],
        }
        return reply(answer)

    @router.get("/{template_id}", response_model=shapes.TemplateDetail, responses=NOT_FOUND)
    def show_template(template_id: str, start: Start = None, end: End = None) -> Response:
        """One template with its versions, lineage, newest lines, and the values it leaves open, by slot.

        Without `start` and `end` over its whole life.
        """
        store = asked(server)
        found = template(
            store, number("template", template_id), span_if_any(store, start, end), warmup()
        )
        if found is None:
            raise Refused(404, f"no template has the id {template_id}")
        return reply(_detail(store, *found))

    return router


def _detail(store: Readable, one: TemplateCount, when: Span) -> shapes.TemplateDetail:
    # (start, end] is what was counted, and lines are looked for in [start, end)
    found = lines(store, EVERY_LINE.of_template(one.id), Span(when.start + 1, when.end + 1), SAMPLE)
    parents, children = lineage(store, one.id)
    return {
        **_template(one),
        "versions": [
            {
                "version": row["version"],
                "text": row["text"],
                "exact": row["exact"],
                "created": format_time(row["created"]),
            }
            for row in versions(store, one.id)
        ],
        "parents": list(map(str, parents)),
        "children": list(map(str, children)),
        "lines": shown(store, found[:SHOWN]),
        "values": slots((row["line"] for row in found), one.text),
        "sampled": len(found),
    }


def _template(one: TemplateCount) -> shapes.Template:
    return {
        "id": str(one.id),
        "version": one.version,
        "text": one.text,
        "name": one.name,
        "count": one.count,
        "share": one.share,
        "services": one.services,
        "severities": one.severities,
        "first_seen": format_time(one.first_seen),
        "last_seen": format_time(one.last_seen),
        "spark": one.spark,
        "is_new": one.is_new,
    }


def _moved(found: Sequence[Moved], known: dict[int, TemplateCount]) -> list[shapes.ChangedTemplate]:
    return [_changed(moved, known) for moved in found if moved.id in known]


def _changed(moved: Moved, known: dict[int, TemplateCount]) -> shapes.ChangedTemplate:
    return {
        **_template(known[moved.id]),
        "count": moved.count,
        "base_count": moved.base_count,
        "ratio": moved.ratio,
        "surprise": moved.surprise,
    }
