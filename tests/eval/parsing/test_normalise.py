"""The form of the `normalised` protocol."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.parsing.metrics import Labels, score
from eval.parsing.normalise import normalise
from eval.parsing.readers import find, load


@pytest.mark.parametrize(
    ("template", "form"),
    [
        ("  a \t  b ", "a b"),
        ("took 12 ms", "took <*> ms"),
        ("took 12ms", "took 12ms"),
        ("pid=77, uid=<*>", "pid=<*>, uid=<*>"),
        ("blk_<*> stored", "<*> stored"),
        ("<*>KB of <*>MB", "<*> of <*>"),
        ("/var/log/<*>.gz", "/var/log/<*>.gz"),
        ("file:/<*>", "file:/<*>"),
        ("from <*>/<*>:<*>", "from <*>"),
        ("at 10.0.0.1:80", "at <*>"),
        ("a <*>-<*> b", "a <*>-<*> b"),
        ("<*>@<*> said", "<*> said"),
        ("<*>#<*>", "<*>"),
        ("the #<*># end", "the <*> end"),
        ("name=\"<*>\" or '<*>'", "name=<*> or <*>"),
        ("<*><*><*>", "<*>"),
        ("1.2.3.4", "<*>"),
        ("v1.2", "v1.<*>"),
        ("[<*>] (3)", "[<*>] (<*>)"),
        ("", ""),
        ("no variable", "no variable"),
    ],
)
def test_a_template_has_one_form(template: str, form: str) -> None:
    assert normalise(template) == form


@given(st.lists(st.sampled_from([*"ab1 /.:#@\"'", "<*>", " #", "# "]), max_size=12).map("".join))
def test_no_variables_touch_in_the_form(template: str) -> None:
    form = normalise(template)
    for pair in ("<*><*>", "<*>.<*>", "<*>:<*>", "<*>/<*>", "<*>#<*>", "<*>@<*>", '"<*>"'):
        assert pair not in form
    assert form == form.strip()


def test_the_truth_of_the_full_sets_has_the_form_already(shared: Path) -> None:
    for dataset in find(shared / "data" / "loghub_2_0"):
        truth = load(dataset).truth
        assert score(truth, Labels(truth.ids, tuple(map(normalise, truth.texts))))[:8] == (1.0,) * 8
