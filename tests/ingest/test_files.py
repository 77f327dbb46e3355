"""Files as a source: what is read of them, and what is not."""

from __future__ import annotations

import bz2
import gzip
import json
import logging
import lzma
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from driftwood.config import Files, Ingest
from driftwood.errors import ConfigError, SourceError
from driftwood.protocols import SourceStatus
from ingest.files import FilesSource
from ingest.files_paths import family
from ingest.files_text import UTF8, split

LINES = [f"line {n}" for n in range(5000)]
TEXT = "".join(line + "\n" for line in LINES).encode()
PLAIN = Ingest(multiline=False)


class Reader:
    """Reads what there is now, and keeps what a store would."""

    def __init__(self, *paths: Path | str, ingest: Ingest = PLAIN, follow: bool = False) -> None:
        self.files = Files(paths=tuple(str(path) for path in paths), follow=follow)
        self.ingest = ingest
        self.time = 0.0
        self.rows: list[dict[str, Any]] = []
        self.checkpoint: dict[str, str] = {}
        self.status = SourceStatus("files", "")

    def read(self, until_quiet_s: float = 3.0) -> list[str]:
        """One life of the source; the lines that it gave, each row with its labels as a dictionary."""
        source = FilesSource(self.files, self.ingest, clock=lambda: self.time)
        source.open(self.checkpoint)
        before, quiet = len(self.rows), 0.0
        while quiet < until_quiet_s and (batch := source.poll(0.0)) is not None:
            self.rows += batch.records.to_pylist()
            self.checkpoint.update(batch.checkpoint)
            quiet = 0.0 if batch.records.num_rows else quiet + 0.3
            self.time += 0.3
        self.status, self.progress = source.status(), source.progress()
        source.close()
        return [row["line"] for row in self.rows[before:]]

    def labels(self) -> list[dict[str, str]]:
        return [json.loads(row["labels"]) for row in self.rows]


def test_lines_are_read_once_and_a_second_run_finds_only_what_was_appended(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(TEXT)
    reader = Reader(log)
    assert reader.read() == LINES
    assert reader.read() == []
    with log.open("a") as file:
        file.write("more\n")
    assert reader.read() == ["more"]
    assert reader.status.state == "done"


def test_the_offset_is_the_byte_where_the_line_starts(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes("ä\r\n\r\n\nbcd\n\x00e\nf".encode())
    reader = Reader(log)
    assert reader.read() == ["ä", "bcd", "\x00e", "f"]
    content = log.read_bytes()
    assert [content[row["off"] :].split(b"\n")[0].decode().strip("\r") for row in reader.rows] == [
        "ä", "bcd", "\x00e", "f",
    ]  # fmt: skip
    assert "2 empty lines left out" in reader.status.detail


@given(st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"")), max_size=20))
def test_splitting_keeps_every_line_of_bytes(lines: list[bytes]) -> None:
    raw = b"".join(line + b"\n" for line in lines)
    found = split(b"." + raw, 7, UTF8)
    starts = [7, *(8 + i + 1 for i, byte in enumerate(raw) if byte == 10)]
    assert set(found.offs) <= set(starts)
    assert len(found.texts) == len(found.offs)
    assert len(found.texts) + found.empty == len(lines) or not lines


def test_labels_are_the_absolute_path_and_the_stem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "orders.log.1").write_text("hello there\n")
    monkeypatch.chdir(tmp_path)
    reader = Reader("orders.log*")
    reader.read()
    assert reader.labels() == [
        {
            "source": "file",
            "filename": str(tmp_path / "orders.log.1"),
            "service_name": "orders",
        }
    ]


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [
        ("gz", gzip.compress),
        ("bz2", bz2.compress),
        ("xz", lzma.compress),
        ("zst", zstandard.ZstdCompressor().compress),
        ("gz", lambda raw: gzip.compress(raw[:999]) + gzip.compress(raw[999:])),  # two members
        ("log", gzip.compress),  # whatever it is called
    ],
)
def test_compressed_files_are_unpacked_and_resumed(
    tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    (tmp_path / f"app.log.{suffix}").write_bytes(pack(TEXT))
    ingest = Ingest(batch_rows=700, multiline=False)
    source = FilesSource(Files(paths=(str(tmp_path),), follow=False), ingest)
    source.open({})
    reader = Reader(tmp_path, ingest=ingest)
    for _ in range(3):  # killed after three batches
        batch = source.poll(0.0)
        assert batch is not None
        reader.rows += batch.records.to_pylist()
        reader.checkpoint.update(batch.checkpoint)
    source.close()
    reader.read()
    assert [row["line"] for row in reader.rows] == LINES
    assert all(TEXT[row["off"] :].startswith(row["line"].encode()) for row in reader.rows)
    assert reader.read() == []


def test_a_damaged_archive_gives_what_can_be_read_and_says_so(tmp_path: Path) -> None:
    packed = gzip.compress(TEXT)
    (tmp_path / "cut.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "good.log").write_text("fine\n")
    reader = Reader(tmp_path)
    lines = reader.read()
    assert "fine" in lines
    assert len(lines) > 100
    assert "gzip data ends early" in reader.status.detail


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_windows_logs_are_decoded(tmp_path: Path, codec: str) -> None:
    lines = [
        f"Zeile {n} mit Ümlaut Ċ 😀" for n in range(2000)
    ]  # U+010A holds a byte like a newline
    (tmp_path / "app.log").write_bytes("".join(f"{line}\r\n" for line in lines).encode(codec))
    reader = Reader(tmp_path, ingest=Ingest(batch_rows=300, multiline=False))
    assert reader.read() == lines


def test_invalid_bytes_are_escaped_and_marked(tmp_path: Path) -> None:
    (tmp_path / "app.log").write_bytes(b"good\ncaf\xe9\n\xff\ngood too\n")
    reader = Reader(tmp_path)
    assert reader.read() == ["good", "caf\\xe9", "\\xff", "good too"]
    marked = [dict(row["sm"]).get("decode_error") for row in reader.rows]
    assert marked == [None, "invalid UTF-8 at byte 3", "invalid UTF-8 at byte 0", None]


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("ls", b"\x7fELF\x02\x01" + bytes(500), "an ELF program"),
        ("logo.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, "a PNG image"),
        ("wtmp", b"\x07\x00\x00\x00pts/0" + bytes(range(30)) * 30, "binary"),
    ],
)
def test_binary_files_are_left_out_with_a_reason(
    tmp_path: Path, name: str, content: bytes, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "app.log").write_text("fine\n")
    reader = Reader(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert reader.read() == ["fine"]
    assert f"{name} holds no text: {what}" in reader.status.detail
    assert len(caplog.records) == 1


def test_a_text_with_some_nul_bytes_is_text(tmp_path: Path) -> None:
    (tmp_path / "app.log").write_bytes(bytes(5000) + b"after a hole\n" + b"in\x00side\n")
    assert Reader(tmp_path).read() == ["after a hole", "in\x00side"]


def test_a_line_of_ten_megabytes_is_one_record(tmp_path: Path) -> None:
    long = "é" * 5_000_000
    (tmp_path / "app.log").write_text(f"before\n{long}\nafter\n", "utf-8")
    assert Reader(tmp_path).read() == ["before", long, "after"]


def test_a_line_above_the_limit_goes_on_as_lines_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text("é" * 5000 + "\nshort\n", "utf-8")
    lines = Reader(tmp_path, ingest=Ingest(max_line_bytes=999, multiline=False)).read()
    assert "".join(lines) == "é" * 5000 + "short"
    assert max(len(line.encode()) for line in lines) <= 999
    assert lines[-1] == "short"


def test_a_stack_trace_is_one_record_however_it_is_cut_into_batches(tmp_path: Path) -> None:
    trace = "2024-01-31 10:00:00,000 ERROR boom\njava.io.IOException: x\n\tat a.B.c(B.java:1)\n\tat a.B.d(B.java:2)"
    (tmp_path / "app.log").write_text(f"{trace}\n2024-01-31 10:00:01,000 INFO ok\n" * 50)
    for rows in (1, 7, 1000):
        reader = Reader(tmp_path, ingest=Ingest(batch_rows=rows))
        assert reader.read() == [trace, "2024-01-31 10:00:01,000 INFO ok"] * 50


def test_a_last_line_without_newline_waits_for_a_second_of_silence(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("whole\nhal")
    reader = Reader(log, follow=True)
    source = FilesSource(reader.files, PLAIN, clock=lambda: reader.time)
    source.open({})

    def poll() -> list[str | None]:
        reader.time += 0.6
        batch = source.poll(0.0)
        assert batch is not None
        lines: list[str | None] = batch.records.column("line").to_pylist()
        return lines

    assert poll() == ["whole"]
    with log.open("a") as file:
        file.write("f of it")
    assert poll() == []
    with log.open("a") as file:
        file.write(", and the rest\nnext")
    assert poll() == ["half of it, and the rest"]
    assert poll() == []
    assert poll() == ["next"]
    with log.open("a") as file:
        file.write(" goes on\n")
    assert poll() == [" goes on"]
    source.close()


def test_following_finds_new_files_and_says_what_it_waits_for(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "*.log", follow=True)
    assert reader.read() == []
    assert reader.status.state == "waiting"
    assert f"nothing matches {tmp_path / '*.log'} yet" in reader.status.detail
    (tmp_path / "new.log").write_text("hello\n")
    assert reader.read() == ["hello"]
    assert reader.status.state == "idle"
    assert reader.status.lag == 0


def test_a_file_that_is_renamed_out_of_sight_is_read_to_its_end(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("one\n")
    time = [0.0]
    source = FilesSource(Files(paths=(str(log),)), PLAIN, clock=lambda: time[0])
    source.open({})
    lines: list[str | None] = []

    def poll() -> None:
        time[0] += 0.6
        batch = source.poll(0.0)
        assert batch is not None
        lines.extend(batch.records.column("line").to_pylist())

    poll()
    with log.open("a") as writer:
        writer.write("two\n")
        writer.flush()
        log.rename(tmp_path / "old")
        log.write_text("three\n")
        poll()
        writer.write("late\n")  # the writer has not noticed yet
    for _ in range(20):
        poll()
    source.close()
    assert sorted(str(line) for line in lines) == ["late", "one", "three", "two"]


def test_a_glob_that_matches_nothing_is_an_error_when_not_following(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no file matches .*absent"):
        Reader(tmp_path / "absent*.log").read()


def test_no_paths_at_all_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="no paths"):
        Reader().read()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "secret.log").write_text("x\n")
    (tmp_path / "secret.log").chmod(0)
    (tmp_path / "open.log").write_text("fine\n")
    reader = Reader(tmp_path)
    assert reader.read() == ["fine"]
    assert "secret.log cannot be opened" in reader.status.detail


def test_pipes_and_hidden_files_are_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / ".hidden").write_text("no\n")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "app.log").write_text("yes\n")
    assert Reader(tmp_path).read() == ["yes"]
    assert Reader(tmp_path / "**" / "*.log").read() == ["yes"]


def test_two_names_of_one_file_are_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("once\n")
    (tmp_path / "b.log").symlink_to(tmp_path / "a.log")
    os.link(tmp_path / "a.log", tmp_path / "c.log")
    assert Reader(tmp_path).read() == ["once"]


def test_thousands_of_files_are_read_in_turns_with_few_of_them_open(tmp_path: Path) -> None:
    for n in range(1500):
        (tmp_path / f"app{n}x.log").write_text(f"a {n}\nb {n}\n")
    reader = Reader(tmp_path, follow=True, ingest=Ingest(batch_rows=400, multiline=False))
    before = len(os.listdir("/proc/self/fd"))
    source = FilesSource(reader.files, reader.ingest)
    source.open({})
    lines: Counter[str] = Counter()
    while sum(lines.values()) < 3000:
        batch = source.poll(0.0)
        assert batch is not None
        lines.update(str(line) for line in batch.records.column("line").to_pylist())
        assert len(os.listdir("/proc/self/fd")) - before <= 270
    source.close()
    assert set(lines.values()) == {1}
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_big_file_does_not_starve_a_small_one(tmp_path: Path) -> None:
    (tmp_path / "big.log").write_bytes(TEXT * 20)
    (tmp_path / "small.log").write_text("here\n")
    source = FilesSource(
        Files(paths=(str(tmp_path),), follow=False), Ingest(batch_rows=10_000, multiline=False)
    )
    source.open({})
    seen = 0
    while (batch := source.poll(0.0)) is not None:
        seen += batch.records.num_rows
        if "here" in batch.records.column("line").to_pylist():
            break
    source.close()
    assert seen <= 30_000


def test_progress_counts_bytes_up_to_the_total(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(TEXT)
    (tmp_path / "b.log.gz").write_bytes(gzip.compress(TEXT))
    reader = Reader(tmp_path)
    reader.read()
    total = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert reader.progress == (total, total)


def test_files_long_gone_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.log").write_text("one\n")
    reader = Reader(tmp_path, follow=True)
    reader.read()
    (tmp_path / "a.log").unlink()
    monkeypatch.setattr("ingest.files_known.FORGET_S", -10)
    reader.read()
    assert list(reader.checkpoint.values()) == [""]
    (tmp_path / "a.log").write_text("one\n")
    assert reader.read() == ["one"]


@pytest.mark.parametrize(
    ("path", "log"),
    [
        ("/l/app.log.10", "/l/app.log"),
        ("/l/app.log-20240131.gz", "/l/app.log"),
        ("/l/app.log.2024-01-31T10.zst", "/l/app.log"),
        ("/l/app-2024-01-31.log", "/l/app.log"),
        ("/l/messages.old", "/l/messages"),
        ("/l/container_1445_01_000001.log", "/l/container_1445_01_000001.log"),
        ("/l/v1.2", "/l/v1"),
    ],
)
def test_rotations_belong_to_their_log(path: str, log: str) -> None:
    assert family(path) == log


def test_real_logs_are_read_line_by_line(shared: Path) -> None:
    folder = shared / "data" / "loghub_2k"
    reader = Reader(folder / "**" / "*_2k.log")
    texts = [path.read_text("utf-8", "replace") for path in sorted(folder.rglob("*_2k.log"))]
    assert len(reader.read()) == sum(
        sum(map(bool, t.replace("\r\n", "\n").split("\n"))) for t in texts
    )
    assert len({row["topic"] for row in reader.rows}) == len(texts)
