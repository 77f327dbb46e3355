"""/api/v1/dlq: what could not be decoded, with its bytes, and a second try."""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from driftwood.store.read import Row
from driftwood.store.read_dead_letters import dead_letter, dead_letters
from driftwood.timeparse import format_time
from ui import shapes
from ui.api_answer import BAD_BODY, NOT_FOUND, Refused, reply
from ui.api_ask import End, Limit, Start, asked, span_if_any, within
from ui.api_state import ServerState

MAX_DEAD_LETTERS = 1_000

Source = Annotated[str, Query(description="Only of the source with this name.")]
LetterId = Annotated[int, Path(ge=0, le=2**63 - 1)]


class ReplayBody(BaseModel):
    """Which dead letters to decode again; null: all that were not replayed yet."""

    model_config = ConfigDict(extra="forbid")

    ids: list[Annotated[int, Field(ge=0, le=2**63 - 1)]] | None = None


def routes(server: ServerState) -> APIRouter:
    router = APIRouter(prefix="/dlq", tags=["dead letters"])

    @router.get("", response_model=shapes.DeadLetters)
    def list_dead_letters(
        start: Start = None, end: End = None, source: Source = "", limit: Limit = 100
    ) -> Response:
        """Dead letters by arrival, the newest first; without `start` and `end` of all times."""
        store = asked(server)
        found, total = dead_letters(
            store, span_if_any(store, start, end), source, within(limit, MAX_DEAD_LETTERS)
        )
        return reply({"dead_letters": [_letter(row) for row in found], "total": total})

    @router.get("/{letter_id}", response_model=shapes.DeadLetter, responses=NOT_FOUND)
    def show_dead_letter(letter_id: LetterId) -> Response:
        """One dead letter with all of its bytes."""
        found = dead_letter(asked(server), letter_id)
        if found is None:
            raise Refused(404, f"no dead letter has the id {letter_id}")
        return reply(_letter(found))

    @router.post("/replay", response_model=shapes.Replayed, responses=BAD_BODY)
    def replay(which: ReplayBody) -> Response:
        """Decode again, say after an upgrade; what can be read now is stored, each once."""
        return reply(server.replay_dead_letters(which.ids))

    return router


def _letter(row: Row) -> shapes.DeadLetter:
    return {
        "id": row["id"],
        "time": format_time(row["observed_ts"]),
        "source": row["source"],
        "topic": row["topic"],
        "part": row["part"],
        "off": row["off"],
        "idx": row["idx"],
        "stage": row["stage"],
        "reason": row["reason"],
        "raw": _readable(row["raw"]),
        "raw_base64": b64encode(row["raw"]).decode(),
        "raw_bytes": row["raw_bytes"],
        "headers": [(name, _readable(value or b"")) for name, value in row["headers"] or ()],
        "replayed_at": None if row["replayed_at"] is None else format_time(row["replayed_at"]),
    }


def _readable(raw: bytes) -> str:
    """UTF-8 where it is, other bytes as \\xNN."""
    return raw.decode("utf-8", "backslashreplace")
