"""Loki's tail: a WebSocket that is told of lines as they are stored.

First the newest lines since `start`, then what is stored from now on, in the order of storing, so that a line whose own
time is long ago comes all the same, and once. The store is what is waited in: a client that reads too slowly is behind
by some line ids and costs no memory; what is more than MAX_BEHIND lines is left out and named in `dropped_entries`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from fastapi.concurrency import run_in_threadpool

from driftwood.logql.answer import Entry, Range, Stream, Streams
from driftwood.logql.ast import LogQuery
from driftwood.logql.reference.logs import Found, streams_of
from driftwood.logql.sql import line_condition
from driftwood.logql.stages import Pipeline
from driftwood.store.read import Readable, Row
from driftwood.store.read_selection import select
from driftwood.store.read_tail import LeftOut, arrived
from driftwood.timeparse import SECOND
from ui.loki.answers import CATEGORIZE, by_name, dumped, streams
from ui.loki.ask import ONLY_LINES, Desk
from ui.loki.parameters import LIMIT, Form, bounds, integer, positive
from ui.loki.queries import wants_categories
from ui.loki.refusals import Refusal, plain, refused

logger = logging.getLogger(__name__)

POLL_S = 0.2
MAX_DELAY_S = 5
MAX_BEHIND = 5_000
"""Lines, before the stages of the query, that one look takes up."""
FRAME_LINES = 500
TRY_AGAIN = 1013
"""How a socket is closed when the store cannot be read (RFC 6455, registry of close codes)."""


class Tail:
    """One client's question, and how far it has been told."""

    def __init__(self, desk: Desk, form: Form, categorized: bool) -> None:
        """Raises Refusal and QueryError."""
        query = desk.read(form.first("query"))
        if not isinstance(query, LogQuery):
            raise Refusal(400, ONLY_LINES)
        self.delay_s = _delay(form)
        self._start = bounds(form).start
        self._limit = min(positive(form, "limit", LIMIT), desk.config.server.max_lines)
        self._desk = desk
        self._query = query
        self._searched = _searched(query)
        self._categorized = categorized
        self._pipeline = Pipeline(query.stages)
        self._told = -1
        self._seen: deque[tuple[float, int]] = deque()

    def history(self) -> Iterator[bytes]:
        """Frames of the newest lines since `start`, oldest first."""
        store = self._desk.store()
        self._told = store.next_line_id() - 1
        asked = Range(self._start, max(time.time_ns(), self._start + 1), SECOND, self._limit)
        answer = self._desk.evaluate(store, self._query, asked)
        if isinstance(answer, Streams):
            known = (_known(stream, self._told) for stream in answer.streams)
            yield from self._frames([found for part in known for found in part], [])

    def news(self, now_s: float) -> Iterator[bytes]:
        """Frames of what was stored since, but for the last `delay_s` seconds; `now_s` never goes back."""
        store = self._desk.store()
        newest = store.next_line_id() - 1
        if newest > (self._seen[-1][1] if self._seen else self._told):
            self._seen.append((now_s, newest))
        upto = self._told
        while self._seen and self._seen[0][0] <= now_s - self.delay_s:
            upto = self._seen.popleft()[1]
        if upto == self._told:
            return
        found = arrived(store, select(store, self._searched), self._told, upto, MAX_BEHIND)
        self._told = upto
        yield from self._frames(self._through(store, found.lines), _dropped(store, found.left_out))

    def _through(self, store: Readable, lines: Iterable[Row]) -> list[Found]:
        found = []
        for row in lines:
            labels = store.streams.labels(row["sid"])
            result = self._pipeline.process(row["ts"], row["line"], labels, row["sm"])
            if result is not None:
                final = result.labels
                entry = Entry(
                    row["ts"], result.line, final.structured_metadata, final.parsed, row["line_id"]
                )
                found.append(Found(final.all, final.stream, entry))
        return found

    def _frames(self, found: list[Found], dropped: list[dict[str, object]]) -> Iterator[bytes]:
        ordered = sorted(found, key=lambda one: (one.entry.ts, one.entry.line_id))
        for first in range(0, max(len(ordered), len(dropped[:1])), FRAME_LINES):
            part = ordered[first : first + FRAME_LINES]
            answer = streams_of(part, Range(0, 0, SECOND, len(part), "forward"))
            frame: dict[str, object] = {
                "streams": streams(answer, self._categorized, "forward"),
                "dropped_entries": dropped,
            }
            if self._categorized:
                frame["encodingFlags"] = [CATEGORIZE]
            yield dumped(frame)
            dropped = []


def add_routes(router: APIRouter, desk: Desk) -> None:
    open_tails: set[WebSocket] = set()

    @router.websocket("/loki/api/v1/tail")
    @router.websocket("/api/prom/tail")
    async def tail(socket: WebSocket) -> None:
        try:
            form = Form(parse_qsl(socket.url.query, keep_blank_values=True))
            asked = Tail(desk, form, wants_categories(socket))
            if len(open_tails) >= desk.config.query.max_tails:
                raise _too_many(len(open_tails), desk.config.query.max_tails)
        except Exception as error:
            await socket.send_denial_response(plain(refused(error, socket.url.path)))
            return
        open_tails.add(socket)
        try:
            await socket.accept()
            await _until_either_ends(socket, asked)
        finally:
            open_tails.discard(socket)


async def _until_either_ends(socket: WebSocket, asked: Tail) -> None:
    """The client says nothing that matters, but that it goes away, or that the server ends, is heard so."""
    telling = asyncio.create_task(_tell(socket, asked))
    listening = asyncio.create_task(_listen(socket))
    try:
        await asyncio.wait((telling, listening), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (telling, listening):
            task.cancel()
        await asyncio.gather(telling, listening, return_exceptions=True)


async def _listen(socket: WebSocket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _tell(socket: WebSocket, asked: Tail) -> None:
    try:
        for frame in await run_in_threadpool(lambda: list(asked.history())):
            await socket.send_text(frame.decode())
        while True:
            began = time.monotonic()
            for frame in await run_in_threadpool(lambda: list(asked.news(time.monotonic()))):
                await socket.send_text(frame.decode())
            await asyncio.sleep(max(POLL_S - (time.monotonic() - began), 0.01))
    except WebSocketDisconnect:
        return
    except Exception as error:
        refusal = refused(error, socket.url.path)
        await socket.close(TRY_AGAIN, refusal.text[:100])


def _known(stream: Stream, upto: int) -> Iterator[Found]:
    """What of an answer was stored up to this line id: the rest is told as news."""
    for entry in stream.entries:
        if entry.line_id <= upto:
            yield Found(stream.labels, stream.stream, entry)


def _searched(query: LogQuery) -> LogQuery:
    """As much of a query as the store can search for; the stages go over all that it finds."""
    filters = list(query.stages)
    while line_condition(LogQuery(query.matchers, tuple(filters))) is None:
        filters.pop()
    return LogQuery(query.matchers, tuple(filters))


def _dropped(store: Readable, left_out: Iterable[LeftOut]) -> list[dict[str, object]]:
    return [
        {"labels": by_name(store.streams.labels(one.sid)), "timestamp": str(one.ts)}
        for one in left_out
    ]


def _delay(form: Form) -> float:
    text = form.first("delay_for")
    try:
        delay = integer(text) if text else 0
    except ValueError as error:
        raise Refusal(400, str(error)) from error
    if not 0 <= delay <= MAX_DELAY_S:
        raise Refusal(400, f"delay_for can't be greater than {MAX_DELAY_S}")
    return float(delay)


def _too_many(count: int, most: int) -> Refusal:
    return Refusal(
        429, f"max concurrent tail requests limit exceeded, count > limit ({count + 1} > {most})"
    )
