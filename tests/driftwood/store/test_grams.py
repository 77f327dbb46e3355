"""What chunks of lines may hold: never less than they do."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwood.store.grams import CHUNK, Grams, hashes_of

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
