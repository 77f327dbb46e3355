"""Whatever happens to a log while it is followed, and whenever the reader dies: each line once, in order."""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from driftwood.config import Files, Ingest
from ingest.files import FilesSource

EXAMPLES = int(os.environ.get("DRIFTWOOD_ROTATION_EXAMPLES", "60"))
"""More of them find rarer sequences; each takes about 0.1 s."""
INGEST = Ingest(batch_rows=7, multiline=False)


class Log:
    """A log in a folder, a reader that follows it, and what the reader's store holds."""

    def __init__(self, folder: Path, pattern: str = "app.log*") -> None:
        self.folder = folder
        self.path = folder / "app.log"
        self.path.touch()
        self.time = 0.0
        self.written: list[str] = []
        self.stored: list[tuple[str, int, str]] = []
        self.checkpoint: dict[str, str] = {}
        self._files = Files(paths=(str(folder / pattern),))
        self._start()

    def _start(self) -> None:
        self.source = FilesSource(self._files, INGEST, clock=lambda: self.time)
        self.source.open(self.checkpoint)

    def append(self, count: int, width: int = 0) -> None:
        with self.path.open("a") as file:
            for _ in range(count):
                self.written.append(f"line {len(self.written)} {'x' * width}")
                file.write(self.written[-1] + "\n")

    def banner(self, width: int) -> None:
        """The same first lines as in every other file."""
        if not self.path.stat().st_size:
            self.written.append("=" * width)
            self.path.write_text(self.written[-1] + "\n")
            if (
                width > 1000
            ):  # a file that is nothing but the beginning of another counts as its copy
                self.append(1)

    def rotate(self) -> None:
        self._shift()
        self.path.rename(self.folder / "app.log.1")
        self.path.touch()

    def copy_and_truncate(self, look_between: bool = False) -> None:
        self._shift()
        shutil.copy(self.path, self.folder / "app.log.1")
        if look_between:
            self.poll()
        os.truncate(self.path, 0)

    def _shift(self) -> None:
        for number in range(8, 0, -1):
            for packed in ("", ".gz"):
                old = self.folder / f"app.log.{number}{packed}"
                if old.exists():
                    old.rename(self.folder / f"app.log.{number + 1}{packed}")

    def compress(self, look_between: bool = False) -> None:
        for number in (1, 2, 3):
            old = self.folder / f"app.log.{number}"
            if old.exists():
                with gzip.open(f"{old}.gz", "wb") as packed:
                    packed.write(old.read_bytes())
                if look_between:
                    self.poll()
                old.unlink()
                return

    def poll(self, store: bool = True) -> bool:
        """One batch after half a second; False when there was none."""
        self.time += 0.6
        batch = self.source.poll(0.0)
        assert batch is not None
        if store:
            rows = batch.records.to_pylist()
            self.stored += [(row["topic"], row["off"], row["line"]) for row in rows]
            self.checkpoint.update(batch.checkpoint)
        return batch.records.num_rows > 0

    def drain(self) -> None:
        quiet = 0
        while quiet < 25:
            quiet = 0 if self.poll() else quiet + 1

    def kill(self, polled: int = 1) -> None:
        """Batches that were given out and not stored; then a new life."""
        for _ in range(polled):
            self.poll(store=False)
        self.source.close()
        self._start()

    def each_line_once(self) -> None:
        assert Counter(line for _, _, line in self.stored) == Counter(self.written)
        assert len({(topic, off) for topic, off, _ in self.stored}) == len(self.stored)
        offs = defaultdict(list)
        for topic, off, _ in self.stored:
            offs[topic].append(off)
        assert all(each == sorted(each) for each in offs.values())


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log(tmp_path)
    yield log
    log.source.close()


STEPS = st.one_of(
    st.tuples(st.just("append"), st.integers(1, 12), st.sampled_from([0, 0, 300])),
    st.tuples(st.just("banner"), st.sampled_from([20, 2000])),
    st.tuples(st.just("rotate")),
    st.tuples(st.just("copy_and_truncate"), st.booleans()),
    st.tuples(st.just("compress"), st.booleans()),
    st.tuples(st.just("poll")),
    st.tuples(st.just("drain")),
    st.tuples(st.just("kill"), st.integers(0, 2)),
)


@example(
    [("banner", 20), ("poll",), ("copy_and_truncate", False), ("append", 3, 0)]
)  # grew past what was read
@example([("banner", 20), ("rotate",), ("compress", True), ("rotate",)])
@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_rotations_and_kills_neither_lose_nor_double_a_line(
    steps: list[tuple[object, ...]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = Log(Path(folder))
        try:
            for name, *arguments in steps:
                getattr(log, str(name))(*arguments)
            log.drain()
            log.each_line_once()
        finally:
            log.source.close()
