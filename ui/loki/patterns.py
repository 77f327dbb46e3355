"""Loki's patterns: our templates, with all their history, as patterns that LogQL's filter `|>` understands."""

from __future__ import annotations

import re

from fastapi import APIRouter, Request
from fastapi.responses import Response

from driftwood.store.read import Readable, Span
from driftwood.store.read_patterns import Pattern, patterns
from driftwood.timeparse import SECOND
from parsing.masks import PLACEHOLDER
from ui.loki.answers import reply, success
from ui.loki.ask import Desk, selection
from ui.loki.parameters import bounds, few_points, form_of, ordered, step_of
from ui.loki.queries import BOTH

LEAST_STEP = 10 * SECOND
MINUTE = 60 * SECOND
VARIABLE = "<_>"

_CAPTURE = re.compile("<[A-Za-z_][A-Za-z0-9_]*>")
_ADJACENT = re.compile("(?:<_>){2,}")


def add_routes(router: APIRouter, desk: Desk) -> None:
    @router.api_route("/loki/api/v1/patterns", methods=BOTH)
    async def list_patterns(request: Request) -> Response:
        """Kinds of lines with their counts per step, the most frequent first."""
        form = await form_of(request)
        asked = ordered(bounds(form))
        query = desk.selector(form.first("query"))
        step = max(step_of(form, asked), LEAST_STEP)
        if not form.first("step") and step > LEAST_STEP:
            step = -(-step // MINUTE) * MINUTE  # whole minutes are counted already
        few_points(asked, step)

        def work(store: Readable) -> bytes:
            found = patterns(store, selection(store, query), Span(*asked), step)
            return success(shown(found, asked.start // step * step, step))

        return reply(await desk.answered(request, work))


def shown(found: list[Pattern], origin: int, step: int) -> list[dict[str, object]]:
    """Templates that differ only in the kinds of their variables are one pattern."""
    merged: dict[tuple[str, str], dict[int, int]] = {}
    for pattern in found:
        if not pattern.text:
            continue
        counts = merged.setdefault((pattern_text(pattern.text), pattern.level or "unknown"), {})
        for bucket, count in pattern.counts.items():
            counts[bucket] = counts.get(bucket, 0) + count
    return [
        {
            "pattern": text,
            "level": level,
            "samples": [
                [(origin + bucket * step) // SECOND, count]
                for bucket, count in sorted(counts.items())
            ],
        }
        for (text, level), counts in merged.items()
    ]


def pattern_text(template: str) -> str:
    """Each variable is `<_>`, also what only looks like one: a pattern has no way to say `<b>`.

    >>> pattern_text("GET /cart <NUM><*> in <DUR> <b>")
    'GET /cart <_> in <_> <_>'
    """
    text = _CAPTURE.sub(VARIABLE, PLACEHOLDER.sub(VARIABLE, template))
    return _ADJACENT.sub(VARIABLE, text)
