"""What every source keeps, over the whole table: a new one is tested by being there."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pytest

from driftwood.config import Demo, Files, Ingest, Kafka
from driftwood.protocols import Source
from driftwood.records import DEAD_LETTERS, RECORDS
from ingest import SOURCES

# kafka-python leaves sockets unclosed after a refused connection.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
)

STATES = {"starting", "running", "idle", "waiting", "done", "failed"}
START = 1_795_257_312_000_000_000
INGEST = Ingest(batch_rows=50)


class Case(NamedTuple):
    make: Callable[[], Source]
    """A new life of the same source."""
    lines: int
    """How many it gives until it ends; 0 for one whose other side is away."""
    resumes: bool = True
    streams: Sequence[BinaryIO] = ()


def files(folder: Path) -> Case:
    (folder / "logs").mkdir()
    for name in ("a", "b"):
        text = "".join(f"2024-01-31T10:00:{n % 60:02}Z {name} {n}\n" for n in range(300))
        (folder / "logs" / f"{name}.log").write_text(text)
    settings = Files(paths=(str(folder / "logs"),), follow=False)
    return Case(lambda: SOURCES.make("files", settings, INGEST, None), 600)


def stdin(folder: Path) -> Case:
    (folder / "in").write_text("".join(f"line {n}\n" for n in range(300)))
    # A new life reads nothing twice, for it is another run; here: the same bytes under another topic.
    streams: list[BinaryIO] = []

    def make() -> Source:
        streams.append((folder / "in").open("rb"))
        return SOURCES.make("stdin", INGEST, None, stream=streams[-1])

    return Case(make, 300, resumes=False, streams=streams)


def demo(folder: Path) -> Case:
    settings = Demo(history_h=0.1)

    def make() -> Source:
        return SOURCES.make(
            "demo", settings, INGEST, None, data=folder, now=lambda: START, live_until=START
        )

    source = make()
    source.open({})
    return Case(make, len(rows_of(source, {})))


def kafka(folder: Path) -> Case:
    """Nobody answers there; with a broker it is tested in tests/kafka."""
    settings = Kafka(brokers=("127.0.0.1:9",), topics=("logs",))
    return Case(lambda: SOURCES.make("kafka", settings, INGEST, None), 0)


CASES: dict[str, Callable[[Path], Case]] = {
    "files": files,
    "stdin": stdin,
    "demo": demo,
    "kafka": kafka,
}


@pytest.fixture(params=sorted(SOURCES))
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    case = CASES[request.param](tmp_path)
    yield case
    for stream in case.streams:
        stream.close()
    gc.collect()  # what kafka-python leaves unclosed belongs to this test, not to the next


def rows_of(source: Source, checkpoint: dict[str, str], polls: int = 1000) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for _ in range(polls):
        batch = source.poll(0.05)
        if batch is None:
            break
        assert batch.records.schema.equals(RECORDS)
        assert batch.dead.schema.equals(DEAD_LETTERS)
        batch.records.validate(full=True)
        rows += batch.records.to_pylist()
        checkpoint.update(batch.checkpoint)
    return rows


def identity(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["topic"], row["part"], row["off"], row["idx"]


def test_it_gives_all_its_lines_each_with_an_identity_of_its_own_and_then_ends(case: Case) -> None:
    source = case.make()
    source.open({})
    rows = rows_of(source, {}, polls=1000 if case.lines else 2)
    assert len(rows) == case.lines
    assert len({identity(row) for row in rows}) == case.lines
    if case.lines:
        assert source.poll(0.0) is None  # the end stays the end
    source.close()


def test_a_source_killed_between_any_two_batches_gives_each_line_once(case: Case) -> None:
    if not case.resumes or not case.lines:
        pytest.skip("it cannot go back, or its other side is away")
    checkpoint: dict[str, str] = {}
    rows: list[dict[str, Any]] = []
    for _ in range(100):
        source = case.make()
        source.open(checkpoint)
        rows += rows_of(source, checkpoint, polls=2)
        given = source.poll(0.0)  # given out, never stored
        source.close()
        if given is None:
            break
    assert len(rows) == case.lines
    assert set(Counter(identity(row) for row in rows).values()) == {1}


def test_labels_name_the_source_and_the_service(case: Case) -> None:
    source = case.make()
    source.open({})
    for row in rows_of(source, {}, polls=3):
        assert f'"source":"{source.name.removesuffix("s")}"' in row["labels"]
        assert f'"service_name":"{row["service"]}"' in row["labels"]
        assert row["service"]
    source.close()


def test_its_status_can_be_asked_at_any_time(case: Case) -> None:
    source = case.make()
    assert source.name
    assert source.status().state in STATES
    source.open({})
    for _ in range(3):
        status = source.status()
        assert status.state in STATES
        assert status.lag is None or status.lag >= 0
        source.poll(0.05)
        source.committed({})
    source.close()


def test_a_poll_takes_about_as_long_as_it_may(case: Case) -> None:
    source = case.make()
    source.open({})
    began = time.monotonic()
    source.poll(0.05)
    assert time.monotonic() - began < 5.0
    source.close()
