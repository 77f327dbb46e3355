"""The shape cache: the same answers however the lines were cut into batches, and each shape parsed once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwood.errors import StoreError
from driftwood.records import Template, TemplateId
from parsing.drain import Drain
from parsing.params import matches, values
from parsing.shapes import MAX_FINE, ShapeCache, shapes
from parsing.tokens import masked


@dataclass
class Counting:
    """Drain that counts the lines it was asked for."""

    drain: Drain = field(default_factory=Drain)
    lines: list[str] = field(default_factory=list)

    def parse(self, lines: Sequence[str]) -> list[TemplateId]:
        self.lines += lines
        return self.drain.parse(lines)

    def templates(self) -> dict[TemplateId, str]:
        return self.drain.templates()

    def changes(self) -> tuple[Template, ...]:
        return self.drain.changes()

    def version(self, template: TemplateId) -> int:
        return self.drain.version(template)

    def save(self) -> bytes:
        return self.drain.save()

    def load(self, state: bytes) -> None:
        self.drain.load(state)


def _assigned(cache: ShapeCache, lines: Sequence[str]) -> list[tuple[int, int]]:
    ids, versions = cache.assign(pa.array(lines, pa.string()))
    return list(zip(ids.to_numpy().tolist(), versions.to_numpy().tolist(), strict=True))


def test_lines_of_one_shape_are_parsed_once() -> None:
    parser = Counting()
    cache = ShapeCache(parser)
    lines = [f"took {n} ms for 10.0.0.{n % 200}" for n in range(1000)]
    first = cache.parse(lines)
    assert len(set(first)) == 1
    assert cache.parse(lines) == first
    assert parser.lines == lines[:1]


def test_lines_of_one_coarse_shape_are_parsed_once_too() -> None:
    parser = Counting()
    cache = ShapeCache(parser)
    cache.parse([f"read /{word}/{word} now" for word in ("ab", "cd", "ef")])
    assert len(parser.lines) == 1


def test_a_coarse_shape_with_many_fine_ones_has_no_more_of_them_remembered() -> None:
    cache = ShapeCache(Drain())
    letters = "abcdefghijklmnopqrstuvwxyz"
    cache.parse([f"read /{a}/{b} now" for a in letters for b in letters])
    revision, size = cache.revision, len(cache.save())
    cache.parse(["read /never/seen now"])
    assert cache.revision == revision
    assert len(cache.save()) == size
    assert len(cache.save()) < len(letters) * len(letters) * 8 + MAX_FINE


def test_lines_before_a_change_keep_the_version_that_was_in_force() -> None:
    cache = ShapeCache(Drain())
    lines = ["user bob is in", "user bob is in", "user amy is in", "user bob is in", "other"]
    cache.parse(["user eve is in"])
    (one, before), _, (same, at), (_, after), _ = _assigned(cache, lines)
    assert one == same
    assert (before, at, after) == (2, 2, 2)
    cache = ShapeCache(Drain())
    assert [version for _, version in _assigned(cache, lines)] == [1, 1, 2, 2, 1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ipv4 is up", "ipv6 is up"),
        ("abc0 is up", "abc12345 is up"),
        ("a 0000 b", "a 0000x b"),
        ("call Oauth2TokenPostHandler", "call Oauth9TokenPostHandler"),
    ],
)
def test_what_the_masks_leave_is_never_taken_for_one_shape(one: str, other: str) -> None:
    assert len({masked(each)[0] for each in (one, other)}) == 2
    cache = ShapeCache(Drain())
    for line in (one, other, one, other):
        (each,) = cache.parse([line])
        assert matches(line, cache.templates()[each])


WORDS = st.sampled_from(
    [
        *"abc",
        "u=x",
        "u=y",
        "7",
        "1234",
        "x1",
        "x12345",
        "10.0.0.1",
        "beef12",
        "<NUM>",
        "0000",
        "/a/b",
        "/c/d",
        " ",
        "\n",
    ]
)
LINES = st.lists(st.lists(WORDS, max_size=5).map(" ".join), max_size=40)
CUTS = st.lists(st.integers(0, 40), max_size=5).map(sorted)


def _batches(lines: list[str], cuts: list[int]) -> list[list[str]]:
    edges = [0, *cuts, len(lines)]
    return [lines[a:b] for a, b in pairwise(edges)]


@settings(deadline=None)
@given(LINES, CUTS, st.integers(1, 12), st.integers(1, 6))
def test_batches_do_not_matter(lines: list[str], cuts: list[int], shapes_: int, size: int) -> None:
    whole, parts = ShapeCache(Drain(size), shapes_), ShapeCache(Drain(size), shapes_)
    expected = _assigned(whole, lines)
    assert [row for batch in _batches(lines, cuts) for row in _assigned(parts, batch)] == expected
    assert parts.changes() == whole.changes()
    assert parts.save() == whole.save()


@settings(deadline=None)
@given(LINES, CUTS, st.integers(1, 12), st.integers(1, 6))
def test_restarts_do_not_matter(lines: list[str], cuts: list[int], shapes_: int, size: int) -> None:
    whole = ShapeCache(Drain(size), shapes_)
    expected = _assigned(whole, lines)
    rows: list[tuple[int, int]] = []
    state = ShapeCache(Drain(size), shapes_).save()
    for batch in _batches(lines, cuts):
        cache = ShapeCache(Drain(size), shapes_)
        cache.load(state)
        rows += _assigned(cache, batch)
        state = cache.save()
    assert rows == expected
    assert state == whole.save()


@settings(deadline=None)
@given(LINES)
def test_an_exact_version_gives_each_of_its_lines_back(lines: list[str]) -> None:
    cache = ShapeCache(Drain())
    rows = _assigned(cache, lines)
    known = {(int(t.id), t.version): t for t in cache.changes()}
    for line, row in zip(lines, rows, strict=True):
        assert not known[row].exact or matches(line, known[row].text)


@settings(deadline=None)
@given(LINES)
def test_a_shape_depends_on_its_line_alone(lines: list[str]) -> None:
    together = shapes(pa.array(lines, pa.string())).to_pylist()
    assert together == [shapes(pa.array([line])).to_pylist()[0] for line in lines]


@pytest.mark.parametrize(
    "lines",
    [
        [""],
        [" ", "\t", "\0\0", "\r"],
        ["\ud800 lone"],
        ["<NUM> <*> <IP>", "5 x 10.0.0.1"],
        [
            "x" * 10_000_000,
            "1 2 " * 2_500_000,
            "{" * 100_000,
            '{"a":' * 10_000 + "1" + "}" * 10_000,
        ],
        ["a\nb\nc", "a\nd"],
        [],
    ],
    ids=["empty", "blank", "surrogate", "placeholders", "long", "several", "none"],
)
def test_odd_lines_get_a_template_in_reasonable_time(lines: list[str]) -> None:
    cache = ShapeCache(Drain())
    began = time.process_time()
    ids = cache.parse(lines)
    assert time.process_time() - began < 5.0
    assert set(ids) <= set(cache.templates())


def test_literal_placeholders_in_a_line_are_values() -> None:
    cache = ShapeCache(Drain())
    one, other = cache.parse(["x <NUM> y", "x 5 y"])
    assert one == other
    assert values("x <NUM> y", cache.templates()[one]) == [("NUM", "<NUM>")]


def test_nulls_and_chunks_are_taken_as_they_come() -> None:
    cache = ShapeCache(Drain())
    chunked = pa.chunked_array([["a 1"], [None, "a 2"], []], pa.string())
    ids, versions = cache.assign(chunked)
    assert len(ids) == len(versions) == 3
    assert (ids.type, versions.type) == (pa.int64(), pa.int32())
    assert ids[0] == ids[2] != ids[1]
    assert cache.templates()[TemplateId(int(ids.to_numpy()[1]))] == ""


def test_ten_thousand_random_words_stay_within_the_limits() -> None:
    cache = ShapeCache(Drain(max_templates=500), max_shapes=2_000)
    began = time.process_time()
    cache.parse([f"start {_letters(n)} {_letters(7 * n)}" for n in range(10_000)])
    assert time.process_time() - began < 10.0
    cache.changes()
    assert len(cache.templates()) <= 500
    assert len(cache.save()) < 200_000


def _letters(n: int) -> str:
    return "".join(chr(ord("g") + int(digit)) for digit in str(n))


def test_a_damaged_state_is_refused_in_words() -> None:
    cache = ShapeCache(Drain())
    cache.parse(["user bob in", "took 5 ms"])
    state = cache.save()
    for damage in (b"", b"nonsense", state[:-1], state + b"x", state[:100], b"\0" + state[1:]):
        with pytest.raises(StoreError, match="cannot be read"):
            ShapeCache(Drain()).load(damage)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2000), st.integers(0, 255))
def test_a_damaged_byte_raises_nothing_but_a_store_error(at: int, byte: int) -> None:
    cache = ShapeCache(Drain())
    cache.parse(["user bob in", "user amy in", "took 5 ms"])
    state = bytearray(cache.save())
    state[at % len(state)] = byte
    fresh = ShapeCache(Drain())
    try:
        fresh.load(bytes(state))
    except StoreError:
        return
    fresh.parse(["user bob in", "and another line"])
