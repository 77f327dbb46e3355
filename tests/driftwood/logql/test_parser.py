"""What parses, to which tree, and what a refusal says."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from driftwood.errors import QueryError
from driftwood.logql import parse
from driftwood.logql.ast import (
    And,
    Assignment,
    BinaryOp,
    BinaryOperation,
    BytesFilter,
    Cardinality,
    CompareOp,
    Conversion,
    Decolorize,
    DropLabels,
    DurationFilter,
    Expr,
    Extraction,
    FilterOp,
    Grouping,
    IpFilter,
    JsonParser,
    KeepLabels,
    LabelFormat,
    LabelReplace,
    LineFilter,
    LineFormat,
    Literal,
    LogfmtParser,
    LogQuery,
    LogRange,
    Matcher,
    Matching,
    MatchOp,
    NumberFilter,
    Operand,
    Or,
    PatternParser,
    RangeAggregation,
    RangeOp,
    RegexpParser,
    Stage,
    StringFilter,
    Unpack,
    Unwrap,
    VectorAggregation,
    VectorLiteral,
    VectorOp,
)

SECOND = 10**9
MINUTE = 60 * SECOND
A = (Matcher("a", MatchOp.EQUAL, "b"),)
RATE = RangeAggregation(RangeOp.RATE, LogRange(LogQuery(A), MINUTE))


def stages(text: str) -> tuple[Stage, ...]:
    query = parse('{a="b"} ' + text)
    assert isinstance(query, LogQuery)
    return query.stages


def refused(text: str) -> QueryError:
    with pytest.raises(QueryError) as refusal:
        parse(text)
    return refusal.value


# -- log queries


def test_a_selector_has_matchers_of_four_kinds() -> None:
    assert parse('{ a="b",c!="d" , e=~"re.*",f!~`\\d+`}') == LogQuery(
        (
            Matcher("a", MatchOp.EQUAL, "b"),
            Matcher("c", MatchOp.NOT_EQUAL, "d"),
            Matcher("e", MatchOp.MATCHES, "re.*"),
            Matcher("f", MatchOp.NOT_MATCHES, "\\d+"),
        )
    )


def test_parentheses_around_a_log_query_mean_nothing() -> None:
    assert parse('(({a="b"} |= "c"))') == parse('{a="b"} |= "c"')


def test_line_filters_look_for_any_of_their_operands() -> None:
    assert stages('|= "x" or ip("10.0.0.0/8") |~ "y" |> "<_> z"') == (
        LineFilter(FilterOp.CONTAINS, (Operand("x"), Operand("10.0.0.0/8", ip=True))),
        LineFilter(FilterOp.MATCHES, (Operand("y"),)),
        LineFilter(FilterOp.PATTERN, (Operand("<_> z"),)),
    )


def test_none_of_several_operands_is_a_filter_each() -> None:
    assert stages('!= "x" or "y" !~ "z" !> "<_>"') == (
        LineFilter(FilterOp.NOT_CONTAINS, (Operand("x"),)),
        LineFilter(FilterOp.NOT_CONTAINS, (Operand("y"),)),
        LineFilter(FilterOp.NOT_MATCHES, (Operand("z"),)),
        LineFilter(FilterOp.NOT_PATTERN, (Operand("<_>"),)),
    )


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("| json", JsonParser()),
        ('| json x="a.b", y', JsonParser((Extraction("x", "a.b"), Extraction("y", "y")))),
        ("| logfmt", LogfmtParser()),
        ("| LogFmt --keep-empty --strict", LogfmtParser(strict=True, keep_empty=True)),
        (
            '| logfmt --strict x="y"',
            LogfmtParser(strict=True, extractions=(Extraction("x", "y"),)),
        ),
        ('| regexp "(?P<x>.)"', RegexpParser("(?P<x>.)")),
        ("| pattern `<x> -`", PatternParser("<x> -")),
        ("| unpack", Unpack()),
        ("| decolorize", Decolorize()),
        ('| line_format "{{.x}}"', LineFormat("{{.x}}")),
        (
            '| label_format x=y, z="{{.x}}"',
            LabelFormat((Assignment("x", "y", True), Assignment("z", "{{.x}}", False))),
        ),
        ('| drop x, y="z"', DropLabels(("x", Matcher("y", MatchOp.EQUAL, "z")))),
        ('| keep x, y=~"z"', KeepLabels(("x", Matcher("y", MatchOp.MATCHES, "z")))),
        ('| x = "y"', StringFilter(Matcher("x", MatchOp.EQUAL, "y"))),
        ('| x !~ "y"', StringFilter(Matcher("x", MatchOp.NOT_MATCHES, "y"))),
        ("| x = 1_000", NumberFilter("x", CompareOp.EQUAL, 1_000)),
        ("| x >= -1.5e2", NumberFilter("x", CompareOp.GREATER_EQUAL, -150)),
        ("| x != +3", NumberFilter("x", CompareOp.NOT_EQUAL, 3)),
        ("| x > 1m30s", DurationFilter("x", CompareOp.GREATER, 90 * SECOND)),
        ("| x < -2.5h", DurationFilter("x", CompareOp.LESS, -150 * MINUTE)),
        ("| x == 1d", DurationFilter("x", CompareOp.EQUAL, 24 * 60 * MINUTE)),
        ("| x <= 2KiB", BytesFilter("x", CompareOp.LESS_EQUAL, 2_048)),
        ('| x = ip("::1")', IpFilter("x", MatchOp.EQUAL, "::1")),
        ('| x != ip("::1")', IpFilter("x", MatchOp.NOT_EQUAL, "::1")),
        ("| rate > 3", NumberFilter("rate", CompareOp.GREATER, 3)),
    ],
)
def test_each_stage_is_read(text: str, stage: Stage) -> None:
    assert stages(text) == (stage,)


x, y, z = (NumberFilter(name, CompareOp.EQUAL, 1) for name in "xyz")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("x=1 and y=1 or z=1", Or(And(x, y), z)),
        ("x=1 or y=1 and z=1", Or(x, And(y, z))),
        ("x=1 or y=1 or z=1", Or(Or(x, y), z)),
        ("x=1 and y=1 and z=1", And(And(x, y), z)),
        ("x=1, y=1 or z=1", And(x, Or(y, z))),
        ("x=1 y=1 or z=1", And(x, Or(y, z))),
        ("x=1 and y=1, z=1", And(x, And(y, z))),
        ("x=1 or y=1 z=1", Or(x, And(y, z))),
        ("(x=1 or y=1) z=1", And(Or(x, y), z)),
        ("x=1 (y=1 or z=1)", And(x, Or(y, z))),
    ],
)
def test_a_comma_or_nothing_between_filters_takes_all_to_its_right(text: str, tree: Stage) -> None:
    assert stages("| " + text) == (tree,)


# -- metrics


@pytest.mark.parametrize(
    "text",
    [
        'rate({a="b"} | json [1m])',
        'rate({a="b"}[1m] | json)',
        'rate(({a="b"} | json)[1m])',
        'rate(({a="b"} | json [1m]))',
        'RATE ( (({a="b"}[1m] | json)) )',
    ],
)
def test_a_range_may_stand_behind_selector_or_stages(text: str) -> None:
    query = LogQuery(A, (JsonParser(),))
    assert parse(text) == RangeAggregation(RangeOp.RATE, LogRange(query, MINUTE))


@pytest.mark.parametrize(
    "text",
    [
        'sum_over_time({a="b"} | unwrap bytes(x) | y="" [1m] offset 5m)',
        'sum_over_time({a="b"}[1m] offset 5m | unwrap bytes(x) | y="")',
        'sum_over_time(({a="b"})[1m] offset 5m | unwrap bytes(x) | y="")',
        'sum_over_time(({a="b"} | unwrap bytes(x) | y="")[1m] offset 5m)',
    ],
)
def test_unwrap_goes_before_or_behind_the_range(text: str) -> None:
    unwrap = Unwrap("x", Conversion.BYTES, (StringFilter(Matcher("y", MatchOp.EQUAL, "")),))
    over = LogRange(LogQuery(A), MINUTE, 5 * MINUTE, unwrap)
    assert parse(text) == RangeAggregation(RangeOp.SUM, over)


def test_a_quantile_has_its_parameter_and_groups() -> None:
    text = 'quantile_over_time(0.5, {a="b"} | unwrap x [1m] offset -1m) without (y, z)'
    over = LogRange(LogQuery(A), MINUTE, -MINUTE, Unwrap("x"))
    grouping = Grouping(("y", "z"), without=True)
    assert parse(text) == RangeAggregation(RangeOp.QUANTILE, over, 0.5, grouping)


@pytest.mark.parametrize(
    "text", ['sum by (x) (rate({a="b"}[1m]))', 'SUM(rate({a="b"}[1m])) BY (x)']
)
def test_groups_stand_before_or_behind_the_operand(text: str) -> None:
    assert parse(text) == VectorAggregation(VectorOp.SUM, RATE, grouping=Grouping(("x",)))


def test_topk_has_a_whole_number_and_no_groups_are_one_group() -> None:
    assert parse('topk by () (3, rate({a="b"}[1m]))') == VectorAggregation(VectorOp.TOPK, RATE, 3)


def test_label_replace_has_four_texts() -> None:
    text = 'label_replace(rate({a="b"}[1m]), "to", "$1", "from", "(.*)")'
    assert parse(text) == LabelReplace(RATE, "to", "$1", "from", "(.*)")


def _vectors(text: str) -> Expr:
    return parse(text.replace("v", "vector(1)"))


ONE = VectorLiteral(1)


def _op(op: str, left: VectorLiteral | BinaryOperation, right: VectorLiteral | BinaryOperation) -> (
    BinaryOperation
):  # fmt: skip
    return BinaryOperation(BinaryOp(op), left, right)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("v + v * v", _op("+", ONE, _op("*", ONE, ONE))),
        ("v * v + v", _op("+", _op("*", ONE, ONE), ONE)),
        ("v - v - v", _op("-", _op("-", ONE, ONE), ONE)),
        ("v ^ v ^ v", _op("^", ONE, _op("^", ONE, ONE))),
        ("v or v and v", _op("or", ONE, _op("and", ONE, ONE))),
        ("v and v unless v", _op("unless", _op("and", ONE, ONE), ONE)),
        ("v unless v > v", _op("unless", ONE, _op(">", ONE, ONE))),
        ("v == v + v", _op("==", ONE, _op("+", ONE, ONE))),
        ("(v + v) * v", _op("*", _op("+", ONE, ONE), ONE)),
    ],
)
def test_operators_bind_as_in_arithmetic(text: str, tree: BinaryOperation) -> None:
    assert _vectors(text) == tree


@pytest.mark.parametrize(
    ("text", "matching", "return_bool"),
    [
        ("v > bool v", None, True),
        ("v + on(x) v", Matching(("x",), on=True), False),
        ("v + on() v", Matching((), on=True), False),
        ("v + ignoring() v", None, False),
        (
            "v == bool ignoring(x, y) group_left(z) v",
            Matching(("x", "y"), cardinality=Cardinality.MANY_TO_ONE, include=("z",)),
            True,
        ),
        (
            "v / on(x) group_right v",
            Matching(("x",), on=True, cardinality=Cardinality.ONE_TO_MANY),
            False,
        ),
        ("v and on(x) v", Matching(("x",), True, Cardinality.MANY_TO_MANY), False),
    ],
)
def test_operators_say_which_samples_belong_together(
    text: str, matching: Matching | None, return_bool: bool
) -> None:
    operation = _vectors(text)
    assert isinstance(operation, BinaryOperation)
    assert (operation.matching, operation.return_bool) == (matching, return_bool)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7),
        ("-2^2", 4),
        ("2^3^0", 2),
        ("7 % 4 - +1", 2),
        ("2 >= bool 2", 1),
        ("1 < 1", 0),
    ],
)
def test_numbers_alone_are_worked_out_at_once(text: str, value: float) -> None:
    assert parse(text) == Literal(value)


# -- refusals


def test_parts_know_where_they_stand() -> None:
    query = parse('sum(rate({a="b"} |= "c" | d > 5 [1m]))')
    assert isinstance(query, VectorAggregation)
    assert isinstance(query.operand, RangeAggregation)
    found = query.operand.range.query
    assert [query.at, query.operand.at, found.at] == [0, 4, 9]
    assert [stage.at for stage in found.stages] == [17, 26]
    assert found.matchers[0].at == 10


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # one of few things was expected
        ('{a="b"', "line 1, col 7: syntax error: unexpected $end, expecting } or ,"),
        ("{a}", "line 1, col 3: syntax error: unexpected }, expecting = or =~ or !~ or !="),
        ('{json="x"}', "line 1, col 2: syntax error: unexpected json, expecting IDENTIFIER or }"),
        ('{a="b"} |=', "line 1, col 11: syntax error: unexpected $end, expecting STRING or ip"),
        ('{a="b"} | label_format x', "line 1, col 25: syntax error: unexpected $end, expecting ="),
        ('{a="b"} | x=1,', "line 1, col 15: syntax error: unexpected $end, expecting IDENTIFIER or ("),
        ("sum rate", "line 1, col 1: syntax error: unexpected IDENTIFIER"),
        ("rate(1, x)", "line 1, col 9: syntax error: unexpected IDENTIFIER, expecting { or ("),
        ('rate({a="b"}[1m] x)', "line 1, col 18: syntax error: unexpected IDENTIFIER, expecting )"),
        ('rate(({a="b"}) 5m)', "line 0, col 16: syntax error: unexpected DURATION, expecting RANGE"),
        (
            'rate(({a="b"})[1m] | json)',
            "line 1, col 22: syntax error: unexpected json, expecting unwrap",
        ),
        (
            'rate({a="b"} | unwrap x)',
            "line 1, col 24: syntax error: unexpected ), expecting RANGE or |",
        ),
        (
            'rate(({a="b"} | unwrap x 5',
            "line 1, col 26: syntax error: unexpected NUMBER, expecting RANGE or ) or |",
        ),
        (
            'rate({a="b"} | unwrap "x" [1m])',
            "line 1, col 23: syntax error: unexpected STRING, expecting IDENTIFIER or BYTES_CONV or "
            "DURATION_CONV or DURATION_SECONDS_CONV",
        ),
        ("vector(1) + on x", "line 1, col 16: syntax error: unexpected IDENTIFIER, expecting ("),
        # many things could have come
        ("", ""),
        ('{a="b"} |', "line 1, col 10: syntax error: unexpected $end"),
        ('{a="b"} | x', "line 1, col 12: syntax error: unexpected $end"),
        ('rate({a="b"})', "line 1, col 13: syntax error: unexpected )"),
        ('sum({a="b"})', "line 1, col 12: syntax error: unexpected )"),
        ("1 +\n  *", "line 2, col 3: syntax error: unexpected *"),
        # signs of several characters have no line in Loki
        ('{a="b"} | json =~ 5', "line 0, col 16: syntax error: unexpected =~"),
    ],
)  # fmt: skip
def test_a_syntax_error_says_what_loki_says(text: str, message: str) -> None:
    wanted = (
        f"parse error at {message}" if message else "parse error : syntax error: unexpected $end"
    )
    assert refused(text).message == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{a="x"} + 1', "unexpected type for left leg of binary operation (+): *syntax.MatchersExpr"),
        (
            '1 + {a="x"} |= "y"',
            "unexpected type for right leg of binary operation (+): *syntax.PipelineExpr",
        ),
        (
            "vector(1) and 2.5",
            "unexpected literal for right leg of logical/set binary operation (and): 2.500000",
        ),
        ("topk(1.0, vector(1))", "invalid parameter topk(1.0,"),
        ("topk(0, vector(1))", "invalid parameter (must be greater than 0) topk(0"),
        ("bottomk(vector(1))", "parameter required for operation bottomk"),
        ("sum(1, vector(1))", "unsupported parameter for operation sum(1,"),
        ("sort(vector(1)) by (x)", "sort and sort_desc doesn't allow grouping by "),
        ("approx_topk(1, vector(1)) by ()", "grouping not allowed for approx_topk aggregation"),
        ('rate({a="b"}[1m]) by (x)', "grouping not allowed for rate aggregation"),
        ('avg_over_time({a="b"}[1m])', "invalid aggregation avg_over_time without unwrap"),
        ('bytes_rate({a="b"} | unwrap x [1m])', "invalid aggregation bytes_rate with unwrap"),
        ('rate(2, {a="b"}[1m])', "parameter 2 not supported for operation rate"),
        (
            'label_replace(vector(1), "", "", "", "[")',
            "invalid regex in label_replace: error parsing regexp: missing closing ]: `[)$`",
        ),
        ('{a=~"("}', "error parsing regexp: missing closing ): `(`"),
        ('{a="b"} | x=~"*"', "error parsing regexp: missing argument to repetition operator: `*`"),
        (
            "0x10 + vector(1)",
            'unable to parse literal as a float: strconv.ParseFloat: parsing "0x10": invalid syntax',
        ),
        (
            "vector(1e999)",
            'unable to parse vectorExpr as a float: strconv.ParseFloat: parsing "1e999": value out of range',
        ),
        ('{a="b"} | regexp "x"', "invalid regexp parser: at least one named capture must be supplied"),
        ('{a="b"} | pattern "x"', "invalid pattern parser: at least one capture is required"),
        ('{a="b"} |~ "("', "stage '|~ \"(\"' : error parsing regexp: missing closing ): `(`"),
        ('{a="b"} |= "x" | json |~ "("',
         "stage '|= \"x\" |~ \"(\"' : error parsing regexp: missing closing ): `(`"),
        ('{a="b"} | label_format x=y,x=z',
         "stage '| label_format x=y,x=z' : multiple label name 'x' not allowed in a single format operation"),
    ],
)  # fmt: skip
def test_what_the_grammar_allows_may_still_be_wrong(text: str, message: str) -> None:
    assert refused(text).message == f"parse error : {message}"


@pytest.mark.parametrize(
    "selector", ["{}", '{a=""}', '{a!="x"}', '{a=~".*"}', '{a=~"x|"}', '{a!~"x"}', '{a=~"\\n?"}']
)
def test_a_selector_must_ask_for_something(selector: str) -> None:
    message = "parse error : queries require at least one regexp or equality matcher"
    assert refused(selector).message.startswith(message)
    assert refused(f"1 + sum(rate({selector}[1m]))").message.startswith(message)


@pytest.mark.parametrize("selector", ['{a=~".+"}', '{a!=""}', '{a!~"x?"}', '{a="", b="c"}'])
def test_one_matcher_that_an_absent_label_does_not_meet_is_enough(selector: str) -> None:
    assert parse(selector)


def test_of_several_flaws_the_outermost_and_leftmost_is_named() -> None:
    assert "bottomk" in refused('bottomk(sum(1, rate({a=""}[1m])))').message
    assert "sum(1," in refused("sum(1, vector(1)) + sum(2, vector(1))").message
    assert "or" in refused("sum(1, vector(1)) or 3").message


def test_a_syntax_error_comes_before_other_flaws() -> None:
    assert "unexpected $end" in refused("sum(1, vector(1)) +").message


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        ("", 0, 'a query starts with a selector, as in {service_name="api"}'),
        ('{app="api"} |= error', 15, 'a string in double quotes or `backticks`, as in "error"'),
        ("{app='api'}", 5, "strings stand in double quotes"),
        ('{app="a" b="c"}', 9, "here comes } or ,"),
        (r'{app="\d+"}', 5, r"a backslash is written \\"),
        ('{app="api}', 5, "its closing quote is missing"),
        ('increase({a="b"}[1m])', 0, "there is no function increase"),
        ('count_overtime({a="b"}[1m])', 0, "did you mean count_over_time?"),
        ('rate({a="b"}[1m]) offset 5m', 18, "an offset stands directly behind a range"),
        ('{a="b"} | unwrap x', 10, "as in sum_over_time({...} | unwrap bytes [5m])"),
        ('rate({a="b"})', 12, "a range is missing, as in [5m]"),
        ('rate({a="b"}[1.5h])', 12, "a range is whole numbers with the units"),
        ('{a="b"} | x > "5"', 14, "text goes with = != =~ !~"),
        ('{a="b"} | $x = 1', 11, "$ means nothing here"),
        ('{a!="b"}', 0, 'one such as {service_name="api"}'),
        ('avg_over_time({a="b"}[1m])', 0, "avg_over_time({...} | logfmt | unwrap bytes [5m])"),
        ('sum({a="b"})', 11, "this takes a metric"),
    ],
)
def test_a_hint_says_what_would_be_right_and_a_caret_where(text: str, at: int, words: str) -> None:
    refusal = refused(text)
    assert words in refusal.hint
    assert refusal.at == at
    lines = str(refusal).splitlines()
    assert lines[0] == refusal.message
    assert lines[-1].strip() == refusal.hint
    if text:
        assert lines[-2] == "  " + " " * at + "^"


# -- whatever comes


PIECES = st.sampled_from(
    [
        *(
            "{",
            "}",
            "a",
            '"b"',
            "`c`",
            "=",
            "!=",
            "=~",
            "!~",
            "|=",
            "|~",
            "|>",
            "!>",
            ",",
            " ",
            '"',
        ),
        *("\\", "#", "\n", "|", "'", "(", ")", "[5m]", "[", "]", "5", "5m", "5KB", "-", "+", "and"),
        *("or", "by", "on", "json", "logfmt", "unwrap", "rate", "sum", "topk", "offset", "ip", "é"),
        *(
            "--strict",
            "vector",
            "label_replace",
            "line_format",
            '"{{"',
            '"(?P<x>"',
            "0x",
            "1e",
            "^",
        ),
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES, max_size=20).map("".join)))
@settings(deadline=None)
@example("\ud800")
@example('{a="\\ud800"}')
@example('{a="\\U00110000"}')
@example('{a="\\xff"}')
@example("\ufeff")
@example("\0")
@example('{a="b"}\x00')
def test_any_text_either_parses_or_is_refused_with_a_query_error(text: str) -> None:
    refusal: QueryError | None = None
    try:
        parse(text)
    except QueryError as error:
        refusal = error
    if refusal is not None:
        assert refusal.message.startswith("parse error")
        assert 0 <= refusal.at <= len(text)
        assert str(refusal)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000,
        "(" * 10_000 + "1" + ")" * 10_000,
        "sum(" * 10_000,
        "rate(" * 10_000,
        'rate(' + "(" * 10_000 + '{a="b"}[1m]' + ")" * 10_001,
        'label_replace(' * 9_000,
        '{a="b"} | ' + "(" * 10_000 + "x=1" + ")" * 10_000,
        '{a="b"} | ' + "x=1 " * 10_000,
        '{a="b"} | ' + "x=1 or " * 10_000 + "x=1",
        '{a="b"} | ' + "x=1 and " * 10_000 + "x=1",
        "vector(1) + " * 10_000 + "vector(1)",
        "vector(1) ^ " * 10_000 + "vector(1)",
        "1 ^ " * 10_000 + "1",
    ],
)  # fmt: skip
def test_deep_nesting_is_refused(text: str) -> None:
    assert refused(text)


def test_long_queries_that_do_not_nest_parse() -> None:
    many = '{a="b"}' + ' |= "x"' * 10_000 + " | json" * 1_000
    query = parse(many)
    assert isinstance(query, LogQuery)
    assert len(query.stages) == 11_000
    assert parse("1 + " * 20_000 + "1") == Literal(20_001)
    assert parse('{a="b"} |= ' + '"x" or ' * 10_000 + '"y"')


def test_a_query_has_a_length_that_it_must_not_reach() -> None:
    head = '{a="b"} |= "'
    fits = head + "x" * (128 * 1024 - len(head) - 2) + '"'
    assert parse(fits)
    assert refused(fits + " ").message == "parse error : input size too long (131072 > 131072)"
