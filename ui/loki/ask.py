"""Questions in LogQL: read, held against the limits of `[query]`, and answered when it is their turn."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Generic, TypeVar

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from driftwood import logql
from driftwood.config import Config
from driftwood.logql.answer import Answer, Limits, Question, Range
from driftwood.logql.ast import Expr, LogQuery, LogRange
from driftwood.logql.gotext import format_duration, format_prometheus_duration
from driftwood.logql.plan import engine
from driftwood.logql.plan.engine import QuerySettings
from driftwood.store.read import Deadline, Readable
from driftwood.store.read_selection import EVERY_LINE, Selection, select
from driftwood.timeparse import SECOND
from ui.api_state import ServerState
from ui.loki.parameters import Bounds
from ui.loki.refusals import Refusal
from ui.loki.turns import Turns

T = TypeVar("T")

NO_INSTANT_LINES = (
    "log queries are not supported as an instant query type, please change your query to a range "
    "query type"
)
ONLY_LINES = "only log selector is supported"
ONLY_MATCHERS = "only label matchers are supported"
EVERYTHING = ("", "{}")
"""What a selector of every stream reads like without its spaces."""


class Desk:
    """Where questions are handed in; one for all of Loki's paths."""

    def __init__(self, server: ServerState) -> None:
        self._server = server
        self._turns = Turns()

    @property
    def config(self) -> Config:
        return self._server.config

    async def answered(self, request: Request, work: Callable[[Readable], T]) -> T:
        """What `work` makes of the store, on a thread, when it is its turn; cancelled when the client goes away.

        Raises Refusal after `query.queue_s`. All its questions together have `server.query_timeout_s`.
        """
        limits = self.config.query
        async with self._turns.turn(limits.max_concurrent, limits.queue_s):
            store = self.store()
            job = _Job(lambda: work(store))
            working = asyncio.ensure_future(run_in_threadpool(job))
            leaving = asyncio.create_task(_gone(request))
            try:
                await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
                if not working.done():
                    job.cancel(store)
                return await working
            finally:
                leaving.cancel()

    def store(self) -> Readable:
        """With the time that one request has, from now on."""
        return Deadline(self._server.store, self.config.server.query_timeout_s)

    def read(self, text: str, *, any_stream: bool = False) -> Expr:
        """The query that `text` is. Raises QueryError, and Refusal where it is too long."""
        most = self.config.query.max_chars
        if len(text) > most:
            raise Refusal(400, f"parse error : input size too long ({len(text)} > {most})")
        return logql.parse(text, any_stream=any_stream)

    def selector(self, text: str, *, any_stream: bool = False) -> LogQuery | None:
        """A query that is a selector and nothing more; None for every stream. Raises QueryError and Refusal."""
        if text.replace(" ", "") in EVERYTHING:
            return None
        return only_matchers(self.read(text, any_stream=any_stream))

    def within_limits(self, expr: Expr, asked: Range) -> None:
        """Raises Refusal for what a range query must not ask for."""
        if isinstance(expr, LogQuery):
            most = self.config.server.max_lines
            if asked.limit > most:
                raise Refusal(
                    400,
                    "max entries limit per query exceeded, limit > max_entries_limit_per_query "
                    f"({asked.limit} > {most})",
                )
        self.short_enough(Bounds(asked.start, asked.end))
        self.narrow_enough(expr)

    def short_enough(self, asked: Bounds) -> None:
        longest = int(self.config.query.max_range_s * SECOND)
        length = asked.end - asked.start
        if longest and length > longest:
            raise Refusal(
                400,
                f"the query time range exceeds the limit (query length: {format_duration(length)}, "
                f"limit: {format_prometheus_duration(longest)})",
            )

    def narrow_enough(self, expr: Expr) -> None:
        widest = int(self.config.query.max_window_s * SECOND)
        if widest and any(part.range > widest for part in ranges(expr)):
            raise Refusal(400, "[interval] value exceeds limit")

    def evaluate(self, store: Readable, expr: Expr, question: Question) -> Answer:
        limits = Limits(self.config.query.max_series, self.config.server.max_lines)
        settings = QuerySettings(limits, self.config.server.query_timeout_s)
        return engine.answer(store, expr, question, settings)


class _Job(Generic[T]):
    """Work on a thread that can be called off while it is under way, and only then."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._thread: int | None = None
        self._lock = threading.Lock()

    def __call__(self) -> T:
        with self._lock:
            self._thread = threading.get_ident()
        try:
            return self._work()
        finally:
            with self._lock:
                self._thread = None

    def cancel(self, store: Readable) -> None:
        with self._lock:  # meanwhile the thread cannot go on to another's work
            store.cancel(-1 if self._thread is None else self._thread)


async def _gone(request: Request) -> None:
    """Returns when the client has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def only_matchers(expr: Expr) -> LogQuery:
    if not isinstance(expr, LogQuery) or expr.stages:
        raise Refusal(400, ONLY_MATCHERS)
    return expr


def selection(store: Readable, query: LogQuery | None) -> Selection:
    return EVERY_LINE if query is None else select(store, query)


def ranges(expr: object) -> Iterator[LogRange]:
    """Every range in a query, wherever it stands."""
    if isinstance(expr, LogRange):
        yield expr
    elif is_dataclass(expr):
        for part in fields(expr):
            yield from ranges(getattr(expr, part.name))


class Stopwatch:
    """How long a query waited and ran, as the `stats` of an answer tell."""

    def __init__(self) -> None:
        self._asked = self._began = time.perf_counter()

    def begin(self) -> None:
        """It is the query's turn."""
        self._began = time.perf_counter()

    def stats(self, entries: int) -> dict[str, dict[str, float]]:
        """`entries`: lines, or points of series."""
        now = time.perf_counter()
        return {
            "summary": {
                "execTime": round(now - self._began, 6),
                "queueTime": round(self._began - self._asked, 6),
                "totalEntriesReturned": entries,
            },
            "querier": {},
            "ingester": {},
        }
