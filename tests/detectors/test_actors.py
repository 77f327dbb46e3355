from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.actors import CAP, Actors, actors_of
from detectors.vectors import Floats
from driftwood.protocols import Fields
from eval.detection.loaders.columns import untimed


def names(texts: list[str]) -> npt.NDArray[np.object_]:
    out = np.empty(len(texts), np.object_)
    out[:] = texts
    return out


def office(
    sessions: int = 60, actors: int = 20, between: float = 2.0, seed: int = 0
) -> tuple[npt.NDArray[np.object_], Floats]:
    """Actors whose means differ by `between`, one session of each after another, of standard deviation 1/2."""
    rng = np.random.default_rng(seed)
    means = rng.normal(10.0, between, actors)
    who = np.tile(np.arange(actors), sessions)
    return names([f"user{a}" for a in who]), rng.normal(means[who], 0.5)


def test_what_is_usual_for_one_is_strange_for_another() -> None:
    stage = Actors()
    who, scores = office()
    stage.apply(who, scores)
    mine = {a: float(scores[who == a].mean()) for a in set(who.tolist())}
    low, high = min(mine, key=lambda a: mine[a]), max(mine, key=lambda a: mine[a])
    as_usual = stage.apply(names([high]), np.array([mine[high]]))
    as_another = stage.apply(names([low]), np.array([mine[high]]))
    assert abs(as_usual[0]) < 0.5
    assert as_another[0] > 6.0


def test_z_of_normal_sessions_has_the_spread_that_it_promises() -> None:
    z = Actors().apply(*office(sessions=200))[20 * 20 :]
    assert abs(z.mean()) < 0.1
    assert 0.9 < z.std() < 1.1


def test_a_new_actor_is_judged_by_its_peers() -> None:
    stage = Actors()
    who, scores = office()
    stage.apply(who, scores)
    new = stage.apply(names(["new"]), np.array([scores.mean() + scores.std()]))[0]
    assert 0.8 < new < 1.2


def test_few_sessions_move_an_actor_a_little_and_many_a_lot() -> None:
    def after(sessions: int) -> float:
        stage = Actors()
        stage.apply(*office())
        stage.apply(names(["new"] * sessions), np.full(sessions, 14.0))
        return float(stage.apply(names(["new"]), np.array([14.0]))[0])

    assert after(0) > after(1) > after(50)
    assert abs(after(50)) < 0.3


def test_where_actors_do_not_differ_the_peers_decide() -> None:
    stage = Actors()
    rng = np.random.default_rng(1)
    stage.apply(names([f"user{i % 20}" for i in range(400)]), rng.normal(10, 1, 400))
    stage.apply(names(["new"] * 2), np.array([12.0, 12.0]))
    assert stage.apply(names(["new"]), np.array([12.0]))[0] > 1.3


def test_peers_of_another_group_say_nothing() -> None:
    stage = Actors()
    who, scores = office()
    stage.apply(who, scores, names(["clerks"] * len(who)))
    assert stage.apply(names(["new"]), np.array([99.0]), names(["admins"]))[0] == 0.0
    assert stage.apply(names(["new"]), np.array([99.0]), names(["clerks"]))[0] > 10.0


def test_an_attack_does_not_become_a_habit_at_once() -> None:
    stage = Actors()
    stage.apply(*office(between=0.1))
    z = stage.apply(names(["user1"] * 3), np.full(3, 30.0))
    assert (z > 5 * CAP).all()


def test_a_session_of_no_one_is_neither_judged_nor_learnt() -> None:
    stage = Actors()
    stage.apply(*office())
    before = stage.save()
    assert stage.apply(names([""]), np.array([99.0])).tolist() == [0.0]
    assert stage.save() == before


def test_equal_scores_for_ever_do_not_make_the_next_one_infinitely_strange() -> None:
    stage = Actors()
    stage.apply(names(["a"] * 100), np.full(100, 2.0))
    assert stage.apply(names(["a"]), np.array([2.0])).tolist() == [0.0]
    assert 0 < stage.apply(names(["a"]), np.array([2.1]))[0] < 1e3


@settings(deadline=None, max_examples=30)
@given(cut=st.integers(0, 200), most=st.integers(1, 30))
def test_any_cut_and_any_restart_give_the_same(cut: int, most: int) -> None:
    who, scores = office(sessions=10)
    whole, first, second = Actors(most=most), Actors(most=most), Actors(most=most)
    expected = whole.apply(who, scores)
    begun = first.apply(who[:cut], scores[:cut])
    second.load(first.save())
    rest = second.apply(who[cut:], scores[cut:])
    assert np.concatenate((begun, rest)).tolist() == expected.tolist()
    assert second.save() == whole.save()


def test_the_actor_of_a_session_is_whom_most_of_its_events_name() -> None:
    batch = untimed([np.array([1, 1, 1]), np.array([1]), np.array([1, 1])], {})
    fields = Fields(
        np.array([0, 1, 2, 2, 4, 5]),
        names(["user", "user", "user", "ip", "user", "user"]),
        names(["b", "a", "a", "x", "d", "c"]),
    )

    assert actors_of(replace(batch, fields=fields), "user").tolist() == ["a", "", "c"]
    assert actors_of(batch, "user").tolist() == ["", "", ""]
    assert actors_of(batch) is batch.source
