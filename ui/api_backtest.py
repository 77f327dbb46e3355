"""/api/v1/backtest: what these detectors would have fired on stored history, and at what noise."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from detectors.backtest import settings_for
from driftwood.config import StreamRule
from driftwood.errors import ConfigError
from driftwood.records import Anomaly
from driftwood.store.read import DAY, Readable, Span, extent
from driftwood.timeparse import SECOND, format_time
from ui import shapes
from ui.api_answer import BAD_BODY, NOT_FOUND, Refused, reply
from ui.api_ask import asked, span
from ui.api_state import ServerState
from ui.backtests import Backtest

DEFAULT_NS = 7 * DAY
"""How long a backtest looks back that names no start."""
CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": shapes.Problem, "description": "Another backtest is running."}
}

Moment = Annotated[str | None, Field(description="RFC 3339, epoch or relative (`-7d`).")]


class SessionsBody(BaseModel):
    """What a session is, for this run: as in a `[[detection.streams]]` table."""

    model_config = ConfigDict(extra="forbid")

    match: str = Field("{}", max_length=2_000)
    session: str = Field("", max_length=2_000)
    session_key: str = Field("", max_length=200)
    gap_s: float = Field(600.0, gt=0, le=10**6)
    warmup_sessions: int = Field(1_000, ge=20, le=10**6)


class BacktestBody(BaseModel):
    """What to try, on which span. Without detectors: those of the settings."""

    model_config = ConfigDict(extra="forbid")

    detectors: list[str] = Field(default_factory=list, max_length=20)
    budget: float | None = Field(None, ge=0, description="Alerts per source and day.")
    start: Moment = None
    end: Moment = None
    lead_s: float = Field(
        86_400.0, ge=0, le=10**8, description="Seconds before `start` that only teach."
    )
    sessions: SessionsBody | None = None


def routes(server: ServerState) -> APIRouter:
    router = APIRouter(prefix="/backtest", tags=["anomalies"])

    @router.post("", status_code=202, response_model=shapes.Backtest, responses=BAD_BODY | CONFLICT)
    def start_backtest(wanted: BacktestBody) -> Response:
        """Begin one, on a thread of its own; one at a time. Without `start`: the seven days before `end`.

        A span that begins before the oldest line begins with it.
        """
        store = asked(server)
        rule = StreamRule(**wanted.sessions.model_dump()) if wanted.sessions is not None else None
        try:
            settings = settings_for(
                server.config.detection, tuple(wanted.detectors), wanted.budget, rule
            )
            made = server.backtests.start(
                settings, _span(store, wanted), int(wanted.lead_s * SECOND)
            )
        except ConfigError as error:
            raise Refused(400, str(error)) from error
        return reply(_backtest(made), 202)

    @router.get("", response_model=shapes.Backtests)
    def list_backtests() -> Response:
        """The last ten since the start of the server, the newest first, without what they found."""
        found = [{**_backtest(made), "report": None} for made in server.backtests.all()]
        return reply({"backtests": found})

    @router.get("/{backtest_id}", response_model=shapes.Backtest, responses=NOT_FOUND)
    def show_backtest(backtest_id: str) -> Response:
        """How far it is, and what it found."""
        return reply(_backtest(server.backtests.get(backtest_id)))

    @router.delete("/{backtest_id}", response_model=shapes.Backtest, responses=NOT_FOUND)
    def cancel_backtest(backtest_id: str) -> Response:
        """Cancel it; one that has ended stays as it is."""
        return reply(_backtest(server.backtests.cancel(backtest_id)))

    return router


def _span(store: Readable, wanted: BacktestBody) -> Span:
    found = span(store, wanted.start, wanted.end)
    if wanted.start is None:
        found = Span(found.end - DEFAULT_NS, found.end)
    stored = extent(store)
    # Days without any line would make every detector look quiet.
    oldest = found.start if stored is None else min(stored.oldest, found.end - 1)
    return Span(max(found.start, oldest), found.end)


def _backtest(made: Backtest) -> shapes.Backtest:
    return {
        "id": made.id,
        "state": made.state,
        "progress": round(made.progress, 4),
        "lines": made.lines,
        "error": made.error,
        "start": format_time(made.span.start),
        "end": format_time(made.span.end),
        "lead_s": made.lead / SECOND,
        "started": format_time(made.started),
        "took_s": round(made.took_s, 2),
        "detectors": made.detectors,
        "report": _report(made),
    }


def _report(made: Backtest) -> shapes.BacktestReport | None:
    found = made.report
    if found is None:
        return None
    days = made.span.length / (86_400 * SECOND)
    total = sum(n for _, n in found.days)
    return {
        "span_days": days,
        "total": total,
        "per_day": total / days,
        "days": [{"day": day, "count": n} for day, n in found.days],
        "sources": [
            {"source": orjson.loads(source), "service": service, "count": n, "per_day": n / days}
            for source, service, n in found.sources
        ],
        "kinds": [{"detector": d, "kind": k, "count": n} for d, k, n in found.kinds],
        "scores": found.scores,
        "examples": [_example(anomaly, status) for anomaly, status in found.examples],
        "stored": [
            {"status": status, "stored": there, "kept": again}
            for status, (there, again) in sorted(found.kept.items())
        ],
        "new": found.new,
    }


def _example(anomaly: Anomaly, status: str | None) -> shapes.BacktestExample:
    return {
        "id": anomaly.id,
        "detector": anomaly.detector,
        "kind": anomaly.kind,
        "service": anomaly.service,
        "start": format_time(anomaly.start),
        "end": format_time(anomaly.end),
        "score": anomaly.score,
        "title": anomaly.title,
        "stored_as": status,
    }
