"""/api/v1/parse: whether a text is a query, which kind, and where it goes wrong; for editors and command lines."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from driftwood import logql
from driftwood.errors import QueryError
from driftwood.logql.ast import LogQuery
from driftwood.logql.prettifier import prettify
from ui import shapes
from ui.api_answer import reply
from ui.api_state import ServerState

MAX_TEXT = 131_072

Text = Annotated[
    str, Query(max_length=MAX_TEXT, description="LogQL, or what is about to become it.")
]


def routes(server: ServerState) -> APIRouter:
    router = APIRouter(tags=["queries"])

    @router.get("/parse", response_model=shapes.Parsed)
    def parse_query(query: Text = "") -> Response:
        """What a query is; a wrong one is no refusal, but an answer with `ok` false.

        As on all of Driftwood's own paths a query for lines may select every stream, `{}`, which Loki refuses.
        """
        return reply(parsed(query))

    return router


def parsed(text: str) -> shapes.Parsed:
    """`text` judged by the parser that answers queries, too."""
    try:
        expr = logql.parse(text, any_stream=True)
    except QueryError as error:
        return {
            "ok": False,
            "kind": "",
            "canonical": "",
            "pretty": "",
            "error": error.message,
            "at": error.at,
            "hint": error.hint,
        }
    return {
        "ok": True,
        "kind": "log" if isinstance(expr, LogQuery) else "metric",
        "canonical": str(expr),
        "pretty": prettify(expr),
        "error": "",
        "at": 0,
        "hint": "",
    }
