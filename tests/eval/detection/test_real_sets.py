"""The published figures of each data set, as the loaders count them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from driftwood.protocols import LogBatch
from eval.detection.dataset import Dataset
from eval.detection.find import find


@pytest.fixture(scope="module")
def data(shared: Path) -> Path:
    folder = shared / "data" / "detection"
    if not folder.is_dir():
        pytest.skip(f"no labelled data at {folder}")
    return folder


def load(data: Path, name: str) -> Dataset:
    found = find(data, [name])
    if not found[0].folder.is_dir():
        pytest.skip(f"no data set {name}")
    assert [each.name for each in found] == [name]
    loaded = found[0].load()
    assert loaded.name == name
    assert_in_order(loaded.batch)
    assert set(loaded.truth.tolist()) <= {0, 1}
    for column in (loaded.group, loaded.phase, loaded.ambiguous, loaded.part, loaded.weight):
        assert len(column) in (0, len(loaded.batch))
    return loaded


def assert_in_order(batch: LogBatch) -> None:
    """By start; events by unit, then time; each event within its unit."""
    assert (np.diff(batch.start) >= 0).all()
    assert (np.diff(batch.unit) >= 0).all()
    same = np.diff(batch.unit) == 0
    assert (np.diff(batch.ts)[same] >= 0).all()
    assert (batch.ts >= batch.start[batch.unit]).all()
    assert (batch.ts < batch.end[batch.unit]).all()


def test_the_2_percent_sample_of_hdfs_has_11501_sessions_and_350_anomalous_ones(data: Path) -> None:
    hdfs = load(data, "hdfs_content_2pct")
    assert (len(hdfs.batch), int(hdfs.truth.sum()), len(hdfs.batch.ts)) == (11_501, 350, 222_579)
    assert set(np.unique(hdfs.batch.template_id).tolist()) <= set(range(1, 34))
    last = hdfs.truth[len(hdfs.truth) * 6 // 10 :]
    assert (len(last), int(last.sum())) == (4_601, 118)
    assert hdfs.batch.fields is not None
    assert set(hdfs.batch.fields.name.tolist()) == {"component", "block", "ip"}


def test_a_line_of_hdfs_has_all_its_fields(data: Path) -> None:
    batch = load(data, "hdfs_content_2pct").batch
    assert batch.fields is not None
    receiving = int(np.flatnonzero(batch.template_id == 5)[0])
    of = batch.fields.at(np.array([receiving]))
    assert of.name.tolist() == ["component", "block", "ip", "ip"]
    assert of.value[0] == "dfs.DataNode$DataXceiver:"
    assert str(of.value[1]).startswith("blk_")


def test_the_sequences_of_hdfs_are_joined_with_the_sample_that_agrees(data: Path) -> None:
    hdfs = load(data, "hdfs_seq/loghub")
    assert int(hdfs.truth.sum()) == 16_838
    assert int((hdfs.part == "train").sum()) == 5_583
    others = (hdfs.part == "test") & (hdfs.truth == 0)
    assert int(others.sum()) == 11_039  # of 11,151, without those that are in the training file
    assert hdfs.weight[hdfs.truth == 0].sum() == pytest.approx(558_223)
    test = np.flatnonzero(others | (hdfs.truth == 1))
    weight = hdfs.to_prior(np.flatnonzero(hdfs.part == "train"), test)
    assert weight[hdfs.truth[test] == 0].sum() == pytest.approx(552_640)
    assert weight[hdfs.truth[test] == 1].sum() == pytest.approx(16_838)


def test_a_copy_of_hdfs_with_other_events_is_not_joined(data: Path) -> None:
    hdfs = load(data, "hdfs_seq/xu")
    assert int((hdfs.truth == 0).sum()) == 5_583


def test_adfa_has_5951_traces_of_60_attack_sessions_and_normal_use(data: Path) -> None:
    adfa = load(data, "adfa")
    assert len(adfa.batch) == 5_951
    assert int((adfa.part == "train").sum()) == 833
    assert not adfa.truth[adfa.part == "train"].any()
    assert int(adfa.truth.sum()) == 746
    assert len(set(adfa.group[adfa.truth == 1])) == 60
    assert len(set(adfa.phase[adfa.truth == 1])) == 6


def test_the_five_scenarios_of_ait_ads_have_30_phases_and_113_anomalous_minutes(data: Path) -> None:
    names = [each.name for each in find(data, ["ait_ads"])]
    at_hand = ["fox", "russellmitchell", "shaw", "wheeler", "wilson"]
    sets = [load(data, f"ait_ads/{name}") for name in at_hand if f"ait_ads/{name}" in names]
    assert sum(len(set(each.phase[each.truth == 1])) for each in sets) == 30
    assert sum(int(each.truth.sum()) for each in sets) == 113
    for each in sets:
        assert not (each.ambiguous & (each.truth == 1)).any()
        assert ((each.phase != "") == (each.ambiguous | (each.truth == 1))).all()
        assert (each.batch.end - each.batch.start == 60 * 10**9).all()
        assert (np.diff(each.batch.bounds) > 0).all()


def test_openstack_says_which_of_its_copies_is_unusable(data: Path) -> None:
    kalaki, loghub = load(data, "openstack/kalaki"), load(data, "openstack/loghub")
    assert (len(kalaki.batch), int(kalaki.truth.sum()), kalaki.note) == (5_596, 651, "")
    assert (len(loghub.batch), int(loghub.truth.sum())) == (2_069, 198)
    assert "195 of 198" in loghub.note


def test_the_first_100000_lines_of_hdfs_have_7940_sessions(data: Path) -> None:
    hdfs = load(data, "hdfs_100k")
    assert (len(hdfs.batch), int(hdfs.truth.sum())) == (7_940, 313)
    assert int((hdfs.part == "train").sum()) == 6_352


def test_lo2_has_seven_labelled_runs_and_learns_from_three_correct_ones(data: Path) -> None:
    services, windows = load(data, "lo2/services"), load(data, "lo2/windows")
    assert len(services.batch) == 49
    for each in (services, windows):
        assert len(set(each.group)) == 7
        assert set(each.phase[each.truth == 1]) == {
            "get_token_page_400_no_page",
            "register_user_400_no_password",
        }
        assert set(each.group[each.part == "train"]) == {"correct_1", "correct_2", "correct_3"}
        assert set(each.group[each.part == "validation"]) == {"correct_4"}
        assert len(each.batch.ts) == 102_358
    assert int(np.diff(windows.batch.bounds).max()) == 100
    learnt = windows.batch.template_id[
        np.isin(windows.batch.unit, np.flatnonzero(windows.part == "train"))
    ]
    assert set(np.unique(learnt).tolist()) < set(windows.texts)


def test_nezha_has_28_faults_and_traces_that_begin_in_their_windows(data: Path) -> None:
    nezha = load(data, "nezha_trainticket")
    assert len(nezha.faults) == 28
    assert {fault.kind for fault in nezha.faults} == {"return", "exception", "cpu_contention"}
    assert len(nezha.batch) in range(4_483, 4_483 + 71 + 1)
    in_fault = np.zeros(len(nezha.batch), np.bool_)
    for fault in nezha.faults:
        in_fault |= (nezha.batch.start >= fault.start) & (nezha.batch.start < fault.end)
    assert ((nezha.phase != "") == in_fault).all()
    assert nezha.truth[in_fault].any()
    assert not nezha.truth[~in_fault].any()
