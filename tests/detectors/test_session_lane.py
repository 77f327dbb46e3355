"""Sessions as the stage judges them: learnt once, changed by people and elections only, the same in any cut."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import DETECTORS
from detectors.snapshot import unpack
from detectors.stage import DetectionStage
from detectors.tiers import SESSION_TIERS
from driftwood.config import Detection, StreamRule
from driftwood.errors import ConfigError
from driftwood.labels import label_key
from driftwood.records import EVENTS, Anomaly, Events
from eval.simulated import SECOND, START

NORMAL = ((1, 2, 3, 4), (1, 2, 2, 3, 4), (1, 5, 4))
BROKEN, TIMED_OUT = (1, 2, 99), (1, 98, 98, 98)
TEXTS = {t: f"step {t}" for t in range(100)}
RULE = StreamRule(
    '{service_name="shop"}',
    detectors=("knn",),
    session=r"req-\d+",
    gap_s=30.0,
    lateness_s=5.0,
    warmup_sessions=100,
    refit_sessions=150,
)
EVERY_S = 20.0
"""A session begins every 20 seconds, so that an hour has 180 of them."""


@cache
def stream(
    sessions: int = 600, strange: tuple[tuple[int, tuple[int, ...]], ...] = (), seed: int = 0
) -> Events:
    """Lines of sessions that overlap; `strange` names the steps of some of them by their number."""
    rng = np.random.default_rng(seed)
    steps = dict(strange)
    rows = []
    for number in range(sessions):
        kind = steps.get(number, NORMAL[int(rng.choice(3, p=(0.6, 0.3, 0.1)))])
        at = number * EVERY_S + np.cumsum(rng.uniform(1.0, 10.0, len(kind)))
        rows += [(int(t * SECOND), step, number) for t, step in zip(at.tolist(), kind, strict=True)]
    rows.sort()
    return events(rows)


def events(rows: Sequence[tuple[int, int, int]], labels: Mapping[str, str] | None = None) -> Events:
    """(time since the start in ns, template, number of the session) as events, in this order."""
    n = len(rows)
    ts = np.array([row[0] for row in rows], np.int64) + START
    key = label_key(labels or {"service_name": "shop", "level": "info"})
    one = pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int32()), pa.array([key]))
    shop = pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int32()), pa.array(["shop"]))
    columns: dict[str, Any] = {
        "ts": ts,
        "observed_ts": ts + SECOND,
        "labels": one,
        "line": [f"req-{number} step {step}" for _, step, number in rows],
        "sm": [[("trace", f"t{number}")] for _, _, number in rows],
        "severity": [9] * n,
        "service": shop,
        "topic": shop,
        "part": [0] * n,
        "off": range(n),
        "idx": [0] * n,
        "template_id": [step for _, step, _ in rows],
        "template_version": [1] * n,
        "line_id": range(n),
    }
    return Events(pa.table([pa.array(columns[f.name], f.type) for f in EVENTS], schema=EVENTS))


def stage(rule: StreamRule = RULE, **more: Any) -> DetectionStage:
    return DetectionStage(Detection(streams=(rule,), **more), lambda: TEXTS, looks=False)


def run(judge: DetectionStage, rows: Events, size: int = 1_000) -> list[Anomaly]:
    told: list[Anomaly] = []
    for at in range(0, rows.num_rows, size):
        told += judge.observe(Events(rows.slice(at, size)))
    return told


def named(told: Iterable[Anomaly]) -> list[str]:
    """The ids of the sessions that are told."""
    return [a.title.rpartition("(session ")[2].rstrip(")") for a in told]


def before(rows: Events, session: int) -> int:
    """How many rows come before this session begins."""
    first = START + int(session * EVERY_S * SECOND)
    return int(np.searchsorted(rows["ts"].to_numpy(), first))


def parts(rows: Events, session: int) -> tuple[Events, Events]:
    at = before(rows, session)
    return Events(rows.slice(0, at)), Events(rows.slice(at))


def test_a_session_unlike_all_others_is_told_once_the_model_is_ready() -> None:
    rows = stream(300, ((40, BROKEN), (200, TIMED_OUT), (250, BROKEN)))
    judge = stage()
    told = run(judge, rows)
    assert named(told) == ["req-200"], "the broken one of the warm-up was learnt, like all of it"
    (anomaly,) = told
    assert (anomaly.detector, anomaly.service) == ("knn", "shop")
    assert anomaly.source == '{"service_name":"shop"}'
    lines = rows.take(np.array(anomaly.line_ids, np.int64))["line"].to_pylist()
    assert lines == [f"req-200 step {step}" for step in TIMED_OUT], (
        "all of a short session is shown"
    )
    assert anomaly.p_value <= 0.1
    assert anomaly.score >= 1.0


def test_nothing_is_told_of_sessions_like_the_ones_before() -> None:
    assert run(stage(), stream(1_500)) == []


def test_the_status_tells_of_the_warm_up_and_of_elections() -> None:
    judge = stage()
    row = judge.status()[-1]
    assert (row["name"], row["state"]) == ('knn {service_name="shop"}', "waiting")
    assert row["detail"] == "0 of 105 sessions seen"
    first, rest = parts(stream(600), 60)
    run(judge, first)
    row = judge.status()[-1]
    assert row["state"] == "warming"
    assert 0.4 < row["progress"] < 0.6
    run(judge, rest)
    row = judge.status()[-1]
    assert (row["state"], row["progress"]) == ("ready", 1.0)
    assert "a new model was taken" in row["detail"]


def test_what_repeats_unlabelled_is_not_absorbed() -> None:
    again = tuple((number, BROKEN) for number in range(150, 900, 10))
    told = run(stage(), stream(900, again))
    hours = [(a.start - START) // (3_600 * SECOND) for a in told]
    assert len(told) == len(set(hours)), "one row an hour for one pattern"
    assert set(range(1, 5)) <= set(hours), (
        "five elections later it is as strange as on the first day"
    )
    assert {a.score > 1.9 for a in told} == {True}


def test_the_budget_of_a_day_is_a_ceiling() -> None:
    rng = np.random.default_rng(5)
    odd = tuple(
        (number, (1, *rng.integers(20, 90, 3).tolist(), 4)) for number in range(200, 500, 5)
    )
    told = run(stage(alerts_per_day=4.0), stream(600, odd))
    assert len(told) >= 4
    kept = [a.score for a in told]
    assert all(score > max(kept[:i]) for i, score in enumerate(kept) if i >= 4)


@pytest.mark.parametrize("verdict", ["expected", "noise"])
def test_one_acknowledgement_makes_a_pattern_normal_for_ever(verdict: str) -> None:
    again = tuple((number, BROKEN) for number in range(150, 900, 30))
    rows = stream(900, again)
    judge = stage()
    first, rest = parts(rows, 165)
    (anomaly,) = run(judge, first)
    assert judge.effects(anomaly.id)[verdict].startswith("The detectors learn this session")
    assert judge.acknowledge(anomaly.id, verdict) is not None
    assert run(judge, rest) == []


def test_a_verdict_taken_back_is_forgotten() -> None:
    rows = stream(900, tuple((number, BROKEN) for number in range(150, 900, 30)))
    first, rest = parts(rows, 165)
    plain, judge = stage(), stage()
    run(plain, first)
    (anomaly,) = run(judge, first)
    assert judge.acknowledge(anomaly.id, "expected") is not None
    assert judge.acknowledge(anomaly.id, "open") is not None
    assert run(judge, rest) == run(plain, rest) != []


def test_a_verdict_that_could_not_be_stored_is_undone() -> None:
    rows = stream(400, ((150, BROKEN), (300, TIMED_OUT)))
    judge = stage()
    told = run(judge, rows)
    assert judge.acknowledge(told[0].id, "expected") is not None
    state = memory(judge)
    undo = judge.acknowledge(told[1].id, "real")
    assert undo is not None
    assert memory(judge) != state
    undo()
    assert memory(judge) == state


def test_a_confirmed_anomaly_is_told_again_whatever_it_scores() -> None:
    rows = stream(900, ((150, TIMED_OUT), *((n, TIMED_OUT) for n in range(400, 900, 200))))
    judge = stage(alerts_per_day=1.0)
    first, rest = parts(rows, 165)
    (anomaly,) = run(judge, first)
    assert judge.acknowledge(anomaly.id, "real") is not None
    assert named(run(judge, rest)) == ["req-400", "req-600", "req-800"], "no budget holds it back"
    assert "finds 1 of 1 confirmed anomalies" in judge.status()[-1]["detail"]


def test_nothing_is_learnt_from_what_was_never_told() -> None:
    judge = stage()
    run(judge, stream(300))
    assert judge.acknowledge("nobody", "expected") is None
    assert judge.effects("nobody") == {}


def test_a_session_of_a_stream_that_stopped_is_told_by_a_look_and_may_be_judged() -> None:
    rows = stream(300, ((299, BROKEN),))
    judge = DetectionStage(Detection(streams=(RULE,)), lambda: TEXTS)
    assert run(judge, rows) == []
    now = int(rows["observed_ts"].to_numpy().max())
    told = [a for s in range(0, 120, 5) for a in judge.advance(now + s * SECOND)]
    assert named(told) == ["req-299"]
    assert judge.acknowledge(told[0].id, "expected") is not None
    assert judge.finish() == ()


def test_what_is_open_at_the_end_is_told_by_the_end() -> None:
    judge = stage()
    assert run(judge, stream(300, ((299, BROKEN),))) == []
    assert named(judge.finish()) == ["req-299"]


def test_other_streams_are_judged_as_ever() -> None:
    mine = stream(300, ((200, TIMED_OUT),))
    other = events([(int(i * 4 * SECOND), 7, 0) for i in range(1_500)], {"service_name": "api"})
    both = Events(pa.concat_tables([mine, other]))
    order = np.argsort(both["ts"].to_numpy(), kind="stable")
    place = EVENTS.get_field_index("line_id")
    both = Events(
        both.take(order).set_column(
            place, EVENTS.field("line_id"), pa.chunked_array([np.arange(both.num_rows)])
        )
    )
    judge = stage()
    assert named(run(judge, both)) == ["req-200"]
    by_name = {row["name"]: row["sources"] for row in judge.status()}
    assert by_name == {
        "new_template": 1,
        "rate_change": 1,
        "error_burst": 1,
        'knn {service_name="shop"}': 1,
    }


def test_a_model_of_lines_of_several_services_names_none_from_then_on() -> None:
    rows = stream(600, ((200, TIMED_OUT), (500, BROKEN)))
    first, rest = parts(rows, 400)
    place = EVENTS.get_field_index("service")
    other = pa.array(["till"] * rest.num_rows).dictionary_encode()
    judge = stage()
    told = run(judge, first) + run(
        judge, Events(rest.set_column(place, rest.schema.field(place), other))
    )
    assert [a.service for a in told] == ["shop", ""]


def test_one_rule_may_judge_windows_and_sessions() -> None:
    rule = replace(RULE, detectors=("knn", "new_template"), window_s=30.0)
    judge = stage(rule)
    told = run(judge, stream(300, ((200, TIMED_OUT),)))
    assert {a.detector for a in told} == {"knn", "new_template"}
    windows = [a for a in told if a.detector == "new_template"]
    assert {a.end - a.start for a in windows} == {30 * SECOND}


def test_sessions_are_named_by_labels_and_metadata_too_and_models_by_labels() -> None:
    rule = replace(RULE, session="", session_key="trace", per=("level",))
    assert named(run(stage(rule), stream(300, ((200, BROKEN),)))) == ["t200"]
    judge = stage(replace(rule, session_key="service_name"))
    run(judge, stream(300))
    assert judge.status()[-1]["detail"].startswith("0 of 105"), "the whole stream is one session"


def of_sessions() -> list[str]:
    """Detectors that may be named in a rule, without those that take long to learn."""
    quick = [name for name in DETECTORS if "neural" not in DETECTORS.locate(name)]
    made = {name: DETECTORS.make(name) for name in quick}
    return [name for name, each in made.items() if each.level == "session" and not each.needs]


@pytest.mark.parametrize("name", of_sessions())
def test_every_detector_of_sessions_works_in_a_stream(name: str) -> None:
    rule = replace(RULE, detectors=(name,))
    judge = stage(rule)
    told = run(judge, stream(450, ((200, TIMED_OUT), (300, BROKEN))))
    assert set(named(told)) <= {"req-200", "req-300"}
    for anomaly in told:
        assert judge.acknowledge(anomaly.id, "expected") is not None
    again = stage(rule)
    again.load(judge.save())
    assert again.status()[-1]["state"] == "ready"
    assert run(again, stream(450)) == [], "no line is taken in twice"


def test_tiers_name_detectors_of_sessions() -> None:
    for names in SESSION_TIERS:
        assert {DETECTORS.make(name).level for name in names} == {"session"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"match": '{service_name="a"} |= "x"'}, "match: a selector is needed"),
        ({"match": "{service_name="}, "match: "),
        ({"session": "(a)(b)"}, "groups need names"),
        ({"session_key": "trace"}, "both say what a session is"),
        ({"detectors": ("knm",)}, "no detector named 'knm'; did you mean 'knn'"),
        ({"detectors": ("rate_change",)}, "none of rate_change judges sessions"),
        ({"detectors": (), "tier": 9}, "there is no tier 9"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_in_words(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=None) as refusal:
        stage(replace(RULE, **change))
    assert words in str(refusal.value)


def test_detectors_of_sessions_need_to_know_what_a_session_is() -> None:
    with pytest.raises(ConfigError, match="knn judges sessions; say in a"):
        DetectionStage(Detection(detectors=("knn",)), dict)
    with pytest.raises(ConfigError, match="two tables have the same match"):
        DetectionStage(Detection(streams=(RULE, RULE)), dict)


def test_a_snapshot_of_sessions_that_were_cut_otherwise_is_left_aside() -> None:
    rows = stream(300)
    judge = stage()
    run(judge, rows)
    other = stage(replace(RULE, gap_s=60.0))
    after, since = other.load(judge.save())
    assert (after, since > 2**62) == (rows.num_rows - 1, True)
    assert other.status()[-1]["state"] == "waiting"
    run(other, rows)
    assert other.status()[-1]["state"] == "waiting", "what is stored is not taken in again"


def test_the_snapshot_of_a_stage_without_rules_still_serves_its_windows() -> None:
    rows = events([(int(i * 4 * SECOND), 7, 0) for i in range(1_500)], {"service_name": "api"})
    plain = DetectionStage(Detection(), lambda: TEXTS, looks=False)
    run(plain, rows)
    judge = stage()
    after, _ = judge.load(plain.save())
    assert after == 1_499
    assert judge.status()[0] == plain.status()[0]
    again = DetectionStage(Detection(), lambda: TEXTS, looks=False)
    again.load(judge.save())
    assert again.status() == plain.status()


def memory(judge: DetectionStage) -> tuple[Any, dict[str, bytes]]:
    """What the model of the sessions knows."""
    header, arrays = unpack(judge.save())
    at = header["lanes"].index(f"sessions of {RULE.match}")
    header, arrays = unpack(arrays[f"lane {at}"].tobytes())
    return header["models"], {n: a.tobytes() for n, a in arrays.items() if n.startswith("0 ")}


STRANGE = ((130, BROKEN), (190, TIMED_OUT), (260, BROKEN), (350, TIMED_OUT), (400, BROKEN))
VERDICTS = {200: (0, "real"), 280: (1, "expected"), 300: (0, "open")}
"""Before this session begins, somebody says that of the anomaly with this number."""


def lived(
    cuts: Sequence[int], save: Callable[[int], bool], kill: Callable[[int], bool]
) -> tuple[dict[str, Anomaly], tuple[Any, dict[str, bytes]]]:
    """All that is told, and the memory in the end; the process is saved and killed after some batches."""
    rows = stream(500, STRANGE)
    edges = sorted({0, rows.num_rows, *cuts, *(before(rows, s) for s in VERDICTS)})
    said = {before(rows, s): what for s, what in VERDICTS.items()}
    judge = stage()
    told: dict[str, Anomaly] = {}
    snapshot = judge.save()
    for number, (a, b) in enumerate(itertools.pairwise(edges)):
        if a in said:
            which, verdict = said[a]
            assert judge.acknowledge(list(told)[which], verdict) is not None
            snapshot = judge.save()  # in the transaction that stores the verdict
        told |= {x.id: x for x in judge.observe(Events(rows.slice(a, b - a)))}
        if save(number):
            snapshot = judge.save()
        if kill(number):
            judge = stage()
            after, since = judge.load(snapshot)
            stored = rows.slice(0, b)
            wanted = (stored["line_id"].to_numpy() > after) | (stored["ts"].to_numpy() >= since)
            told |= {x.id: x for x in judge.observe(Events(stored.filter(wanted)))}
    return told, memory(judge)


@cache
def calm_life() -> tuple[dict[str, Anomaly], tuple[Any, dict[str, bytes]]]:
    return lived((), lambda _: False, lambda _: False)


@settings(max_examples=25, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 1_900), max_size=25),
    saves=st.sets(st.integers(0, 27)),
    kills=st.sets(st.integers(0, 27), max_size=3),
)
def test_any_cut_and_any_crash_give_the_same_anomalies_and_the_same_memory(
    cuts: list[int], saves: set[int], kills: set[int]
) -> None:
    expected, state = calm_life()
    assert named(expected.values()) == ["req-130", "req-190", "req-400"]
    told, end = lived(cuts, saves.__contains__, kills.__contains__)
    assert told == expected
    assert end == state
