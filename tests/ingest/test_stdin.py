"""Standard input as a source."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import BinaryIO

import pytest

from driftwood.config import Ingest
from ingest.stdin import StdinSource

PLAIN = Ingest(multiline=False)


class Pipe:
    """What stands before standard input."""

    def __init__(self) -> None:
        out, self._in = os.pipe()
        self.reader: BinaryIO = os.fdopen(out, "rb")

    def write(self, content: bytes) -> None:
        os.write(self._in, content)

    def close(self) -> None:
        if self._in >= 0:
            os.close(self._in)
            self._in = -1


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.close()
    pipe.reader.close()


def opened(pipe: Pipe, ingest: Ingest = PLAIN) -> StdinSource:
    source = StdinSource(ingest, stream=pipe.reader)
    source.open({})
    return source


def lines_of(source: StdinSource) -> list[str]:
    """Everything until the end."""
    lines: list[str] = []
    while (batch := source.poll(0.1)) is not None:
        lines += [row["line"] for row in batch.records.to_pylist()]
    return lines


def test_lines_are_read_until_the_end(pipe: Pipe) -> None:
    pipe.write(b"one\r\n\ntwo\nlast")
    pipe.close()
    source = opened(pipe)
    assert lines_of(source) == ["one", "two", "last"]
    assert source.status().state == "done"


def test_a_partial_line_waits_for_its_end_or_for_silence(pipe: Pipe) -> None:
    now = [0.0]
    source = StdinSource(PLAIN, stream=pipe.reader, clock=lambda: now[0])
    source.open({})

    def poll() -> list[str]:
        batch = source.poll(0.0)
        assert batch is not None
        return [row["line"] for row in batch.records.to_pylist()]

    pipe.write(b"x" * 2000 + b"\nhal")
    assert poll() == ["x" * 2000]
    now[0] += 0.5
    pipe.write(b"f\nnext")
    assert poll() == ["half"]
    assert poll() == []
    now[0] += 1.1
    assert poll() == ["next"]


def test_a_batch_is_no_larger_than_asked_for_and_offsets_are_bytes(pipe: Pipe) -> None:
    content = "".join(f"ligne é {n}\n" for n in range(1000)).encode()
    pipe.write(content)
    pipe.close()
    source = opened(pipe, Ingest(batch_rows=64, multiline=False))
    rows = []
    while (batch := source.poll(0.1)) is not None:
        assert batch.records.num_rows <= 64
        rows += batch.records.to_pylist()
    assert len(rows) == 1000
    assert all(content[r["off"] :].split(b"\n")[0].decode() == r["line"] for r in rows)


def test_stack_traces_are_joined_across_reads(pipe: Pipe) -> None:
    source = opened(pipe, Ingest())
    trace = b"2024-01-31 10:00:00,000 ERROR boom\njava.io.IOException: x\n\tat a.B.c(B.java:1)\n"
    pipe.write(trace[:50])
    first = source.poll(0.0)
    pipe.write(trace[50:] + b"2024-01-31 10:00:01,000 INFO ok\n")
    pipe.close()
    assert first is not None
    assert first.records.num_rows == 0
    assert lines_of(source) == [trace.decode().rstrip(), "2024-01-31 10:00:01,000 INFO ok"]


def test_invalid_bytes_are_marked(pipe: Pipe) -> None:
    pipe.write(b"good\ncaf\xe9\nfine\n")
    pipe.close()
    source = opened(pipe)
    rows = []
    while (batch := source.poll(0.1)) is not None:
        rows += batch.records.to_pylist()
    assert [row["line"] for row in rows] == ["good", "caf\\xe9", "fine"]
    assert [bool(row["sm"]) for row in rows] == [False, True, False]


def test_a_line_above_the_limit_is_cut(pipe: Pipe) -> None:
    pipe.write(("é" * 3000 + "\nend\n").encode())
    pipe.close()
    lines = lines_of(opened(pipe, Ingest(max_line_bytes=1000, multiline=False)))
    assert "".join(lines) == "é" * 3000 + "end"
    assert max(len(line.encode()) for line in lines) <= 1000


def test_each_run_is_a_topic_of_its_own(pipe: Pipe) -> None:
    topics = set()
    for _ in range(2):
        another = Pipe()
        another.write(b"x\n")
        another.close()
        batch = opened(another).poll(0.1)
        assert batch is not None
        topics |= {row["topic"] for row in batch.records.to_pylist()}
        another.reader.close()
    assert len(topics) == 2


def test_a_poll_returns_when_nothing_comes(pipe: Pipe) -> None:
    source = opened(pipe)
    began = time.monotonic()
    batch = source.poll(0.05)
    assert batch is not None
    assert batch.records.num_rows == 0
    assert time.monotonic() - began < 2.0
