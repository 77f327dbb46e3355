"""Backtests: one at a time, on a thread of its own, over rows that are read a part at a time.

The thread leaves the processor a share of the time, so that lines that come in meanwhile are not held up.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from detectors.backtest import DAY_NS, Report, as_stored, report
from detectors.stage import DetectionStage
from driftwood.config import Detection
from driftwood.errors import DriftwoodError
from driftwood.records import Anomaly
from driftwood.store.read import Readable, Span
from driftwood.store.read_anomalies import judged
from ui.api_answer import Refused
from ui.shapes import DetectorRow

logger = logging.getLogger(__name__)

MAX_DAYS = 92
MAX_LEAD_DAYS = 31
MAX_ANOMALIES = 100_000
REMEMBERED = 10
"""Backtests that can still be asked about."""
_PAUSE = 0.25
"""Of the time that was worked: the others' share of the interpreter."""


@dataclass(slots=True)
class Backtest:
    id: str
    settings: Detection
    span: Span
    lead: int
    """ns before the span that only teach."""
    started: int
    """ns since the epoch"""
    state: str = "running"
    """running | done | cancelled | failed"""
    progress: float = 0.0
    lines: int = 0
    error: str | None = None
    report: Report | None = None
    detectors: list[DetectorRow] = field(default_factory=list)
    took_s: float = 0.0
    cancelling: threading.Event = field(default_factory=threading.Event)


class Backtests:
    """Any thread may ask."""

    def __init__(self, store: Callable[[], Readable]) -> None:
        self._store = store
        self._known: dict[str, Backtest] = {}
        self._lock = threading.Lock()

    def start(self, settings: Detection, span: Span, lead: int) -> Backtest:
        """Raises Refused while another one runs, or for a span that is too long; ConfigError for settings."""
        if span.length > MAX_DAYS * DAY_NS or lead > MAX_LEAD_DAYS * DAY_NS:
            raise Refused(
                400,
                f"a backtest may span {MAX_DAYS} days, and learn from {MAX_LEAD_DAYS} before; take a later start",
            )
        store = self._store()
        stage = DetectionStage(settings, _texts(store), looks=False)
        with self._lock:
            running = next((b for b in self._known.values() if b.state == "running"), None)
            if running is not None:
                raise Refused(
                    409,
                    f"the backtest {running.id} is running ({running.progress:.0%} done): wait for it, or cancel it",
                )
            made = Backtest(uuid.uuid4().hex[:12], settings, span, lead, time.time_ns())
            self._known[made.id] = made
            while len(self._known) > REMEMBERED:
                del self._known[next(iter(self._known))]
        threading.Thread(
            target=_run, args=(made, store, stage), name=f"backtest-{made.id}", daemon=True
        ).start()
        return made

    def get(self, backtest_id: str) -> Backtest:
        found = self._known.get(backtest_id)
        if found is None:
            raise Refused(404, f"no backtest has the id {backtest_id!r}; a restart forgets them")
        return found

    def all(self) -> list[Backtest]:
        """The newest first."""
        return list(reversed(self._known.copy().values()))

    def cancel(self, backtest_id: str) -> Backtest:
        found = self.get(backtest_id)
        found.cancelling.set()
        return found


def _run(made: Backtest, store: Readable, stage: DetectionStage) -> None:
    begun = time.monotonic()
    try:
        told = _told(made, store, stage)
        if told is None:
            made.state = "cancelled"
        else:
            stored = [as_stored(row) for row in judged(store, made.span)]
            made.report = report(told, stored, made.span.start, made.span.end)
            made.progress = 1.0
            made.took_s = time.monotonic() - begun
            made.state = "done"
    except DriftwoodError as error:  # the store was closed, or cannot be read
        made.error, made.state = str(error), "failed"
    except Exception as error:  # whoever waits for it must learn of it
        logger.exception("backtest failed id=%s", made.id)
        made.error, made.state = f"{type(error).__name__}: {error}", "failed"
    made.took_s = time.monotonic() - begun
    logger.info(
        "backtest id=%s %s lines=%d seconds=%.1f", made.id, made.state, made.lines, made.took_s
    )


def _told(made: Backtest, store: Readable, stage: DetectionStage) -> list[Anomaly] | None:
    """All that the stage tells of the span and its lead; None when it was cancelled."""
    span, start = made.span, made.span.start - made.lead
    total = _count(store, start, span.end)
    told: list[Anomaly] = []
    lines = any(rule.session or rule.session_key for rule in made.settings.streams)
    lines = lines or _without_severity(store, start, span.end)
    before = time.monotonic()
    for events in store.history(start, span.end, lines=lines):
        told += (a for a in stage.observe(events) if a.start >= span.start)
        made.lines += events.num_rows
        made.progress = min(made.lines / max(total, 1), 0.999)
        made.detectors = stage.status()  # type: ignore[assignment]
        if len(told) > MAX_ANOMALIES:
            raise DriftwoodError(
                f"more than {MAX_ANOMALIES:,} anomalies by {made.progress:.0%} of the lines: take a smaller budget"
            )
        if made.cancelling.wait(_PAUSE * (time.monotonic() - before)):
            return None
        before = time.monotonic()
    return told


def _count(store: Readable, start: int, end: int) -> int:
    """Lines in [start, end), about: by minutes."""
    sql = "SELECT coalesce(sum(n), 0) FROM template_counts WHERE minute > ? AND minute <= ?"
    return int(store.query(sql, [start, end + 60 * 10**9]).column(0)[0].as_py())


def _without_severity(store: Readable, start: int, end: int) -> bool:
    """Whether some lines say nothing of their severity, so that their words have to."""
    sql = "SELECT 1 FROM template_counts WHERE severity = 0 AND minute > ? AND minute <= ? LIMIT 1"
    return store.query(sql, [start, end + 60 * 10**9]).num_rows > 0


def _texts(store: Readable) -> Callable[[], dict[int, str]]:
    found = store.query("SELECT id, arg_max(text, version) AS text FROM templates GROUP BY id")
    texts = {int(row["id"]): str(row["text"]) for row in found.to_pylist()}
    return lambda: texts
