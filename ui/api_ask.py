"""What most requests say: which query, which span of time, how much."""

from __future__ import annotations

import time
from difflib import get_close_matches
from typing import Annotated

from fastapi import Query, Request

from driftwood.errors import QueryError
from driftwood.store.read import Deadline, Readable, Span, extent
from driftwood.store.read_selection import Selection, select
from driftwood.store.schema import HOUR
from driftwood.timeparse import parse_time
from ui.api_answer import Refused
from ui.api_pipeline import read
from ui.api_state import ServerState

MAX_QUERY = 16_384
"""Characters of a query."""

QueryText = Annotated[
    str,
    Query(
        max_length=MAX_QUERY,
        description='LogQL: `{service_name="api", level!="debug"} |= "timeout" !~ "re"`; empty means every line.',
    ),
]
Start = Annotated[
    str | None,
    Query(
        description="RFC 3339, epoch (s, ms, us or ns by size) or relative to now (`-1h`). Default: an hour before "
        "`end`."
    ),
]
End = Annotated[
    str | None,
    Query(description="As `start`, and not included. Default: just after the newest line."),
]
Limit = Annotated[int, Query(ge=1, description="At most this many.")]


async def known_parameters(request: Request) -> None:  # async: not worth a thread
    """A parameter that the endpoint does not know is an error: a typo must not become a default."""
    known = [p.alias for p in request.scope["route"].dependant.query_params]
    for name in request.query_params:
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.5)
            hint = (
                f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(known) or 'none'}"
            )
            raise Refused(400, f"{request.url.path} has no parameter {name!r}; {hint}")


def asked(server: ServerState) -> Deadline:
    """The store for one request: all its questions together have `server.query_timeout_s`."""
    return Deadline(server.store, server.config.server.query_timeout_s)


def selected(store: Readable, query: str) -> Selection:
    """Of a query that has line filters only. Raises QueryError."""
    return select(store, read(query))


def span(store: Readable, start: str | None, end: str | None) -> Span:
    """The span that `start` and `end` mean; without both the last hour of the newest data."""
    now = time.time_ns()
    first, last = moment("start", start, now), moment("end", end, now)
    if last is None:
        stored = extent(store)
        last = now if stored is None else stored.recent + 1
        if first is not None and first >= last:  # nothing that late is stored: up to now
            last = max(now, first + 1)
    if first is None:
        first = last - HOUR
    if first >= last:
        raise Refused(400, f"start ({start}) does not lie before end ({end}): swap them")
    return Span(first, last)


def span_if_any(store: Readable, start: str | None, end: str | None) -> Span | None:
    """None where neither is given: everything."""
    return None if start is None and end is None else span(store, start, end)


def moment(name: str, text: str | None, now: int) -> int | None:
    try:
        return None if text is None else parse_time(text, now)
    except QueryError as error:
        raise QueryError(f"{name}: {error.message}", error.query, error.at) from error


def within(limit: int, most: int) -> int:
    if limit > most:
        raise Refused(400, f"limit={limit} is more than the {most} that one request may ask for")
    return limit


def number(name: str, text: str) -> int:
    """An id that came as text. Raises Refused."""
    if not text.isascii() or not text.removeprefix("-").isdigit() or len(text) > 19:
        raise Refused(400, f"{name}: {text!r} is not an id; ids are whole numbers")
    return int(text)
