"""/api/v1/results: rows of benchmarks, from which the leaderboards are drawn."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query
from fastapi.responses import Response
from pydantic import ConfigDict, with_config

from driftwood.store.read_results import add_results, boards, results
from ui import shapes
from ui.api_answer import BAD_BODY, reply
from ui.api_ask import asked
from ui.api_state import ServerState
from ui.api_write import written

MAX_ROWS = 10_000

Bench = Annotated[str, Query(description="Only of this benchmark.")]
Data = Annotated[str, Query(description="Only of this data set.")]
Protocol = Annotated[str, Query(description="Only of this protocol.")]
# A misspelt column must not vanish. (Said here and not in `shapes`, which knows nothing of pydantic.)
with_config(ConfigDict(extra="forbid"))(shapes.Result)
Rows = Annotated[list[shapes.Result], Body(max_length=MAX_ROWS)]


def routes(server: ServerState) -> APIRouter:
    router = APIRouter(prefix="/results", tags=["benchmarks"])

    @router.get("", response_model=shapes.Results)
    def list_results(bench: Bench = "", data: Data = "", protocol: Protocol = "") -> Response:
        """The newest rows first, at most 10,000."""
        return reply({"results": results(asked(server), bench, data, protocol, MAX_ROWS)})

    @router.get("/boards", response_model=shapes.Boards)
    def list_boards() -> Response:
        """Of what there are rows: each benchmark, data set and protocol."""
        return reply({"boards": boards(asked(server))})

    @router.post("", status_code=201, response_model=shapes.Stored, responses=BAD_BODY)
    def add(rows: Rows) -> Response:
        """Store rows; a failure has value null and its reason in `note`."""
        written(server, lambda store: add_results(store, rows))
        return reply({"stored": len(rows)}, 201)

    return router
