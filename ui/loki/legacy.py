"""Answers in the form of Loki's first API, `/api/prom/...`, which old agents and scripts still ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from driftwood.logql.answer import Answer, Labels, Streams
from driftwood.logql.gotext import quote
from driftwood.timeparse import format_time
from ui.loki.answers import dumped

ONLY_LINES = "legacy endpoints only support streams result type"


def query_answer(answer: Answer, stats: Mapping[str, object]) -> bytes:
    found = answer.streams if isinstance(answer, Streams) else ()
    streams = [
        {
            "labels": label_text(stream.labels),
            "entries": [{"ts": format_time(e.ts), "line": e.line} for e in stream.entries],
        }
        for stream in found
    ]
    return dumped({"streams": streams, "stats": stats})


def labels_answer(values: Sequence[str]) -> bytes:
    return dumped({"values": values})


def label_text(labels: Labels) -> str:
    """As Prometheus writes a label set.

    >>> label_text({"level": "info", "app": "web"})
    '{app="web", level="info"}'
    """
    return "{" + ", ".join(f"{name}={quote(value)}" for name, value in sorted(labels.items())) + "}"
