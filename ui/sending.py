"""`driftwood ingest --url`: lines of files, decoded and redacted here, pushed to a running server as any agent would.

A server stores an entry once, so two equal lines at the same time would become one. In a file they are two, and are
sent a nanosecond apart: the same ones on each run, so that a file which is sent again is stored once. (A line without a
time of its own is given that of its reading, and is another one then.)
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, Final

import orjson
import pyarrow.compute as pc

from driftwood.errors import ServerError, ServerUnreachable
from driftwood.meters import Throughput
from driftwood.protocols import Source
from driftwood.records import Records
from ui.client_http import Connection

PATH: Final = "/loki/api/v1/push"
BODY_ROWS: Final = 4_000
BODY_BYTES: Final = 4 * 1024 * 1024
AT_ONCE: Final = 2
PATIENCE_S: Final = 60.0
"""How long a server may be away, or take nothing, before we give up."""
_REMEMBERED: Final = 500_000


class Sender:
    """Reads a source to its end and pushes what it gives. Runs on one thread (`run`), like the pipeline."""

    def __init__(self, source: Source, server: Connection, patience_s: float = PATIENCE_S) -> None:
        self._source = source
        self._server = server
        self._patience_s = patience_s
        self._halt = threading.Event()
        self._apart = Apart()
        self.counts = {"lines": 0, "dead_letters": 0}
        self.throughput = Throughput()
        self.refused = ""
        """The first refusal of single entries; the others of their push were taken."""

    def run(self) -> None:
        """Raises ServerError when the server refuses a push as a whole, ServerUnreachable when it stays away."""
        sent: deque[Future[int]] = deque()
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="send") as pool:
            try:
                self._source.open({})
                while not self._halt.is_set():
                    batch = self._source.poll(0.2)
                    if batch is None:
                        break
                    self.counts["dead_letters"] += batch.dead.num_rows
                    for part in parts(batch.records):
                        ts = self._apart.times(part)
                        sent.append(pool.submit(self._push, part, ts))
                        while len(sent) > AT_ONCE:
                            self._note(sent.popleft().result())
                while sent:
                    self._note(sent.popleft().result())
            finally:
                self._halt.set()
                self._source.close()

    def stop(self) -> None:
        self._halt.set()

    def _note(self, lines: int) -> None:
        self.counts["lines"] += lines
        self.throughput.add(lines)

    def _push(self, part: Records, ts: list[int]) -> int:
        """Send until it is answered; the number of lines."""
        body = push_of(part, ts)
        until = time.monotonic() + self._patience_s
        while True:
            trouble: ServerError | ServerUnreachable
            wait_s = 1.0
            try:
                answer = self._server.send(
                    "POST", PATH, content=body, headers={"Content-Type": "application/json"}
                )
            except ServerUnreachable as error:
                trouble = error
            else:
                if answer.is_success:
                    return part.num_rows
                said = answer.text.strip()
                if answer.status_code == 413 and part.num_rows > 1:
                    half = part.num_rows // 2
                    return self._push(Records(part.slice(0, half)), ts[:half]) + self._push(
                        Records(part.slice(half)), ts[half:]
                    )
                if answer.status_code == 400:  # the entries that are right were taken
                    self.refused = self.refused or said
                    return part.num_rows
                trouble = ServerError(
                    f"{self._server.url} does not take lines: {said or answer.status_code}",
                    answer.status_code,
                )
                if answer.status_code not in (429, 503):
                    raise trouble
                wait_s = float(answer.headers.get("retry-after", "1"))
            if time.monotonic() + wait_s > until or self._halt.wait(wait_s):
                raise trouble


def parts(records: Records) -> Iterator[Records]:
    """`records` in pieces that make bodies of a usual size."""
    table = records.combine_chunks()
    sizes = pc.binary_length(table.column("line")).to_pylist() if table.num_rows else []
    first = size = 0
    for row, length in enumerate(sizes):
        if row > first and (row - first >= BODY_ROWS or size + (length or 0) > BODY_BYTES):
            yield Records(table.slice(first, row - first))
            first, size = row, 0
        size += length or 0
    if first < table.num_rows:
        yield Records(table.slice(first))


def push_of(records: Records, ts: list[int]) -> bytes:
    """The body of a push: Loki's JSON."""
    streams: dict[str, list[list[Any]]] = {}
    columns = (records.column(name).to_pylist() for name in ("labels", "line", "sm"))
    for at, key, line, sm in zip(ts, *columns, strict=True):
        entry = [str(at), line, dict(sm)] if sm else [str(at), line]
        streams.setdefault(key, []).append(entry)
    return orjson.dumps(
        {
            "streams": [
                {"stream": orjson.Fragment(key), "values": values}
                for key, values in streams.items()
            ]
        }
    )


class Apart:
    """Gives equal lines of a stream different times: each further one the next nanosecond that is free."""

    def __init__(self) -> None:
        self._next: dict[int, int] = {}
        """By hash of (stream, time, line): when such a line could come next."""

    def times(self, records: Records) -> list[int]:
        keys: list[Any] = records.column("labels").to_pylist()
        lines: list[Any] = records.column("line").to_pylist()
        given: list[int] = records.column("ts").to_numpy().tolist()
        times = [self._time(*entry) for entry in zip(keys, given, lines, strict=True)]
        if len(self._next) > _REMEMBERED:
            kept = islice(self._next.items(), len(self._next) // 2, None)
            self._next = dict(kept)
        return times

    def _time(self, key: str, ts: int, line: str) -> int:
        first = hash((key, ts, line))
        at = self._next.get(first, ts)
        if at != ts:
            while hash((key, at, line)) in self._next:
                at += 1
            self._next[hash((key, at, line))] = at + 1
        self._next[first] = at + 1
        return at
