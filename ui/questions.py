"""What the endpoints may be asked, as keyword arguments of `ui.client`; the server has the defaults."""

from __future__ import annotations

from typing_extensions import TypedDict


class Span(TypedDict, total=False):
    """A moment is RFC 3339, an epoch, or relative (`-1h`); without any the last hour of the newest data is meant."""

    start: str | None
    end: str | None


class Listing(Span, total=False):
    limit: int


class Lines(Listing, total=False):
    direction: str
    """backward (the newest first) or forward"""
    template: str | None


class Counts(Span, total=False):
    step: str | None
    by: str
    """severity, service, template or none"""
    template: str | None


class Templates(Listing, total=False):
    query: str
    service: str | None
    search: str | None
    order: str
    """count, new or rare"""


class TemplateDiff(Listing, total=False):
    query: str
    base_start: str | None
    base_end: str | None
    """Without a base: against the span of the same length before."""


class Anomalies(Listing, total=False):
    service: str | None
    detector: str | None
    status: str
    """open, real, noise, expected or all"""


class Sessions(TypedDict, total=False):
    """As in a `[[detection.streams]]` table."""

    match: str
    session: str
    session_key: str
    gap_s: float
    warmup_sessions: int


class Backtest(Span, total=False):
    """Without a start: the seven days before the end."""

    detectors: list[str]
    """Without any: those of the settings."""
    budget: float | None
    """Alerts per source and day."""
    lead_s: float
    """Seconds before `start` that only teach."""
    sessions: Sessions | None


class DeadLetters(Listing, total=False):
    source: str | None


class Range(Listing, total=False):
    """A metric at start, start + step, ... <= end; or the lines of [start, end)."""

    step: str | None
    direction: str
