"""Variables found again in a line."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsing.masks import PLACEHOLDER, mask
from parsing.params import matches, spans, values


@pytest.mark.parametrize(
    ("line", "template", "expected"),
    [
        ("took 12 ms for bob", "took <NUM> ms for <*>", ["12", "bob"]),
        ("2024-01-01 10:00:00 up 5", "<TIME> up <NUM>", ["2024-01-01 10:00:00", "5"]),
        ("Jun 14 15:16:01 a b c", "<TIME> <*> <*> c", ["Jun 14 15:16:01", "a", "b"]),
        ('{"user":"","n":1}', '{"user":"<*>","n":<NUM>}', ["", "1"]),
        ("x <NUM> y", "x <NUM> y", ["<NUM>"]),
        ("x <*> y", "x <NUM> y", ["<*>"]),
        ("a=b=c", "a=<*>", ["b=c"]),
        ("Error: bad 7\n\tat x", "Error: bad <NUM><*>", ["7", "\n\tat x"]),
        ("from 10.0.0.1:80 and db", "from <*> and db", ["10.0.0.1:80"]),
        ("in in in", "<*> in <*>", ["in", "in"]),
        ("nothing here", "nothing here", []),
        ("something else", "took <NUM> ms", []),
        ("", "took <NUM> ms", []),
        ("ab", "abc<*>bc", []),
    ],
)
def test_values_stand_between_the_constants(line: str, template: str, expected: list[str]) -> None:
    assert [text for _, text in values(line, template)] == expected


def test_other_whitespace_than_the_template_has_does_not_hide_the_values() -> None:
    line, template = "  12   jobs\tfor  bob ", "<NUM> jobs for <*>"
    assert not matches(line, template)
    assert [line[a:b].strip() for a, b in spans(line, template)] == ["12", "bob"]


def test_kinds_come_with_the_values() -> None:
    assert values("GET /a/b 200", "GET <PATH> <NUM>") == [("PATH", "/a/b"), ("NUM", "200")]


TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from([*"ab1 0.:=/-\n\"'é", "<NUM>", "<*>", "10.0.0.1", "5ms", "true"]),
        max_size=25,
    ).map("".join),
)


@given(TEXTS)
def test_a_line_matches_its_own_mask_and_comes_back_from_it(line: str) -> None:
    template = mask(line)
    assert matches(line, template)
    found = spans(line, template)
    assert len(found) == len(PLACEHOLDER.findall(template))
    texts = iter(line[a:b] for a, b in found)
    assert PLACEHOLDER.sub(lambda _: next(texts), template) == line


@given(TEXTS, TEXTS)
def test_spans_lie_in_the_line_and_in_order(line: str, template: str) -> None:
    found = spans(line, template)
    edges = [edge for span in found for edge in span]
    assert edges == sorted(edges)
    assert all(0 <= edge <= len(line) for edge in edges)


@given(TEXTS, TEXTS)
def test_matching_is_what_a_regular_expression_says(line: str, template: str) -> None:
    constants = PLACEHOLDER.split(template)
    pattern = "(?s:.*)".join(map(re.escape, constants))
    assert matches(line, template) == bool(re.fullmatch(pattern, line))


@pytest.mark.parametrize(
    "template", ["<NUM> a <*> b <*> c", "<*>" * 50 + "x", "<URL> <PATH> <TIME><*>", "a <*>" * 100]
)
def test_a_line_of_ten_megabytes_is_walked_once(template: str) -> None:
    for line in ("a " * 5_000_000, "1" * 10_000_000):
        began = time.process_time()
        spans(line, template)
        assert time.process_time() - began < 3.0
