"""Free words: a name that is new in each line is looked up, not parsed, and its template is what the parser gives."""

from __future__ import annotations

import random
import string

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwood.records import TemplateId
from parsing import PARSERS
from parsing.freewords import SETTLED, blanked
from parsing.params import matches
from parsing.shapes import ShapeCache

# Words that masks or pieces know, and others.
TELLING = (
    "true", "null", "root", "user", "for", "Jan", "Mon", "Marching", "Sundays",
    "KB", "B", "Z", "UTC", "GET", "abc", "add", "x1", "a.b", "7",
)  # fmt: skip
AROUND = st.sampled_from(
    [
        "user {} is in",
        "{}",
        "{} is {}",
        'name="{}", id={}',
        '{{"user":"{}","n":1}}',
        "took 1.5 {} or so",
        "12 {} 2024 10:10:10 x",
        "at 10:10:10 {} came",
        "{} 3 10:10:10 x",
        "GET /a?b={} done",
        "for {} of http://h/?a={} b",
        '"Mozilla/5.0 ({}) like" agent',
        "a={}:b:c",
        "login for {}\nat {}",
        "[{}] (<NUM>) {}: said",
    ]
)


def _lines(around: list[str], seed: int, count: int) -> list[str]:
    rng = random.Random(seed)

    def word() -> str:
        if rng.random() < 0.1:
            return rng.choice(TELLING)
        return "".join(rng.choices(string.ascii_letters, k=rng.randint(3, 7)))

    templates = [rng.choice(around) for _ in range(count)]
    return [each.format(*(word() for _ in range(each.count("{}")))) for each in templates]


@settings(deadline=None, max_examples=40)
@given(st.lists(AROUND, min_size=1, max_size=3), st.integers(0, 1 << 30))
def test_a_class_of_lines_has_the_template_that_the_parser_gives(
    around: list[str], seed: int
) -> None:
    lines = _lines(around, seed, 5 * SETTLED)
    cache, parser = ShapeCache(PARSERS.make("driftwood")), PARSERS.make("driftwood")
    ids = [cache.parse([line])[0] for line in lines]
    alone = parser.parse(lines)
    texts, expected = cache.templates(), parser.templates()
    assert [texts[each] for each in ids] == [expected[each] for each in alone]


@settings(deadline=None, max_examples=20)
@given(st.lists(AROUND, min_size=1, max_size=3), st.integers(0, 1 << 30), st.integers(1, 150))
def test_neither_batches_nor_restarts_matter_to_free_words(
    around: list[str], seed: int, size: int
) -> None:
    lines = _lines(around, seed, 4 * SETTLED)
    whole = ShapeCache(PARSERS.make("driftwood"), 300)
    expected = whole.assign(pa.array(lines))
    state = ShapeCache(PARSERS.make("driftwood"), 300).save()
    rows: list[tuple[int | None, int | None]] = []
    for at in range(0, len(lines), size):
        part = ShapeCache(PARSERS.make("driftwood"), 300)
        part.load(state)
        ids, versions = part.assign(pa.array(lines[at : at + size]))
        rows += zip(ids.to_pylist(), versions.to_pylist(), strict=True)
        state = part.save()
    assert rows == list(zip(*(column.to_pylist() for column in expected), strict=True))
    assert state == whole.save()


@pytest.mark.parametrize("parser", ["driftwood", "drain3"])
def test_a_new_name_in_each_line_costs_no_memory(parser: str) -> None:
    cache = ShapeCache(PARSERS.make(parser))
    names = ["".join(random.Random(n).choices("abcdefgh", k=9)) for n in range(3000)]
    lines = [f"user {name} logged in" for name in names]
    cache.parse(lines[:1000])
    revision, size = cache.revision, len(cache.save())
    ids = cache.parse(lines[1000:])
    assert (cache.revision, len(cache.save())) == (revision, size)
    assert len(set(ids)) == 1
    cache.parse(["user admin logged out", "user admin logged in"])
    texts = {TemplateId(new.id): new.text for new in cache.changes()}
    assert all(matches(line, texts[ids[0]]) for line in lines)


@pytest.mark.parametrize("word", ["true", "null", "root", "January", "UTC", "x1", "a-b", "é", "\1"])
def test_what_masks_or_pieces_tell_apart_is_not_free(word: str) -> None:
    assert blanked(f"at {word} end", {"at", "end"}) is None
