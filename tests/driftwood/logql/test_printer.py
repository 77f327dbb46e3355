"""What is printed: the canonical form, which parses back, and the layout over several lines."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from driftwood.logql import parse
from driftwood.logql.ast import (
    BinaryOp,
    BinaryOperation,
    Cardinality,
    Expr,
    LogQuery,
    Matcher,
    Matching,
    MatchOp,
    Metric,
    VectorLiteral,
)
from driftwood.logql.check import DEEPEST, depth
from driftwood.logql.prettifier import prettify
from tests.driftwood.logql.strategies import Queries

queries = Queries()


@given(queries.expressions(depth=3))
@settings(max_examples=300, deadline=None)
@example(LogQuery((Matcher("a", MatchOp.EQUAL, '\x00"\\\n\x7f\u2028\U0001f600`'),)))
def test_what_is_printed_parses_to_the_same_query(expr: Expr) -> None:
    assert parse(str(expr)) == expr


@given(queries.expressions(depth=2))
@settings(deadline=None)
def test_the_canonical_form_is_its_own_canonical_form(expr: Expr) -> None:
    assert str(parse(str(expr))) == str(expr)


def _keeps_its_meaning_when_cut(expr: object) -> bool:
    """Loki's layout has neither parentheses around an operation that it cuts nor `on ()`, `by ()` and `without ()`."""
    text = str(expr)
    lost = ("on ()", "by ()", "without ()", "[0s]")
    return not any(words in text for words in lost) and text.count("(vector") == 0


@given(st.one_of(queries.log_queries(), queries.range_aggregations()))
@settings(deadline=None)
def test_a_layout_means_what_it_was_made_of(expr: Expr) -> None:
    if _keeps_its_meaning_when_cut(expr) and "offset" not in str(expr):
        assert parse(prettify(expr)) == expr


@given(queries.expressions())
@settings(deadline=None)
def test_a_layout_breaks_lines_only_where_one_does_not_hold_it(expr: Expr) -> None:
    line = str(expr)
    if len(line.encode()) <= 100:
        assert prettify(expr) == line


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ('{a="b",c!="d"}|="e"', '{a="b", c!="d"} |= "e"'),
        ('{a="b"} |= `x"\\` or "y"', r'{a="b"} |= "x\"\\" or "y"'),
        ('{a="b"} != "x" or "y" or ip("::1")', '{a="b"} != "x" != "y" != ip("::1")'),
        ('{a="b"} | json x, y="z.w"', '{a="b"} | json x="x",y="z.w"'),
        (
            '{a="b"} | LOGFMT --keep-empty --strict',
            '{a="b"} | logfmt --strict --keep-empty',
        ),
        ('{a="b"} | x=1 and y>2s, z<=3KiB or w!="v"',
         '{a="b"} | ( x==1 , ( y>2s , ( z<=3.1kB or w!="v" ) ) )'),
        ('{a="b"} | x=~"1.3"', '{a="b"} | x=~`1.3`'),
        ('{a="b"} | x=~"1|3"', '{a="b"} | x=~`1|3`'),
        ('{a="b"} | x=~"foo"', '{a="b"} | x=~"foo"'),
        ('{a="b"} | x!~"1.3"', '{a="b"} | x!~"1.3"'),
        ('{a="b"} | x=~"`.`"', '{a="b"} | x=~"`.`"'),
        ('{a="b"} | drop x, y=~"z"', '{a="b"} | drop x,y=~"z"'),
        ('{ä="b"}', '{"ä"="b"}'),
        ('rate(({a="b"} |= "c") [90m] offset 1d)', 'rate({a="b"} |= "c"[1h30m] offset 24h0m0s)'),
        ('rate({a="b"}[5m]|="c")', 'rate({a="b"} |= "c"[5m])'),
        (
            'sum_over_time({a="b"} | unwrap duration(x) | y="z" [1w])',
            'sum_over_time({a="b"} | unwrap duration(x) | y="z"[1w])',
        ),
        ('sum(rate({a="b"}[1m])) by (x, y)', 'sum by (x,y)(rate({a="b"}[1m]))'),
        ('sum by () (rate({a="b"}[1m]))', 'sum(rate({a="b"}[1m]))'),
        ('sum without () (rate({a="b"}[1m]))', 'sum without ()(rate({a="b"}[1m]))'),
        ("vector(1) + vector(2) * vector(3)", "(vector(1.000000) + (vector(2.000000) * vector(3.000000)))"),
        ("vector(2) ^ vector(3) ^ vector(4)", "(vector(2.000000) ^ (vector(3.000000) ^ vector(4.000000)))"),
        ("vector(1) - vector(2) - vector(3)", "((vector(1.000000) - vector(2.000000)) - vector(3.000000))"),
        ("-2^2", "4"),
        ("1 / 0", "NaN"),
        ("1e9", "1e+09"),
        ("2 > 1", "1"),
        (
            "vector(1) == bool ignoring(a) group_left(b) vector(1)",
            "(vector(1.000000) == bool ignoring (a) group_left (b) vector(1.000000))",
        ),
        (
            "vector(1) and on() vector(1)",
            "(vector(1.000000) and on ()  vector(1.000000))",
        ),
    ],
)  # fmt: skip
def test_the_canonical_form_is_lokis(written: str, canonical: str) -> None:
    assert str(parse(written)) == canonical


def test_a_cut_query_stands_deeper_part_by_part() -> None:
    query = (
        'sum by (app, level) (quantile_over_time(0.99, {app="shop", env="prod"} |= "took" != "debug" '
        '| logfmt | status >= 500 | unwrap duration(took) | __error__="" [5m] offset 1h))'
        ' / on (app) group_left (team) vector(1)'
    )  # fmt: skip
    assert prettify(parse(query)) == (
        "  sum by (app, level)(\n"
        "    quantile_over_time(\n"
        "      0.99,\n"
        '      {app="shop", env="prod"} |= "took" != "debug" | logfmt | status>=500\n'
        "        | unwrap duration(took)\n"
        '        | __error__="" [5m] offset 1h\n'
        "    )\n"
        "  )\n"
        "/ on (app) group_left (team)\n"
        "  vector(1.000000)"
    )


def test_line_filters_that_follow_each_other_stay_on_a_line_while_they_fit() -> None:
    text = "x" * 60
    assert prettify(parse(f'{{a="b"}} |= "{text}" | json |= "y" |~ "z" | c="{text}"')) == (
        f'{{a="b"}}\n  |= "{text}"\n  | json\n  |= "y" |~ "z"\n  | c="{text}"'
    )
    assert prettify(parse(f'{{a="b"}} |= "{text}" |= "{text}" or "c"')) == (
        f'{{a="b"}}\n  |= "{text}"\n  |= "{text}" or "c"'
    )


def test_a_negative_offset_keeps_its_sign() -> None:
    text = "x" * 90
    assert prettify(parse(f'rate({{a="b"}} |= "{text}" [1m] offset -90s)')) == (
        f'rate(\n  {{a="b"}}\n    |= "{text}" [1m] offset -1m30s\n)'
    )


def test_decolorize_is_never_indented_as_in_loki() -> None:
    text = "x" * 90
    assert prettify(parse(f'rate({{a="b"}} |= "{text}" | decolorize | json [1m])')) == (
        f'rate(\n  {{a="b"}}\n    |= "{text}"\n| decolorize\n    | json [1m]\n)'
    )


def test_the_deepest_query_that_parses_can_be_printed() -> None:
    expr: Metric = VectorLiteral(1)
    while depth(expr) < DEEPEST:
        expr = BinaryOperation(BinaryOp.ADD, VectorLiteral(1), expr)
    assert parse(str(expr)) == expr
    assert prettify(expr)
    assert hash(expr) == hash(parse(str(expr)))


def test_group_left_without_labels_to_match_on_is_lost_as_in_loki() -> None:
    matching = Matching(cardinality=Cardinality.MANY_TO_ONE)
    one = VectorLiteral(1)
    operation = parse("vector(1) + ignoring () group_left vector(1)")
    assert operation == BinaryOperation(BinaryOp.ADD, one, one, matching)
    assert str(operation) == "(vector(1.000000) + vector(1.000000))"
