"""What chunks of lines may hold: never less than they do."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwood.records import Commit
from driftwood.store.grams import CHUNK, Grams, hashes_of
from driftwood.store.store import DuckStore

MakeCommit = Callable[..., Commit]
NOON = 1_700_000_000_000_000_000 // (3600 * 10**9) * 3600 * 10**9

LINES = st.lists(st.text(max_size=30), min_size=1, max_size=8)


@settings(deadline=None)
@given(LINES, st.data())
def test_what_a_line_holds_its_chunk_may_hold(lines: list[str], data: st.DataObject) -> None:
    grams = Grams.unpacked(Grams.of_chunks([pa.array(lines, pa.string())]).packed())
    line = data.draw(st.sampled_from(lines))
    start = data.draw(st.integers(0, len(line)))
    hashes = hashes_of([line[start : data.draw(st.integers(start, len(line)))]])
    if hashes:
        assert grams.rows(((hashes,),)) is None


def test_a_chunk_without_a_text_is_left_out() -> None:
    chunks = [pa.array([f"line {i} of {name}" for i in range(9)]) for name in ("cart", "shop")]
    grams = Grams.of_chunks([*chunks, chunks[0]])
    cart, shop, none = (hashes_of([text]) for text in ("of cart", "of shop", "declined"))
    assert grams.rows(((cart,),)) == [(0, CHUNK - 1), (2 * CHUNK, 3 * CHUNK - 1)]
    assert grams.rows(((shop, none),)) == [(CHUNK, 2 * CHUNK - 1)]
    assert grams.rows(((cart,), (shop,))) == []
    assert grams.rows(((cart, shop),)) is None


def test_bitmaps_are_as_small_as_what_they_hold_allows() -> None:
    few = Grams.of_chunks([pa.array(["all well"] * 100)])
    many = Grams.of_chunks([pa.array([f"{i * 2_654_435_761 % 2**64:016x}" for i in range(CHUNK)])])
    assert few.nbytes == 128
    assert many.nbytes == 8_192


@pytest.mark.parametrize("text", ["", "abc", "é"])
def test_texts_that_are_too_short_have_no_grams(text: str) -> None:
    assert hashes_of([text]) == ()


def test_a_sealed_chunk_that_lacks_a_needle_is_not_read(
    store: DuckStore, make_commit: MakeCommit
) -> None:
    rows = 3 * CHUNK
    lines = ["all is well"] * rows
    lines[rows - 1] = "card declined"
    ts = [NOON + 1 + i for i in range(rows)]
    store.write(make_commit(0, ts, lines=lines))
    store.compact()
    store.write(make_commit(rows, [NOON + rows + 1], lines=["hot rows are always read"]))

    def read(*texts: str) -> int:
        needles = tuple((hashes_of([text]),) for text in texts)
        relation = store.relation(NOON, NOON + 2 * rows, needles=needles)
        found = store.query(f"SELECT count(*) AS n FROM {relation}").to_pylist()
        return int(found[0]["n"])

    assert read("all is well") == rows + 1
    assert read("declined") == CHUNK + 1
    assert read("well", "never seen") == 1


def test_a_segment_without_grams_is_read(store: DuckStore, make_commit: MakeCommit) -> None:
    store.write(make_commit(0, [NOON + 1, NOON + 2]))
    store.compact()
    store.execute(
        "UPDATE segments SET grams = NULL"
    )  # as one that was sealed before there were any
    relation = store.relation(NOON, NOON + 9, needles=((hashes_of(["never seen"]),),))
    assert store.query(f"SELECT * FROM {relation}").num_rows == 2
