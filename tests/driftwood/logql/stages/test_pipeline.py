"""What holds for any stages and any line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from driftwood.logql.ast import (
    And,
    Assignment,
    BytesFilter,
    CompareOp,
    Conversion,
    Decolorize,
    DropLabels,
    DurationFilter,
    Extraction,
    FilterOp,
    IpFilter,
    JsonParser,
    KeepLabels,
    LabelFilter,
    LabelFormat,
    LineFilter,
    LineFormat,
    LogfmtParser,
    Matcher,
    MatchOp,
    NumberFilter,
    Operand,
    Or,
    PatternParser,
    RegexpParser,
    Stage,
    StringFilter,
    Unpack,
    Unwrap,
)
from driftwood.logql.needs import ALL, NOTHING, Needs
from driftwood.logql.stages import Pipeline

NAME = st.sampled_from(["a", "b", "c", "app", "a_extracted", "__error__"])
TEXT = st.sampled_from(["", "a", "b", "x y", "1", "foo|", ".*", "10.0.0.1", "<_>a<_>"])
VALUE = st.sampled_from([0, 1, 1000])
MATCHER = st.builds(Matcher, NAME, st.sampled_from(MatchOp), TEXT)
COMPARE = st.sampled_from(CompareOp)
LABEL_FILTER: st.SearchStrategy[LabelFilter] = st.recursive(
    st.one_of(
        st.builds(StringFilter, MATCHER),
        st.builds(NumberFilter, NAME, COMPARE, VALUE.map(float)),
        st.builds(DurationFilter, NAME, COMPARE, VALUE),
        st.builds(BytesFilter, NAME, COMPARE, VALUE),
        st.builds(
            IpFilter,
            NAME,
            st.sampled_from([MatchOp.EQUAL, MatchOp.NOT_EQUAL]),
            st.just("10.0.0.0/8"),
        ),
    ),
    lambda below: st.one_of(st.builds(And, below, below), st.builds(Or, below, below)),
    max_leaves=4,
)
PATHS = st.sampled_from(["a", "a.b", "b[0]", '["c"]'])
KEYS = st.sampled_from(["a", "b", '"c d"'])
TEMPLATE = st.sampled_from(["x", "{{.a}}", "{{.a}}{{.b}}", "{{div 1 .a}}", "{{__line__}}"])
LABELS = st.lists(st.one_of(NAME, MATCHER), min_size=1, max_size=3).map(tuple)
STAGE: st.SearchStrategy[Stage] = st.one_of(
    st.builds(
        LineFilter,
        st.sampled_from(FilterOp),
        st.lists(st.builds(Operand, TEXT), min_size=1, max_size=3).map(tuple),
    ),
    st.builds(
        JsonParser, st.lists(st.builds(Extraction, st.just("a"), PATHS), max_size=2).map(tuple)
    ),
    st.builds(
        LogfmtParser,
        st.booleans(),
        st.booleans(),
        st.lists(st.builds(Extraction, NAME, KEYS), max_size=2).map(tuple),
    ),
    st.just(RegexpParser(r"(?P<a>\w+)=(?P<b>\S*)")),
    st.just(PatternParser("<a> <b>=<_>")),
    st.just(Unpack()),
    st.just(Decolorize()),
    st.builds(LineFormat, TEMPLATE),
    st.builds(
        LabelFormat,
        st.one_of(
            st.builds(Assignment, st.just("a"), TEMPLATE, st.just(False)),
            st.builds(Assignment, st.just("a"), NAME, st.just(True)),
        ).map(lambda assignment: (assignment,)),
    ),
    st.builds(DropLabels, LABELS),
    st.builds(KeepLabels, LABELS),
    LABEL_FILTER,
)
NEEDS = st.one_of(
    st.just(ALL), st.just(NOTHING), st.sets(NAME, min_size=1).map(lambda n: Needs(frozenset(n)))
)
LINE = st.one_of(
    st.text(),
    st.text(alphabet='{}[]",:\\ab=. 1\x1b\ufffd\udcff', max_size=30),
    st.sampled_from(['{"a":"1","b":[1]}', 'a=1 b="2"', '{"_entry":"a=1","b":"x"}', "10.0.0.1"]),
)
STREAM = st.dictionaries(st.sampled_from(["a", "b", "app"]), st.sampled_from(["1", "x"]))


@given(
    st.lists(STAGE, max_size=5),
    NEEDS,
    st.one_of(st.none(), st.builds(Unwrap, NAME, st.sampled_from(Conversion))),
    LINE,
    STREAM,
    STREAM,
)
def test_any_stages_take_any_line(
    stages: list[Stage],
    needs: Needs,
    unwrap: Unwrap | None,
    line: str,
    stream: dict[str, str],
    metadata: dict[str, str],
) -> None:
    before = dict(stream), dict(metadata)
    pipeline = Pipeline(stages, needs, unwrap)
    result = pipeline.process(0, line, stream, metadata)
    assert (stream, metadata) == before
    if result is None:
        return
    labels = result.labels
    kinds = [labels.stream, labels.structured_metadata, labels.parsed]
    assert sum(map(len, kinds)) == len(labels.all), "each name is of one kind"
    pipeline.process(1, "other=1", stream, {})
    again = pipeline.process(0, line, dict(stream), metadata)
    assert again is not None
    assert (again.line, again.labels.all) == (result.line, labels.all)


@given(st.lists(STAGE, max_size=4), LINE, STREAM)
def test_what_is_needed_is_the_same_as_if_all_were(
    stages: list[Stage], line: str, stream: dict[str, str]
) -> None:
    """As long as nothing fails; a name that a stage reads is needed, too, so all are here."""
    names = frozenset({"a", "b", "c", "d", "app", "a_extracted", "b_extracted", "app_extracted"})
    full = Pipeline(stages).process(0, line, stream)
    some = Pipeline(stages, Needs(names)).process(0, line, stream)
    if full is None or some is None or full.labels.error or some.labels.error:
        return
    assert {n: v for n, v in full.labels.all.items() if n in names} == {
        n: v for n, v in some.labels.all.items() if n in names
    }
