"""`driftwood bench detection` from folder to rows: real detectors, in processes of their own."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from driftwood.errors import ConfigError
from eval.detection import run as bench
from eval.detection import subjects
from eval.detection.dataset import Dataset
from eval.detection.find import Found
from eval.detection.protocols import Regime
from eval.detection.run import run
from eval.detection.subjects import Case, Judged
from eval.detection.worker import Order, Worker
from eval.parsing.readers import DataSetError
from eval.results import Row, read
from tests.eval.detection.made import attacked, sessions


class Texts(dict[int, str]):
    """A process that gets a data set with such texts imports this module, and so knows the scripted subjects, too."""


def load(name: str, kind: str) -> Dataset:
    match kind:
        case "damaged":
            raise DataSetError(f"{name} is damaged")
        case "attacked":
            return replace(attacked(seed=len(name)), name=name, sha=name)
        case "calm":
            made = sessions(300)
            return replace(made, name=name, truth=made.truth * (np.arange(300) < 30).astype(np.int8))  # fmt: skip
    return replace(sessions(300), name=name, sha=name, texts=Texts())


def find(data: Path | None, sets: list[str]) -> list[Found]:
    """Data sets are those that `--sets` names, `NAME:KIND`."""
    named = [each.split(":") for each in sets]
    return [Found(name, Path(), partial(load, kind=kind)) for name, kind in named]


@pytest.fixture
def laid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "find", find)


@dataclass(frozen=True)
class Scripted:
    """A subject that scores by chance, or fails as it is told to."""

    does: str
    of: tuple[str, ...] = ()
    natural: float | None = None

    def fits(self, data: Dataset, regime: Regime) -> bool:
        return True

    can = fits

    def run(self, case: Case) -> Judged:
        match self.does:
            case "crash":
                os._exit(3)
            case "stumble":
                raise KeyError("a bug")
            case "refuse":
                raise ConfigError("needs more")
            case "sleep":
                time.sleep(60)
        rng = np.random.default_rng(case.seed)
        return Judged(rng.random(len(case.split.validation)), rng.random(len(case.split.test)))


subjects.MADE.update({does: Scripted(does) for does in ("crash", "stumble", "refuse", "sleep")})


def values(rows: list[Row], protocol: str, subject: str) -> dict[str, float | None]:
    return {row.metric: row.value for row in rows if (row.protocol, row.subject) == (protocol, subject)}  # fmt: skip


NAMES = ("knn", "length", "random_forest", "all_positive")
ASKED = ("B", "C", "C 50-60", "supervised", "leaky")


@pytest.fixture(scope="module")
def of_sessions() -> list[Row]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench, "find", find)
        return run(None, ["A:sessions"], NAMES, 3, protocols=ASKED)


def test_every_row_has_its_interval_and_what_it_takes_to_repeat_it(of_sessions: list[Row]) -> None:
    assert {row.protocol for row in of_sessions} == {*ASKED, "C forward", "cost"}
    knn = values(of_sessions, "B", "knn")
    assert set(knn) >= {"AP", "AUC", "R@1%FPR", "R@0.1%FPR", "F1", "F1@oracle", "AP@distinct"}
    assert (knn["AP"] or 0) > 0.5
    cost = values(of_sessions, "cost", "knn")
    assert (cost["events/s"] or 0) > 100
    assert (cost["peak_mb"] or 0) > 10
    assert all(row.commit and row.device and row.at and row.config for row in of_sessions)
    assert {row.data_sha for row in of_sessions} == {"A"}
    ap = {(r.protocol, r.subject): r for r in of_sessions if r.metric == "AP"}
    assert ap["B", "knn"].seeds == 1, "it draws no lots, and the split does not either"
    assert ap["supervised", "random_forest"].seeds == 3
    assert ap["leaky", "knn"].seeds == 3
    for row in ap.values():
        assert row.low is not None
        assert row.high is not None
        assert row.low <= (row.value or 0) <= row.high
        assert row.n > 0


def test_flagging_everything_says_what_the_data_set_is_like(of_sessions: list[Row]) -> None:
    found = values(of_sessions, "B", "all_positive")
    assert found["prevalence"] == found["AP"] == pytest.approx(0.1)
    assert found["F1"] == pytest.approx(2 * 0.1 / 1.1, abs=1e-5)
    assert (found["units"], found["anomalies"]) == (120, 12)
    assert 0 < (found["distinct"] or 0) <= 120
    assert 0 < (found["seen in training"] or 0) < 1


def test_each_is_compared_in_pairs_with_the_best_simple_one(of_sessions: list[Row]) -> None:
    compared = {
        row.subject: row
        for row in of_sessions
        if (row.protocol, row.metric) == ("B", "p(AP>baseline)")
    }
    assert set(compared) == {"length"}
    assert (compared["length"].value or 0) > 0.95
    assert compared["length"].note.startswith("baseline: knn, AP 0.")


@pytest.mark.usefixtures("laid")
def test_a_stream_is_judged_by_windows_and_by_incidents_and_scenarios_are_averaged(
    tmp_path: Path,
) -> None:
    names = ["relation_new", "oracle gate", "all_positive"]
    rows = run(tmp_path, ["ads/one:attacked", "ads/other:attacked"], names, jobs=2)
    assert {row.data for row in rows} == {"ads/one", "ads/other", "ads/mean"}
    assert {row.protocol for row in rows} == {"strict", "inside", "lenient", "incidents", "cost"}
    for protocol in ("strict", "inside", "lenient"):
        aps = [r for r in rows if (r.protocol, r.metric, r.subject) == (protocol, "AP", names[0])]
        assert aps[-1].data == "ads/mean"
        assert aps[-1].value == pytest.approx(
            np.mean([r.value for r in aps[:2] if r.value]), abs=1e-5
        )
        assert aps[-1].n == sum(r.n for r in aps[:2])
    phases = [r for r in rows if (r.metric, r.subject) == ("phases@rolling", names[0])]
    assert [r.n for r in phases] == [2, 2, 4]
    found = values([r for r in rows if r.data == "ads/one"], "incidents", names[0])
    assert {"phases@1/day", "false/day@10/day", "FPR@rolling"} <= set(found)


@pytest.mark.usefixtures("laid")
def test_a_failure_is_a_row_with_its_reason_and_the_others_go_on(tmp_path: Path) -> None:
    rows = run(
        tmp_path,
        ["A:sessions", "B:damaged", "C:calm"],
        ["crash", "stumble", "refuse", "knn"],
        protocols=["B"],
    )
    notes = {(row.data, row.subject): row.note for row in rows if row.value is None}
    assert "exit code 3" in notes["A", "crash"]
    assert notes["A", "stumble"] == "KeyError: 'a bug'"
    assert notes["A", "refuse"] == "needs more"
    assert notes["B", "knn"] == "B is damaged"
    assert notes["C", "knn"] == "C has no anomaly among its 120 test units"
    assert ("A", "knn") not in notes


@pytest.mark.usefixtures("laid")
def test_who_takes_too_long_is_ended_and_not_tried_again_within_the_same_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval.detection.worker.STARTING_S", 20.0)
    journal, asked = tmp_path / "rows.jsonl", ["sleep", "knn"]
    begun = time.monotonic()
    rows = run(tmp_path, ["A:sessions"], asked, protocols=["B"], limit_s=1.0, journal=journal)
    assert time.monotonic() - begun < 55
    assert {row.note for row in rows if row.subject == "sleep"} == {"took more than 1 s"}
    assert "AP" in values(rows, "B", "knn")
    monkeypatch.delattr(bench, "Worker")
    again = run(tmp_path, ["A:sessions"], asked, protocols=["B"], limit_s=1.0, journal=journal)
    assert [(r.subject, r.metric, r.value) for r in again] == [
        (r.subject, r.metric, r.value) for r in rows
    ]


@pytest.mark.usefixtures("laid")
def test_what_is_kept_is_not_run_again_and_what_others_left_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = tmp_path / "rows.jsonl"
    run(tmp_path, ["A:sessions"], ["knn"], protocols=["B"], journal=journal)
    asked: list[tuple[str, ...]] = []

    def noted(order: Order, limit_s: float) -> Worker:
        asked.append(order.subjects)
        return Worker(order, limit_s)

    monkeypatch.setattr(bench, "Worker", noted)
    both = run(tmp_path, ["A:sessions"], ["knn", "length"], protocols=["B"], journal=journal)
    assert asked == [("length",)]
    assert read(journal) == both
    assert {row.subject for row in both} == {"knn", "length"}
    run(tmp_path, ["Z:sessions"], ["length"], protocols=["B"], journal=journal)
    assert {(row.data, row.subject) for row in read(journal)} == {
        ("A", "knn"),
        ("A", "length"),
        ("Z", "length"),
    }


@pytest.mark.usefixtures("laid")
def test_figures_are_drawn_for_every_view(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    figures = tmp_path / "figures"
    run(tmp_path, ["ads/one:attacked"], ["relation_new", "oracle gate"], plots=figures)
    assert sorted(path.name for path in figures.iterdir()) == [
        f"ads_one_{view}.{kind}"
        for view in ("inside", "lenient", "strict")
        for kind in ("png", "svg")
    ]
    assert b"relation_new" not in (figures / "ads_one_strict.png").read_bytes()[:4]
    assert (figures / "ads_one_strict.svg").read_bytes().startswith(b"<?xml")


@pytest.mark.usefixtures("laid")
def test_without_matplotlib_one_is_told_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.delattr(bench, "Worker")
    with pytest.raises(ConfigError, match=r"--plots needs matplotlib.*driftwood\[bench\]"):
        run(tmp_path, ["A:sessions"], ["knn"], plots=tmp_path / "figures")


def test_a_wrong_subject_or_protocol_stops_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no subject named 'knm'; known: .*knn"):
        run(tmp_path, subjects=["knm"])
