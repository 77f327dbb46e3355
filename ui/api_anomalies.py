"""/api/v1/anomalies: what drifted from normal, why, and what people said about it."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from driftwood.records import Feedback
from driftwood.store.read import Readable, Row
from driftwood.store.read_anomalies import (
    Status,
    Verdict,
    anomalies,
    anomaly,
    feedback,
)
from driftwood.timeparse import format_time
from ui import shapes
from ui.api_answer import BAD_BODY, NOT_FOUND, Refused, reply
from ui.api_ask import End, Limit, Start, asked, span, within
from ui.api_state import ServerState
from ui.api_write import written

MAX_ANOMALIES = 1_000

Service = Annotated[str, Query(description="Only of this service.")]
Detector = Annotated[str, Query(description="Only of this detector.")]


class FeedbackBody(BaseModel):
    """What a person says about an anomaly; `open` takes an earlier verdict back."""

    model_config = ConfigDict(extra="forbid")

    verdict: Verdict
    note: str = Field("", max_length=10_000)
    scope: str = Field(
        "", max_length=200, description="What it holds for, in the detectors' words."
    )


def routes(server: ServerState) -> APIRouter:
    router = APIRouter(prefix="/anomalies", tags=["anomalies"])

    @router.get("", response_model=shapes.Anomalies)
    def list_anomalies(
        start: Start = None,
        end: End = None,
        service: Service = "",
        detector: Detector = "",
        status: Status = "all",
        limit: Limit = 100,
    ) -> Response:
        """Anomalies whose window overlaps the span, the newest first."""
        store = asked(server)
        found, total = anomalies(
            store,
            span(store, start, end),
            service=service,
            detector=detector,
            status=status,
            limit=within(limit, MAX_ANOMALIES),
        )
        return reply({"anomalies": [_anomaly(row) for row in found], "total": total})

    @router.get("/{anomaly_id}", response_model=shapes.AnomalyDetail, responses=NOT_FOUND)
    def show_anomaly(anomaly_id: str) -> Response:
        """One anomaly with the history of its feedback."""
        return reply(_detail(server, asked(server), anomaly_id))

    @router.post(
        "/{anomaly_id}/feedback",
        status_code=201,
        response_model=shapes.AnomalyDetail,
        responses=NOT_FOUND | BAD_BODY,
    )
    def say(anomaly_id: str, said: FeedbackBody) -> Response:
        """Store what a person says, and learn from it; the answer is the anomaly as it is then."""
        store = asked(server)
        _detail(server, store, anomaly_id)
        feedback = Feedback(anomaly_id, said.verdict, said.note, said.scope)
        written(server, lambda _: server.judge(feedback))
        return reply(_detail(server, store, anomaly_id), 201)

    return router


def _detail(server: ServerState, store: Readable, anomaly_id: str) -> shapes.AnomalyDetail:
    found = anomaly(store, anomaly_id)
    if found is None:
        raise Refused(404, f"no anomaly has the id {anomaly_id!r}")
    return {
        **_anomaly(found),
        "feedback": [
            {
                "verdict": row["verdict"],
                "note": row["note"],
                "scope": row["scope"],
                "created": format_time(row["created"]),
            }
            for row in feedback(store, anomaly_id)
        ],
        "effects": dict(server.effects(anomaly_id)),
    }


def _anomaly(row: Row) -> shapes.Anomaly:
    return {
        "id": row["id"],
        "detector": row["detector"],
        "kind": row["kind"],
        "source": orjson.loads(row["source"]),
        "service": row["service"],
        "start": format_time(row["start_ts"]),
        "end": format_time(row["end_ts"]),
        "start_ns": str(row["start_ts"]),
        "end_ns": str(row["end_ts"]),
        "score": row["score"],
        "p_value": row["p_value"],
        "title": row["title"],
        "contributions": [
            {
                "template_id": str(part["template_id"]),
                "template": part["template"],
                "seen": part["seen"],
                "expected": part["expected"],
                "weight": part["weight"],
            }
            for part in row["contributions"]
        ],
        "line_ids": row["line_ids"],
        "status": row["status"],
        "note": row["note"],
        "created": format_time(row["created"]),
    }
