"""The eight metrics: cases counted by hand, and the definitions written out plainly beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.parsing.metrics import METRICS, Labels, Met, Scores, score


def scored(truth: list[str | None], predicted: list[str | None]) -> Scores:
    return score(Labels.of(truth), Labels.of(predicted))


def test_a_perfect_parse_has_one_everywhere() -> None:
    assert scored(["a <*>", "b", "a <*>"], ["a <*>", "b", "a <*>"])[:8] == (1.0,) * 8


def test_a_right_group_under_a_wrong_text_counts_for_grouping_alone() -> None:
    found = scored(["a <*>", "a <*>", "b", "b"], ["a x", "a x", "b", "b"])
    assert found.by_name() == {
        "GA": 1.0, "PGA": 1.0, "RGA": 1.0, "FGA": 1.0, "PA": 0.5, "PTA": 0.5, "RTA": 0.5, "FTA": 0.5,
    }  # fmt: skip


def test_a_split_group_is_wrong_for_all_its_lines_and_its_right_text_still_counts() -> None:
    # True: a x3, b x1. Predicted: a x2, a' x1, b x1. Only b is a group; a and b are right templates.
    found = scored(["a", "a", "a", "b"], ["a", "a", "a'", "b"])
    assert found.ga == 1 / 4
    assert found.pga == 1 / 3
    assert found.rga == 1 / 2
    assert found.fga == pytest.approx(2 / 5)
    assert found.pa == 3 / 4
    assert found.pta == 2 / 3
    assert found.rta == 1.0
    assert found.fta == pytest.approx(4 / 5)


def test_a_predicted_template_over_two_true_ones_is_neither_group_nor_template() -> None:
    # Predicted "a" stands on lines of a and of b: a's lines are right for PA, and for nothing else.
    found = scored(["a", "b", "c"], ["a", "a", "c"])
    assert (found.ga, found.pga, found.rga) == (1 / 3, 1 / 2, 1 / 3)
    assert (found.pa, found.pta, found.rta) == (2 / 3, 1 / 2, 1 / 3)


def test_groups_are_by_text_and_not_by_id() -> None:
    # Two ids of a parser with one text are one group, and so are two of the truth.
    truth = Labels(np.array([0, 0, 1], np.int32), ("a", "b"))
    two_ids = Labels.of(pa.DictionaryArray.from_arrays(pa.array([0, 1, 2]), ["a", "a", "b"]))
    assert two_ids.texts == ("a", "b")
    assert score(truth, two_ids)[:8] == (1.0,) * 8


def test_a_line_without_a_true_template_counts_for_pa_alone() -> None:
    # Such rows are dropped for groups and templates; PA keeps them, and no template equals a missing one.
    found = scored([None, "a", "b"], ["a", "a", "b"])
    assert found[:4] == (1.0,) * 4, "the first line's 'a' does not spoil the group of the second"
    assert found.pa == 2 / 3
    assert found[5:8] == (1.0,) * 3
    assert scored([None, "a"], [None, "a"]).pa == 1 / 2


def test_what_a_parser_leaves_out_is_the_empty_template() -> None:
    found = scored(["a", "b", "c"], [None, "", "c"])
    assert (found.ga, found.predicted, found.pa) == (1 / 3, 2, 1 / 3)


def test_another_number_of_lines_is_refused() -> None:
    with pytest.raises(ValueError, match="1 templates for 2 lines"):
        scored(["a", "b"], ["a"])


def test_nothing_scores_nothing() -> None:
    assert scored([], [])[:8] == (0.0,) * 8
    assert scored([None], ["a"])[:8] == (0.0,) * 8


def test_a_form_makes_templates_equal_on_either_side() -> None:
    truth, predicted = Labels.of(["x 1", "x 2", "y"]), Labels.of(["x 3", "x 3", "y"])

    def form(text: str) -> str:
        return text.rstrip(" 0123456789")

    assert truth.mapped(form).texts == ("x", "y")
    assert score(truth.mapped(form), predicted.mapped(form))[:8] == (1.0,) * 8


def test_parts_are_by_variables_and_by_how_often_a_template_is_seen() -> None:
    many = "<*> " * 5
    truth = Labels.of([*["a"] * 5, *["b <*>"] * 3, *["c <*> <*>"] * 3, many, None])
    parts = Met(truth, truth).parts()
    named = {
        name: {text for text, flag in zip(truth.texts, flags, strict=True) if flag}
        for name, flags in parts.items()
    }
    assert named["0"] == {"a"}
    assert named["1-4"] == {"b <*>", "c <*> <*>"}
    assert named["5+"] == {many}
    assert named["rare5%"] == named["rare20%"] == {many}, "4 templates: one, never none"
    assert named["top5%"] == {"a"}


def test_a_tenth_of_twenty_templates_are_two() -> None:
    truth = Labels.of([f"t{at:02}" for at in range(20) for _ in range(at + 1)])
    parts = Met(truth, truth).parts()
    assert [truth.texts[at] for at in np.flatnonzero(parts["rare10%"])] == ["t00", "t01"]
    assert [truth.texts[at] for at in np.flatnonzero(parts["top10%"])] == ["t18", "t19"]
    assert int(parts["top20%"].sum()) == 4


def test_a_part_is_scored_with_the_groups_of_the_whole() -> None:
    # "a" is predicted for a line of b, too: within the part of a it looks exact and is not.
    truth, predicted = Labels.of(["a", "a", "b", "b"]), Labels.of(["a", "a", "a", "b"])
    of_a = Met(truth, predicted).scores(np.array([True, False]))
    assert (of_a.ga, of_a.pta, of_a.pa, of_a.lines, of_a.predicted) == (0.0, 0.0, 1.0, 2, 1)


def plainly(
    truth: list[str | None],
    predicted: list[str | None],
    among: Callable[[str], bool] | None = None,
) -> dict[str, float]:
    """The definitions, set by set."""
    output = [text or "" for text in predicted]
    kept = [(t, p) for t, p in zip(truth, output, strict=True) if t is not None]
    chosen = {t for t, _ in kept if among is None or among(t)}
    true_lines = {t: {i for i, (u, _) in enumerate(kept) if u == t} for t in chosen}
    predicted_lines = {
        p: {i for i, (_, q) in enumerate(kept) if q == p} for t, p in kept if t in chosen
    }
    exact = [lines for lines in true_lines.values() if lines in predicted_lines.values()]
    right = [
        p for p, lines in predicted_lines.items() if {kept[i][0] for i in lines} == {p}
    ]  # each of them is in `chosen`, as its only true template is
    in_pa = [(t, p) for t, p in zip(truth, output, strict=True) if among is None or t in chosen]
    lines = sum(map(len, true_lines.values()))

    def over(some: int, all_: int) -> float:
        return some / all_ if all_ else 0.0

    def f1(precision: float, recall: float) -> float:
        both = precision + recall
        return 2 * precision * recall / both if both else 0.0

    pga, rga = over(len(exact), len(predicted_lines)), over(len(exact), len(true_lines))
    pta, rta = over(len(right), len(predicted_lines)), over(len(right), len(true_lines))
    return {
        "GA": over(sum(map(len, exact)), lines),
        "PGA": pga,
        "RGA": rga,
        "FGA": f1(pga, rga),
        "PA": over(sum(t == p for t, p in in_pa), len(in_pa)),
        "PTA": pta,
        "RTA": rta,
        "FTA": f1(pta, rta),
    }


TEMPLATES = st.one_of(st.none(), st.sampled_from(["", "a", "b", "c", "d <*>", "e <*>"]))
PARSES = st.lists(st.tuples(TEMPLATES, TEMPLATES), max_size=14)


@given(PARSES)
def test_the_metrics_are_what_the_definitions_say(
    parse: list[tuple[str | None, str | None]],
) -> None:
    truth, predicted = [t for t, _ in parse], [p for _, p in parse]
    found = scored(truth, predicted).by_name()
    assert found == pytest.approx(plainly(truth, predicted))
    assert tuple(found) == METRICS


@given(PARSES)
def test_so_are_those_of_a_part(parse: list[tuple[str | None, str | None]]) -> None:
    truth, predicted = [t for t, _ in parse], [p for _, p in parse]
    labels = Labels.of(truth)
    among = np.array(["<*>" in text for text in labels.texts], np.bool_)
    found = Met(labels, Labels.of(predicted)).scores(among).by_name()
    assert found == pytest.approx(plainly(truth, predicted, lambda text: "<*>" in text))


@given(st.lists(TEMPLATES, max_size=20), st.integers(1, 5))
def test_a_column_in_pieces_means_the_same_labels(texts: list[str | None], size: int) -> None:
    pieces = [pa.array(texts[at : at + size], pa.string()) for at in range(0, len(texts), size)]
    plain: Any = pa.chunked_array(pieces, pa.string())
    for column in (plain, plain.dictionary_encode()):
        labels = Labels.of(column)
        assert [None if at < 0 else labels.texts[at] for at in labels.ids] == texts
        assert len(set(labels.texts)) == len(labels.texts)
