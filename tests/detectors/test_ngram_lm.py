from __future__ import annotations

import numpy as np
import pytest

from detectors.ngram_lm import ASPECTS, Aspect, NgramLM
from driftwood.errors import DetectorError
from driftwood.protocols import Fields, LogBatch
from eval.detection.loaders.columns import untimed

TEXTS = {1: "open", 2: "read", 3: "close", 9: "abort"}
USUAL = [[1, 2, 2, 3], [1, 2, 3], [1, 2, 2, 2, 3]] * 20


def batch(sequences: list[list[int]]) -> LogBatch:
    return untimed([np.array(s, np.int64) for s in sequences], {})


def learnt(**settings: object) -> NgramLM:
    detector = NgramLM(**settings)  # type: ignore[arg-type]
    detector.fit(batch(USUAL))
    return detector


def title(sequence: list[int], detector: NgramLM | None = None) -> str:
    detector = detector or learnt()
    judged = batch([sequence])
    return detector.explain(judged, detector.score(judged), 0, TEXTS).title


@pytest.mark.parametrize("aspect", ASPECTS)
def test_each_aspect_finds_what_is_out_of_order(aspect: Aspect) -> None:
    detector = learnt(publish=aspect)
    normal, strange = detector.score(batch([[1, 2, 2, 3], [3, 1, 2, 2]])).score.tolist()
    assert strange > normal


def test_a_session_that_is_cut_short_is_strange() -> None:
    whole, cut = learnt().score(batch([[1, 2, 3], [1, 2]])).score.tolist()
    assert cut > whole


def test_aspects_are_what_their_names_say() -> None:
    detector = learnt()
    judged = batch([[1, 2, 9, 3], []])
    found, spread = detector.aspects(judged), detector.nll(judged)
    assert [len(each) for each in spread] == [5, 1]
    for unit, nll in enumerate(spread):
        assert np.isclose(found["mean"][unit], nll.mean())
        assert np.isclose(found["cubic"][unit], (nll**3).mean() ** (1 / 3))
        assert found["max"][unit] == nll.max()
        assert found["p95"][unit] == nll.max()


def test_p95_leaves_a_twentieth_of_the_events_out() -> None:
    detector = learnt()
    judged = batch([[1, *[2] * 37, 3]])
    nll = np.sort(detector.nll(judged)[0])
    assert detector.aspects(judged)["p95"][0] == nll[37]


def test_what_is_random_by_nature_is_no_excess() -> None:
    rng = np.random.default_rng(0)
    detector = NgramLM()
    detector.fit(batch([rng.integers(1, 9, 40).tolist() for _ in range(500)]))
    found = detector.aspects(batch([rng.integers(1, 9, 40).tolist() for _ in range(200)]))
    assert abs(found["excess"].mean()) < 0.05 < found["mean"].mean()
    assert abs(found["z"].mean()) < 1.0


def test_titles_say_what_came_after_what_and_what_is_normal() -> None:
    assert title([1, 9, 3]) == "a source: after `open` came `abort`; normally `read` (99 %)"
    assert "the session ended after `open` `read`; normally `read` (" in title([1, 2])
    assert "the session began with `close`; normally `open` (" in title([3])
    assert title([]).startswith("a source: the session was empty; normally `open` (")


def test_a_finding_names_the_events_that_surprise_most() -> None:
    detector = learnt()
    judged = batch([[1, 2, 9, 3]])
    told = detector.explain(judged, detector.score(judged), 0, TEXTS)
    assert told.contributions[0].template == "abort"
    assert told.contributions[0].expected < 0.05
    assert 2 in told.line_ids


def timed(gaps: list[int], ips: list[str]) -> LogBatch:
    """One session of template 1, `gaps` seconds apart, each event with one address."""
    plain = batch([[1] * len(gaps)])
    name, value = np.full(len(ips), "ip", np.object_), np.array(ips, np.object_)
    return LogBatch(
        source=plain.source,
        service=plain.service,
        start=plain.start,
        end=plain.end,
        unit=plain.unit,
        ts=np.cumsum(gaps).astype(np.int64) * 10**9,
        template_id=plain.template_id,
        severity=plain.severity,
        line_id=plain.line_id,
        fields=Fields(np.arange(len(ips)), name, value),
    )


def test_other_fields_are_surprising_on_their_own() -> None:
    detector = NgramLM(fields=("template", "gap", "entities"))
    detector.fit(timed([1] * 50, ["a"] * 50))
    usual = detector.fields(timed([1] * 10, ["b"] * 10))
    assert set(usual) == {"template", "gap", "entity ip"}
    late = detector.fields(timed([1] * 5 + [4_000] + [1] * 4, ["b"] * 10))
    many = detector.fields(timed([1] * 10, list("abcdefghij")))
    assert late["gap"] > usual["gap"]
    assert late["entity ip"] == usual["entity ip"]
    assert many["entity ip"] > usual["entity ip"]
    assert many["template"] == usual["template"]


@pytest.mark.parametrize(
    "wrong", [{"order": 0}, {"fields": ("gap",)}, {"publish": "median"}], ids=str
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(DetectorError, match="orders begin at 1"):
        NgramLM(**wrong)  # type: ignore[arg-type]
