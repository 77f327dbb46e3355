from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.decode import Decoder
from ingest.multiline import MAX_CHARS, MAX_LINES, Stitcher

JAVA = """\
2024-06-14 15:16:01,123 ERROR [main] com.example.Shop - payment failed
java.lang.IllegalStateException: no card
\tat com.example.Shop.pay(Shop.java:12)
\tat com.example.Shop.main(Shop.java:7)
Caused by: java.sql.SQLException: gone
\t... 12 more"""
PYTHON = """\
2024-06-14 15:16:01,123 ERROR shop: payment failed
Traceback (most recent call last):
  File "shop.py", line 12, in pay
    charge(card)
KeyError: 'card'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "shop.py", line 14, in pay
    raise PaymentFailed from error
shop.PaymentFailed: no card"""
GO = """\
2024/06/14 15:16:01 http: panic serving 203.0.113.9:4711: boom
goroutine 7 [running]:
\t/usr/local/go/src/net/http/server.go:1883 +0x1"""
NEXT = "2024-06-14 15:16:02,000 INFO [main] com.example.Shop - next"


def stitched(*lines: str) -> list[str]:
    stitcher = Stitcher()
    early, _ = stitcher.feed(lines, range(len(lines)))
    late, _ = stitcher.flush()
    return early + late


@pytest.mark.parametrize("trace", [JAVA, PYTHON, GO])
def test_a_stack_trace_belongs_to_the_record_above_it(trace: str) -> None:
    assert stitched(*trace.split("\n"), NEXT, NEXT) == [trace, NEXT, NEXT]


def test_a_log_without_headers_is_never_stitched() -> None:
    lines = [
        "a poem",
        "  with an indented line",
        "Traceback (most recent call last):",
        "  x",
        "",
        "y",
    ]
    assert stitched(*lines) == lines


def test_the_line_after_a_traceback_is_a_record_again() -> None:
    lines = [NEXT, "Traceback (most recent call last):", "  File x", "ValueError: y", "plain words"]
    assert stitched(*lines) == ["\n".join(lines[:4]), "plain words"]


def test_an_indented_line_with_a_header_of_its_own_is_a_record() -> None:
    assert stitched(NEXT, "   " + NEXT) == [NEXT, "   " + NEXT]


def test_nothing_is_joined_to_a_json_object() -> None:
    assert stitched('{"level":"error"}', "  at x(y)") == ['{"level":"error"}', "  at x(y)"]


def test_an_empty_line_alone_is_a_record_and_within_a_trace_a_part_of_it() -> None:
    assert stitched(NEXT, "", NEXT) == [NEXT, "", NEXT]
    assert stitched(NEXT, "  x", "", "  y") == [f"{NEXT}\n  x\n\n  y"]


def test_the_last_record_is_held_back_and_its_start_is_told() -> None:
    stitcher = Stitcher()
    assert stitcher.pending_since_off() is None
    assert stitcher.feed([NEXT, NEXT], [0, 60]) == ([NEXT], [0])
    assert stitcher.pending_since_off() == 60
    assert stitcher.feed(["\tat a.b(c)"], [120]) == ([], [])
    assert stitcher.pending_since_off() == 60
    assert stitcher.flush() == ([f"{NEXT}\n\tat a.b(c)"], [60])
    assert stitcher.pending_since_off() is None


def test_a_record_is_bounded_in_lines_and_in_size() -> None:
    many = stitched(NEXT, *["  x"] * (2 * MAX_LINES))
    assert [text.count("\n") + 1 for text in many] == [MAX_LINES, MAX_LINES, 1]
    big = "  " + "x" * (MAX_CHARS // 2)
    assert [text.count("\n") + 1 for text in stitched(NEXT, big, big, big)] == [2, 1, 1]


def cri(stream: str, flag: str, body: str) -> str:
    return f"2024-06-14T15:16:01.123456789Z {stream} {flag} {body}"


def test_the_parts_of_a_cut_line_are_joined_within_their_stream() -> None:
    assert stitched(
        cri("stdout", "P", "one "),
        cri("stderr", "F", "other"),
        cri("stdout", "P", "two "),
        cri("stdout", "F", "three"),
        cri("stdout", "F", "next"),
    ) == [
        cri("stdout", "F", "one two three"),
        cri("stderr", "F", "other"),
        cri("stdout", "F", "next"),
    ]


def test_traces_in_the_kubelets_files_are_joined_without_their_prefixes() -> None:
    (text,) = stitched(*(cri("stderr", "F", line) for line in JAVA.split("\n")))
    assert text == cri("stderr", "F", JAVA)
    (row,) = Decoder("t", {}).lines([text], [0], topic="t", part=0, labels={}).to_pylist()
    assert row["line"] == JAVA


def test_records_leave_in_the_order_of_their_offsets_though_streams_are_mixed() -> None:
    stitcher = Stitcher()
    held = cri("stdout", "P", "never ended")
    assert stitcher.feed([held, *[cri("stderr", "F", "x")] * 9], range(10)) == ([], [])
    assert stitcher.pending_since_off() == 0
    # However long one stream stays silent, the other is given out in the end.
    _, offs = stitcher.feed([cri("stderr", "F", "x")] * 2_000, range(10, 2_010))
    assert offs == list(range(len(offs)))
    assert len(offs) > 1_000


LINES = st.sampled_from(
    [
        NEXT,
        "plain",
        "",
        " ",
        "\tat a.b(c)",
        "Caused by: x",
        "Traceback (most recent call last):",
        "ValueError: y",
        '{"a":1}',
        cri("stdout", "P", "a"),
        cri("stdout", "F", NEXT),
        cri("stdout", "F", "  at b"),
        cri("stderr", "F", "b"),
    ]
)


@given(st.lists(LINES, max_size=30), st.data())
def test_cutting_the_lines_into_batches_differently_gives_the_same_records(
    lines: list[str], data: st.DataObject
) -> None:
    stitcher = Stitcher()
    records: list[tuple[int, str]] = []
    at = 0
    while at < len(lines):
        end = data.draw(st.integers(at + 1, len(lines)))
        texts, offs = stitcher.feed(lines[at:end], range(at, end))
        records += zip(offs, texts, strict=True)
        pending = stitcher.pending_since_off()
        assert pending is not None
        assert all(off < pending for off, _ in records)
        at = end
    texts, offs = stitcher.flush()
    records += zip(offs, texts, strict=True)
    assert [text for _, text in records] == stitched(*lines)
    assert [off for off, _ in records] == sorted({off for off, _ in records})


@given(st.lists(LINES, max_size=30), st.integers(0, 29))
def test_stitching_can_go_on_from_where_it_was_held_back(lines: list[str], cut: int) -> None:
    first, second = Stitcher(), Stitcher()
    texts, _ = first.feed(lines[:cut], range(len(lines[:cut])))
    pending = first.pending_since_off()
    start = len(lines[:cut]) if pending is None else pending
    more, _ = second.feed(lines[start:], range(start, len(lines)))
    assert texts + more + second.flush()[0] == stitched(*lines)


@given(st.lists(LINES | st.text(max_size=10), max_size=20))
def test_no_text_is_lost(lines: list[str]) -> None:
    plain = [line for line in lines if " std" not in line]
    assert "\n".join(stitched(*plain)) == "\n".join(plain)


def test_real_stack_traces_are_joined(shared: Path) -> None:
    with tarfile.open(shared / "data/detection/lo2/lo2_log_data.tar.xz") as archive:
        member = next(m for m in archive if m.name.endswith("client-1.log"))
        content = archive.extractfile(member)
        assert content
        lines = content.read().decode().splitlines()
    first = next(
        n for n, line in enumerate(lines) if line[:1].isdigit()
    )  # it starts within a trace
    records = stitched(*lines[first:])
    assert len(records) < len(lines) - 2_000
    assert not [record for record in records if record.startswith("\tat ")]
