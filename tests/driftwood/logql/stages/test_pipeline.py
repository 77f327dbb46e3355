"""What holds for any stages and any line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from driftwood.logql.ast import Stage, Unwrap
from driftwood.logql.needs import ALL, NOTHING, Needs
from driftwood.logql.stages import Pipeline
from tests.driftwood.logql.strategies import Queries, Words

NAME = st.sampled_from(["a", "b", "app", "level", "a_extracted", "__error__"])
TEXT = st.sampled_from(["", "a", "b", "x y", "1", "10.0.0.1", '"', "\x1b[1m"])
QUERIES = Queries(Words(names=NAME, values=TEXT, texts=TEXT))
NEEDS = st.one_of(
    st.just(ALL), st.just(NOTHING), st.sets(NAME, min_size=1).map(lambda n: Needs(frozenset(n)))
)
LINE = st.one_of(
    st.text(),
    st.text(alphabet='{}[]",:\\ab=. 1\x1b\ufffd\udcff', max_size=30),
    st.sampled_from(['{"a":"1","b":[1]}', 'a=1 b="2"', '{"_entry":"a=1","b":"x"}', "10.0.0.1"]),
)
LABELS = st.dictionaries(st.sampled_from(["a", "b", "app"]), st.sampled_from(["1", "x"]))


@given(QUERIES.stages(), NEEDS, st.one_of(st.none(), QUERIES.unwraps()), LINE, LABELS, LABELS)
def test_any_stages_take_any_line(
    stages: tuple[Stage, ...],
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


@given(QUERIES.stages(), LINE, LABELS)
def test_what_is_needed_is_the_same_as_if_all_were(
    stages: tuple[Stage, ...], line: str, stream: dict[str, str]
) -> None:
    """As long as nothing fails. Whatever a stage can read is needed here, too."""
    names = {"a", "b", "app", "level", "x", "x_1", "msg"}
    names |= {f"{name}_extracted" for name in names}
    full = Pipeline(stages).process(0, line, stream)
    some = Pipeline(stages, Needs(frozenset(names))).process(0, line, stream)
    if full is None or some is None or full.labels.error or some.labels.error:
        return
    assert {n: v for n, v in full.labels.all.items() if n in names} == {
        n: v for n, v in some.labels.all.items() if n in names
    }
