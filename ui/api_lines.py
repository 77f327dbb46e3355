"""/api/v1/lines: search, context, and lines by id; how a stored line is shown."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from driftwood.labels import level_of
from driftwood.logql.answer import Entry, Labels
from driftwood.store.read import Readable, Row
from driftwood.store.read_lines import Direction, by_id, context, lines
from driftwood.store.read_selection import select
from driftwood.store.read_templates import texts
from driftwood.timeparse import format_time
from parsing.params import spans
from ui import shapes
from ui.api_answer import NOT_FOUND, Refused, reply
from ui.api_ask import End, Limit, QueryText, Start, asked, number, span, within
from ui.api_pipeline import found, needs_engine, read
from ui.api_state import ServerState

MAX_CONTEXT = 500

Ids = Annotated[
    str | None,
    Query(description="`1,2,3`: these lines, whenever they were; nothing else is looked at."),
]
TemplateOnly = Annotated[str | None, Query(description="Only lines of the template with this id.")]
LineId = Annotated[int, Path(ge=0)]
Around = Annotated[int, Query(ge=0, le=MAX_CONTEXT)]


def routes(server: ServerState) -> APIRouter:
    router = APIRouter(prefix="/lines", tags=["lines"])

    @router.get("", response_model=shapes.Lines)
    def search_lines(
        query: QueryText = "",
        start: Start = None,
        end: End = None,
        limit: Limit = 100,
        direction: Direction = "backward",
        template: TemplateOnly = None,
        ids: Ids = None,
    ) -> Response:
        """The newest lines that match (`direction=backward`), or the oldest."""
        began = time.perf_counter()
        store = asked(server)
        most = server.config.server.max_lines
        limit = within(limit, most)
        if ids is not None:
            wanted = [number("ids", text.strip()) for text in ids.split(",") if text.strip()]
            if len(wanted) > most:
                raise Refused(400, f"ids: {len(wanted)} are more than the {most} of one request")
            return _answer(shown(store, by_id(store, wanted)), began)
        between = span(store, start, end)
        expr = read(query)
        if expr is not None and needs_engine(expr) and template is None:
            return _answer(_queried(store, found(store, expr, between, limit, direction)), began)
        selection = select(store, expr)
        if template is not None:
            selection = selection.of_template(number("template", template))
        return _answer(shown(store, lines(store, selection, between, limit, direction)), began)

    @router.get("/{line_id}/context", response_model=shapes.Lines, responses=NOT_FOUND)
    def line_context(line_id: LineId, before: Around = 20, after: Around = 20) -> Response:
        """A line and its neighbours of the same source (labels without `level`), oldest first."""
        began = time.perf_counter()
        store = asked(server)
        found = context(store, line_id, before, after)
        if not found:
            raise Refused(404, f"no line has the id {line_id}; it may have been retired")
        return _answer(shown(store, found), began)

    return router


def shown(store: Readable, found: Sequence[Row]) -> list[shapes.Line]:
    """Lines as JSON, with what their template leaves open marked."""
    known = texts(store, [(row["template_id"], row["template_version"]) for row in found])
    return [
        {
            "line_id": row["line_id"],
            "ts": str(row["ts"]),
            "time": format_time(row["ts"]),
            "line": row["line"],
            "labels": row["labels"],
            "metadata": row["sm"],
            "severity": level_of(row["severity"]),
            "severity_number": row["severity"],
            "service": row["service"],
            "template_id": str(row["template_id"]),
            "template_version": row["template_version"],
            "topic": row["topic"],
            "part": row["part"],
            "off": row["off"],
            "idx": row["idx"],
            "spans": [
                [first, last]
                for first, last in spans(
                    row["line"], known.get((row["template_id"], row["template_version"]), "")
                )
            ],
        }
        for row in found
    ]


def _queried(store: Readable, found: Sequence[tuple[Entry, Labels]]) -> list[shapes.Line]:
    """Lines as a query's stages left them, with all that is known of them as they are stored."""
    ids = [entry.line_id for entry, _ in found]
    stored = {line["line_id"]: line for line in shown(store, by_id(store, ids))}
    made: list[shapes.Line] = []
    for entry, labels in found:
        line = stored.get(entry.line_id)
        if line is not None:  # else it was retired just now
            made.append(
                {
                    **line,
                    "line": entry.line,
                    "labels": dict(labels),
                    "metadata": dict(entry.structured_metadata),
                    "parsed": dict(entry.parsed),
                    "spans": line["spans"] if entry.line == line["line"] else [],
                }
            )
    return made


def _answer(found: list[shapes.Line], began: float) -> Response:
    ms = round((time.perf_counter() - began) * 1000, 1)
    body: shapes.Lines = {"lines": found, "stats": {"ms": ms, "returned": len(found)}}
    return reply(body)
