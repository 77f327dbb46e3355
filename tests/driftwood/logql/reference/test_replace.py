from __future__ import annotations

import pytest

from driftwood.errors import QueryError
from driftwood.logql.ast import LabelReplace, VectorLiteral
from driftwood.logql.reference.replace import label_replace
from tests.driftwood.logql.reference.matrices import matrix, shown

ROWS = matrix(("app=web-1 zone=x", "1"), ("app=db", "2"))


def _labels(destination: str, replacement: str, source: str, pattern: str) -> list[str]:
    replace = LabelReplace(VectorLiteral(0), destination, replacement, source, pattern)
    return [labels for labels, _ in shown(label_replace(ROWS, replace))]


def test_groups_by_number_and_name_make_the_new_label() -> None:
    assert _labels("kind", "${1}-$n", "app", "(?P<n>[a-z]+)-[0-9]") == [
        "app=web-1 kind=web-web zone=x",
        "app=db",
    ]


def test_the_whole_value_must_match() -> None:
    assert _labels("kind", "x", "app", "web") == ["app=web-1 zone=x", "app=db"]


def test_an_empty_result_takes_the_label_away() -> None:
    assert _labels("zone", "", "app", ".*") == ["app=web-1", "app=db"]
    assert _labels("app", "$9", "app", ".*") == ["zone=x", ""]


def test_an_absent_source_is_the_empty_text() -> None:
    assert _labels("zone", "none", "zone", "") == ["app=web-1 zone=x", "app=db zone=none"]


def test_a_wrong_expression_is_a_query_error() -> None:
    with pytest.raises(QueryError, match="missing closing"):
        _labels("a", "b", "c", "(")
