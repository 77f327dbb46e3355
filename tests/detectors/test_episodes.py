from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.episode_memory import EpisodeMemory
from detectors.relations import NewRelations
from tests.detectors.minute_batches import Minute, minutes, strange

streams = st.lists(
    st.tuples(
        st.integers(0, 1_000), st.sampled_from(["web", "db", "mail"]), st.text("abcd", max_size=4)
    ),
    unique_by=lambda unit: unit[:2],
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(units=streams, cuts=st.lists(st.integers(0, 40), max_size=4))
def test_any_cut_and_any_restart_leave_the_same_memory(
    units: list[Minute], cuts: list[int]
) -> None:
    units = sorted(units, key=lambda unit: unit[:2])
    whole, parts = EpisodeMemory(), EpisodeMemory()
    whole.fit(minutes(*units))
    edges = [0, *sorted(min(cut, len(units)) for cut in cuts), len(units)]
    parts.fit(minutes())
    for i in range(len(edges) - 1):
        parts.partial_fit(minutes(*units[edges[i] : edges[i + 1]]))
        state = parts.save()
        parts = EpisodeMemory()
        parts.load(state)
    assert parts.save() == whole.save()


@settings(max_examples=60, deadline=None)
@given(units=streams)
def test_what_is_known_is_what_a_plain_loop_over_episodes_finds(units: list[Minute]) -> None:
    units = sorted(units, key=lambda unit: unit[:2])
    detector = NewRelations()
    detector.fit(minutes(*units))
    now = max((minute for minute, _, _ in units), default=0)
    known = set()
    for host in ("web", "db", "mail"):
        for letter in "abcd":
            said = [m for m, h, text in units if h == host and letter in text]
            gaps = [i for i in range(1, len(said)) if said[i] - said[i - 1] > 30]
            runs = np.split(np.array(said), gaps) if said else []
            # No episode of these lasts six hours, and what began that long ago is long over.
            if any(run[-1] < now - 30 for run in runs if len(run)) or any(
                m // 60 * 60 + 60 < now - 360 for m in said
            ):
                known.add((host, letter))
    asked = [(2_000, host, letter) for host in ("web", "db", "mail") for letter in "abcd"]
    new = strange(detector.score(minutes(*asked)), len(asked))
    assert {(h, t) for (_, h, t), score in zip(asked, new, strict=True) if not score} == known


def test_the_fortieth_minute_of_an_attack_is_as_new_as_the_first() -> None:
    detector = NewRelations()
    detector.fit(minutes((0, "web", "a"), (100, "web", "a")))
    for minute in range(100, 140):
        now = minutes((minute, "web", "ax"))
        scores = detector.score(now)
        assert strange(scores, 1) == [1.0]
        assert scores.subject.tolist() == [ord("x")]
        detector.partial_fit(now)


def test_it_is_known_half_an_hour_after_its_end() -> None:
    detector = NewRelations()
    detector.fit(minutes(*((m, "web", "x") for m in range(10))))
    detector.partial_fit(minutes((39, "db", "y")))
    assert strange(detector.score(minutes((39, "web", "x"))), 1) == [1.0]
    detector.partial_fit(minutes((40, "db", "y")))
    assert strange(detector.score(minutes((40, "web", "x"))), 1) == [0.0]


def test_what_never_pauses_is_known_after_some_hours() -> None:
    detector = NewRelations()
    detector.fit(minutes(*((m, "web", "x") for m in range(6 * 60))))
    assert strange(detector.score(minutes((360, "web", "x"))), 1) == [1.0]
    detector.partial_fit(minutes(*((m, "web", "x") for m in range(360, 8 * 60))))
    assert strange(detector.score(minutes((480, "web", "x"))), 1) == [0.0]
