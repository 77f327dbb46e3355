from __future__ import annotations

import pytest

from driftwood.logql import parse
from driftwood.logql.ast import Grouping, LogQuery, Metric, RangeAggregation
from driftwood.logql.needs import (
    ALL,
    NOTHING,
    Needs,
    effective,
    log_ranges,
    needs_of,
    sample_grouping,
)


def _ranges(query: str) -> list[tuple[RangeAggregation, Grouping | None]]:
    expr = parse(query)
    assert not isinstance(expr, LogQuery)
    metric: Metric = expr
    return list(log_ranges(metric))


def _needs(query: str) -> Needs:
    ((aggregation, pushed),) = _ranges(query)
    return needs_of(effective(aggregation), pushed)


def _names(*names: str) -> Needs:
    return Needs(frozenset(names))


@pytest.mark.parametrize(
    ("query", "needs"),
    [
        ('sum(count_over_time({a="b"} | json [1m]))', NOTHING),
        ('sum by () (rate({a="b"} | json [1m]))', NOTHING),
        ('sum(bytes_rate({a="b"} | json [1m])) by (x, y)', _names("x", "y")),
        ('sum without () (rate({a="b"} | json [1m]))', ALL),
        ('sum without (x) (rate({a="b"} | json [1m]))', ALL),
        ('rate({a="b"} | json [1m])', ALL),
        ('max(rate({a="b"} | json [1m]))', ALL),
        ('max by (x) (rate({a="b"} | json [1m]))', ALL),
        ('sum by (x) (rate_counter({a="b"} | json | unwrap v [1m]))', ALL),
        ('sum by (x) (sum(rate({a="b"} | json [1m])))', NOTHING),
        ('absent_over_time({a="b"} | json [1m])', NOTHING),
        ('absent_over_time({a="b"} | json | x="1" [1m])', _names("x")),
        ('sum(rate({a="b"} | json [1m]) * 2)', ALL),
        ('sum(label_replace(rate({a="b"} | json [1m]), "x", "", "y", ""))', ALL),
        ('sum(sum_over_time({a="b"} | json | unwrap v [1m]))', _names("v")),
        ('avg_over_time({a="b"} | json | unwrap v [1m]) by (x)', _names("v", "x")),
        ('avg_over_time({a="b"} | json | unwrap v [1m]) by ()', _names("v")),
        ('avg_over_time({a="b"} | json | unwrap v [1m]) without (x)', ALL),
        ('sum by (x) (avg_over_time({a="b"} | json | unwrap v [1m]))', ALL),
        ('sum by (x) (avg_over_time({a="b"} | json | unwrap v [1m]) by (y))', _names("v", "y")),
    ],
)
def test_a_grouping_says_which_labels_can_be_seen(query: str, needs: Needs) -> None:
    assert _needs(query) == needs


@pytest.mark.parametrize(
    ("stages", "names"),
    [
        ('x="1"', ["x"]),
        ("x > 1 or y < 2s and z = ip(`::1`)", ["x", "y", "z"]),
        ('__error__=""', ["__error__"]),
        ('line_format "{{.x}}-{{if .y}}{{.z | lower}}{{end}}" |= "a"', ["x", "y", "z"]),
        ("label_format x=y", ["y"]),
        ('label_format x="{{ or .y .z }}"', ["y", "z"]),
        ("drop x | keep y, z", []),
        ('json x="y.z"', []),
        ("pattern `<x>`", []),
        ('x_extracted="1"', ["x", "x_extracted"]),
    ],
)
def test_filters_and_formats_need_the_labels_that_they_read(stages: str, names: list[str]) -> None:
    expected = _names(*names) if names else NOTHING
    assert _needs(f'sum(rate({{a="b"}} | json | {stages} [1m]))') == expected


def test_filters_behind_unwrap_need_theirs() -> None:
    query = 'sum(sum_over_time({a="b"} | json | unwrap v | x="1" | __error__="" [1m]))'
    assert _needs(query) == _names("v", "x", "__error__")


def test_errors_are_kept_where_they_are_asked_for() -> None:
    assert _needs('sum by (__error__) (rate({a="b"} | json [1m]))').keeps_errors
    assert _needs('sum(rate({a="b"} | json | __error__!="" [1m]))').keeps_errors
    assert not _needs('rate({a="b"} | json | __error__!="" [1m])').keeps_errors
    assert not _needs('sum(rate({a="b"} | json [1m]))').keeps_errors


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ('rate({a="b"}[1m])', None),
        ('sum by (x) (rate({a="b"}[1m]))', Grouping(("x",))),
        ('sum(rate({a="b"}[1m]))', Grouping()),
        ('sum without (x) (rate({a="b"}[1m]))', Grouping(("x",), without=True)),
        ('sum_over_time({a="b"} | unwrap v [1m])', Grouping(("v",), without=True)),
        ('avg_over_time({a="b"} | unwrap v [1m]) without (x)', Grouping(("x", "v"), without=True)),
        ('avg_over_time({a="b"} | unwrap v [1m]) by (v)', Grouping(("v",))),
        ('avg_over_time({a="b"} | unwrap v [1m]) by ()', Grouping()),
        ('sum(sum_over_time({a="b"} | unwrap v [1m]))', Grouping()),
        ('sum without (x) (rate({a="b"} | unwrap v [1m]))', Grouping(("x", "v"), without=True)),
    ],
)
def test_samples_keep_what_their_grouping_leaves(query: str, kept: Grouping | None) -> None:
    ((aggregation, pushed),) = _ranges(query)
    assert sample_grouping(aggregation, pushed) == kept


def test_every_log_range_of_a_query_is_found_from_left_to_right() -> None:
    query = (
        'sum by (x) (rate({a="1"}[1m])) / on (x) (vector(1) + max(count_over_time({a="2"}[1m])))'
        ' > label_replace(bytes_rate({a="3"}[1m]), "p", "q", "r", "s")'
    )
    found = [(a.range.query.matchers[0].value, pushed) for a, pushed in _ranges(query)]
    assert found == [("1", Grouping(("x",))), ("2", None), ("3", None)]


@pytest.mark.parametrize(
    ("stages", "left"),
    [
        ('| line_format "x"', 0),
        ('| line_format "x" | y="1"', 1),
        ('| line_format "x" | json', 2),
        ('| line_format "x" |= "x"', 2),
        ('| line_format "x" | json p="q" | line_format "y"', 2),
        ('| line_format "x" | label_format p=q | decolorize', 2),
    ],
)
def test_a_format_of_lines_that_nobody_reads_is_left_out(stages: str, left: int) -> None:
    ((aggregation, _),) = _ranges(f'rate({{a="b"}} {stages} [1m])')
    assert len(effective(aggregation).range.query.stages) == left
    ((of_bytes, _),) = _ranges(f'bytes_rate({{a="b"}} {stages} [1m])')
    assert effective(of_bytes) == of_bytes
