"""What every detector keeps, over the whole table: a new one is tested by being there."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors import DETECTORS
from driftwood.protocols import Detector, Labels, LogBatch, Scores

MINUTE = 60 * 10**9
SOURCES = ('{"service_name":"api"}', '{"service_name":"pay"}', '{"service_name":"new"}')
TEXTS = {template: f"template {template}" for template in range(1_000)}

Unit = tuple[str, int, list[tuple[int, int, int]]]
"""(source, minute, [(template, severity, count)])"""


def batch(units: list[Unit]) -> LogBatch:
    """Units in the given order; line ids follow from source, minute and place, so they are the same in any batch."""
    rows: list[tuple[int, int, int, int, int]] = []
    for number, (source, minute, said) in enumerate(units):
        flat = [(t, s) for t, s, count in said for _ in range(count)]
        first = (SOURCES.index(source) * 100_000 + minute) * 1_000_000
        step = MINUTE // max(len(flat), 1)
        rows += [
            (number, minute * MINUTE + i * step, t, s, first + i) for i, (t, s) in enumerate(flat)
        ]
    columns = np.array(rows, np.int64).reshape(-1, 5).T
    start = np.array([minute for _, minute, _ in units], np.int64) * MINUTE
    return LogBatch(
        source=objects([source for source, _, _ in units]),
        service=objects([source[17:-2] for source, _, _ in units]),
        start=start,
        end=start + MINUTE,
        unit=columns[0].astype(np.int32),
        ts=columns[1],
        template_id=columns[2],
        severity=columns[3].astype(np.uint8),
        line_id=columns[4],
    )


def objects(texts: list[str]) -> npt.NDArray[np.object_]:
    out = np.empty(len(texts), np.object_)
    out[:] = texts
    return out


def usual(source: str, minutes: range, seed: int = 0) -> list[Unit]:
    rng = np.random.default_rng(seed)
    return [
        (
            source,
            m,
            [
                (1, 9, int(rng.poisson(30))),
                (2, 9, int(rng.poisson(5))),
                (3, 17, int(rng.poisson(0.2))),
            ],
        )
        for m in minutes
    ]


STRANGE: list[Unit] = [
    (SOURCES[0], 500, [(1, 9, 30), (2, 9, 5), (77, 17, 14)]),
    (SOURCES[1], 500, [(1, 9, 300), (2, 9, 5)]),
    (SOURCES[0], 501, []),
    (SOURCES[1], 501, [(1, 9, 28), (3, 17, 25)]),
    (SOURCES[2], 501, [(1, 9, 3)]),
]


@pytest.fixture(params=list(DETECTORS))
def detector(request: pytest.FixtureRequest) -> Detector:
    made = new(request.param)
    if made.incremental:
        teach(made, usual(SOURCES[0], range(500)) + usual(SOURCES[1], range(500), seed=1))
    else:
        made.load(trained(request.param))
    return made


def new(name: str) -> Detector:
    """Those that train do so for a moment only: what they keep does not depend on how good they are."""
    if not DETECTORS.locate(name).startswith("detectors.neural."):
        return DETECTORS.make(name)
    pytest.importorskip("torch")
    from detectors.neural.training import Plan

    return DETECTORS.make(name, plan=Plan(epochs=2, steps=20))


@cache
def trained(name: str) -> bytes:
    """What trains takes seconds to learn: once, from fewer units."""
    made = new(name)
    teach(made, usual(SOURCES[0], range(40)) + usual(SOURCES[1], range(40), seed=1))
    return made.save()


def teach(detector: Detector, units: list[Unit]) -> None:
    """Fit, with a label for every unit, one in ten of them anomalous, if the detector cannot do without."""
    detector.fit(batch(units), labels_for(detector, len(units)))


def labels_for(detector: Detector, units: int) -> Labels | None:
    labels = (np.arange(units) % 10 == 9).astype(np.int8)
    return labels if "labels" in detector.needs else None


def fresh(detector: Detector) -> Detector:
    return new(detector.name)


def findings(scores: Scores, units: list[Unit]) -> set[tuple[str, int, str, int, float, float]]:
    """What was found, by what it was found on and not by row number."""
    return {
        (*units[u][:2], str(k), int(s), -1.0 if np.isnan(p) else float(p), float(x))
        for u, k, s, p, x in zip(
            scores.unit.tolist(),
            scores.kind,
            scores.subject,
            scores.p_value,
            scores.score,
            strict=True,
        )
    }


def test_scoring_twice_says_the_same_and_changes_nothing(detector: Detector) -> None:
    before = detector.save()
    first = findings(detector.score(batch(STRANGE)), STRANGE)
    assert findings(detector.score(batch(STRANGE)), STRANGE) == first
    assert first
    assert detector.save() == before


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None
)
@given(order=st.permutations(range(len(STRANGE))), size=st.integers(1, len(STRANGE)))
def test_what_else_is_in_the_batch_and_in_which_order_does_not_matter(
    detector: Detector, order: list[int], size: int
) -> None:
    units = [STRANGE[i] for i in order[:size]]
    together = findings(detector.score(batch(units)), units)
    alone = [findings(detector.score(batch([unit])), [unit]) for unit in units]
    assert together == set().union(*alone)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None
)
@given(cut=st.integers(0, 60))
def test_learning_in_parts_equals_learning_at_once(detector: Detector, cut: int) -> None:
    units = [
        u
        for pair in zip(usual(SOURCES[0], range(30)), usual(SOURCES[1], range(30)), strict=True)
        for u in pair
    ]
    if not detector.incremental:
        pytest.skip(f"{detector.name} trains on instead")
    whole, parts = fresh(detector), fresh(detector)
    labels = labels_for(detector, len(units))
    whole.fit(batch(units), labels)
    parts.fit(batch(units[:cut]), labels if labels is None else labels[:cut])
    parts.partial_fit(batch(units[cut:]), labels if labels is None else labels[cut:])
    assert parts.save() == whole.save()


def test_fit_forgets_what_was_learnt_before(detector: Detector) -> None:
    units, new = usual(SOURCES[2], range(20)), fresh(detector)
    teach(detector, units)
    teach(new, units)
    assert detector.save() == new.save()


def test_a_loaded_detector_goes_on_where_the_saved_one_was(detector: Detector) -> None:
    loaded = fresh(detector)
    loaded.load(detector.save())
    for each in (detector, loaded):
        each.partial_fit(batch(usual(SOURCES[1], range(500, 520), seed=3)))
    assert findings(loaded.score(batch(STRANGE)), STRANGE) == findings(
        detector.score(batch(STRANGE)), STRANGE
    )
    assert loaded.save() == detector.save()


def test_a_detector_that_has_seen_nothing_can_be_saved_loaded_and_asked(detector: Detector) -> None:
    empty, loaded = fresh(detector), fresh(detector)
    loaded.load(empty.save())
    loaded.score(batch(STRANGE))
    assert len(loaded.score(batch([])).unit) == 0


@pytest.mark.parametrize(
    "units",
    [
        [],
        [(SOURCES[0], 500, [])],
        [(SOURCES[0], 500, [(1, 9, 1)])],
        [(SOURCES[2], 500, [(5, 0, 1)]), (SOURCES[2], 501, [])],
        [(SOURCES[0], 500, [(1, 9, 200_000), (8, 24, 100_000)])],
    ],
    ids=["no unit", "no event", "one event", "an unknown source", "huge counts"],
)
def test_odd_batches_are_scored_and_learnt_with_sane_numbers(
    detector: Detector, units: list[Unit]
) -> None:
    scores = detector.score(batch(units))
    detector.partial_fit(batch(units))
    assert (np.isnan(scores.p_value) | ((scores.p_value >= 0) & (scores.p_value <= 1))).all()
    assert np.isfinite(scores.score).all()
    assert (np.diff(scores.unit) >= 0).all()
    after = [(SOURCES[0], 502, [(1, 9, 30), (2, 9, 5)])]
    assert np.isfinite(detector.score(batch(after)).score).all()


def test_a_finding_is_explained_by_templates_and_lines_of_its_own_window(
    detector: Detector,
) -> None:
    judged = batch(STRANGE)
    scores = detector.score(judged)
    for row, unit in enumerate(scores.unit.tolist()):
        told = detector.explain(judged, scores, row, TEXTS)
        assert told.title.startswith(judged.service[unit])
        assert "\n" not in told.title
        inside = judged.line_id[judged.unit == unit].tolist()
        assert set(told.line_ids) <= set(inside)
        assert list(told.line_ids) == sorted(told.line_ids)
        assert len(told.line_ids) <= 20
        assert sum(c.weight for c in told.contributions) <= 1.0 + 1e-9


def test_a_normal_window_is_rarely_called_strange(detector: Detector) -> None:
    units = usual(SOURCES[0], range(500, 1_500), seed=9)
    scores = detector.score(batch(units))
    if len(scores.p_value) and np.isnan(scores.p_value).all():
        pytest.skip(f"{detector.name} has no p-values of its own: `detectors.conformal` gives them")
    # Where p-values are ranks among units that were held out, those are a sample, too: a fifth of 1,000 windows.
    spread = 1.0 + (len(units) / 200 if detector.name == "ensemble" else 0.0)
    for level in (0.05, 0.01, 0.002):
        called = len(set(scores.unit[scores.p_value <= level].tolist()))
        assert called <= level * len(units) + 3 * (level * len(units) * spread) ** 0.5


def test_early_kinds_only_grow_stronger_while_a_window_fills(detector: Detector) -> None:
    for source, minute, said in STRANGE:
        last: dict[str, float] = {}
        for share in (0.25, 0.5, 0.75, 1.0):
            part: list[Unit] = [(source, minute, [(t, s, int(n * share)) for t, s, n in said])]
            scores = detector.score(batch(part))
            now = dict(zip(scores.kind.tolist(), scores.p_value.tolist(), strict=True))
            for kind in detector.early & last.keys():
                assert now.get(kind, 1.0) <= last[kind] * (1 + 1e-9)
            last = now
