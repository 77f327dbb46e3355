from __future__ import annotations

from driftwood.logql.ast import Matcher, MatchOp
from driftwood.logql.reference.sources import MemorySource, matches


def _lines(source: MemorySource, start: int = 0, end: int = 100) -> list[str]:
    return [e.line for _, entries in source.select((), start, end) for e in entries]


def test_the_start_is_selected_and_the_end_is_not() -> None:
    source = MemorySource()
    source.add({"a": "b"}, [(1, "one"), (2, "two"), (3, "three")])
    assert _lines(source, 1, 3) == ["one", "two"]


def test_an_entry_that_is_stored_already_is_dropped() -> None:
    source = MemorySource()
    source.add({"a": "b"}, [(1, "one"), (1, "one"), (1, "other"), (1, "one", {"k": "v"})])
    source.add({"a": "b", "empty": ""}, [(1, "one"), (2, "one")])
    source.add({"a": "c"}, [(1, "one")])
    assert _lines(source) == ["one", "other", "one", "one", "one"]


def test_an_absent_label_is_the_empty_text() -> None:
    absent = Matcher("x", MatchOp.EQUAL, "")
    assert matches(absent, {"a": "b"})
    assert not matches(absent, {"x": "1"})
    assert matches(Matcher("x", MatchOp.NOT_MATCHES, ".+"), {"a": "b"})


def test_expressions_match_whole_values_with_their_newlines() -> None:
    assert matches(Matcher("x", MatchOp.MATCHES, "a.*c"), {"x": "a\nc"})
    assert not matches(Matcher("x", MatchOp.MATCHES, "a"), {"x": "ab"})
    assert matches(Matcher("x", MatchOp.NOT_MATCHES, "a|b"), {"x": "ab"})
