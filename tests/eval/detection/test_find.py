"""Data sets are recognised by what lies in a folder, whatever it is called, packed or not."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from driftwood.errors import ConfigError
from eval.detection.find import find
from eval.parsing.readers import DataSetError

HEADER = "time,name,ip,host,short,time_label,event_label\n"
ALERTS = (
    HEADER
    + "0,Login,10.0.0.1,web,L,false_positive,-\n"
    + "61,Scan,10.0.0.2,web,S,scan,port_scan\n"
    + "62,Login,,web,L,scan,-\n"
    + "60,Login,10.0.0.1,mail,L,scan,-\n"
    + "185,Scan,10.0.0.2,web,S,false_positive,port_scan\n"
)
TRACES = {
    "Training_Data_Master/UTD-1.txt": "3 4 5 ",
    "Validation_Data_Master/UVD-1.txt": "3 3 4",
    "Attack_Data_Master/Web_Shell_1/UAD-1.txt": "9 9",
    "Attack_Data_Master/Web_Shell_1/UAD-2.txt": "9 3",
}


def laid_out(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def zipped(path: Path, files: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def test_a_scenario_in_another_folder_is_one_more_data_set(tmp_path: Path) -> None:
    zipped(tmp_path / "five" / "alerts_csv.zip", {"alerts_csv/fox_alerts.txt": ALERTS})
    laid_out(tmp_path / "three" / "alerts_csv", {"santos_alerts.txt": ALERTS})
    laid_out(tmp_path / "loose", {"a_alerts.txt": ALERTS, "b.csv": ALERTS, "README.md": "x"})
    found = find(tmp_path)
    assert [each.name for each in found] == ["five/fox", "loose/a", "loose/b", "three/santos"]
    assert len({each.load().sha for each in found}) == 1  # the same alerts, packed or not


def test_a_minute_of_a_host_is_what_its_alerts_say(tmp_path: Path) -> None:
    laid_out(tmp_path / "x", {"a_alerts.txt": ALERTS})
    (found,) = find(tmp_path)
    alerts = found.load()
    assert alerts.batch.source.tolist() == ["web", "mail", "web", "web"]
    assert (alerts.batch.start // 60_000_000_000).tolist() == [0, 1, 1, 3]
    assert alerts.truth.tolist() == [0, 0, 1, 0]  # labelled, but outside any phase: not an attack
    assert alerts.ambiguous.tolist() == [False, True, False, False]
    assert alerts.phase.tolist() == ["", "scan", "scan", ""]
    assert alerts.batch.fields is not None
    assert alerts.batch.fields.event.tolist() == [0, 1, 2, 4]
    assert list(alerts.texts.values()) == ["Login", "Scan"]


@pytest.mark.parametrize("form", ["folder", "wrapped", "zip", "tar.xz"])
def test_adfa_is_the_same_packed_or_not(tmp_path: Path, form: str) -> None:
    folder = tmp_path / "data" / "calls"
    wrapped = {f"ADFA-LD/{name}": content for name, content in TRACES.items()}
    if form == "zip":
        zipped(folder / "x.zip", wrapped)
    elif form == "tar.xz":
        laid_out(tmp_path / "elsewhere", wrapped)
        folder.mkdir(parents=True)
        with tarfile.open(folder / "x.tar.xz", "w:xz") as archive:
            archive.add(tmp_path / "elsewhere" / "ADFA-LD", "ADFA-LD")
    else:
        laid_out(folder, wrapped if form == "wrapped" else TRACES)
    (found,) = find(tmp_path / "data")
    assert found.name == "calls"
    adfa = found.load()
    assert sorted(zip(adfa.part, adfa.truth, adfa.group, adfa.phase, strict=True)) == [
        ("test", 0, "UVD-1", ""),
        ("test", 1, "Web_Shell_1", "Web_Shell"),
        ("test", 1, "Web_Shell_1", "Web_Shell"),
        ("train", 0, "UTD-1", ""),
    ]
    assert adfa.part[0] == "train"
    assert adfa.batch.template_id[:3].tolist() == [3, 4, 5]


def test_sequences_may_have_names_variants_and_test_normals(tmp_path: Path) -> None:
    folder = tmp_path / "ids"
    folder.mkdir()
    for name, content in {
        "one.os_train": "a,1 2\n",
        "one.os_test_normal": "b,1 2 2\n\n",
        "one.os_test_abnormal": "c,7\n",
        "two.train": "1 2",
        "two.test_abnormal": "3",
    }.items():
        (folder / f"{name}.xz").write_bytes(lzma.compress(content.encode()))
    (folder / "X_templates.csv").write_text("first\nsecond failed\n")
    one, two = find(tmp_path)
    assert [one.name, two.name] == ["ids/one", "ids/two"]
    loaded = one.load()
    assert loaded.part.tolist()[0] == "train"
    assert sorted(loaded.truth.tolist()) == [0, 0, 1]
    assert loaded.texts == {1: "first", 2: "second failed"}
    assert set(loaded.batch.severity[loaded.batch.template_id == 2].tolist()) == {17}
    assert not loaded.weight.size


def test_a_folder_of_groups_and_a_folder_that_is_a_set_are_both_read(tmp_path: Path) -> None:
    laid_out(tmp_path / "group" / "x", {"a_alerts.txt": ALERTS})
    laid_out(tmp_path / "group" / "y", TRACES)
    assert [each.name for each in find(tmp_path)] == ["group/x/a", "group/y"]
    assert [each.name for each in find(tmp_path / "group" / "x")] == ["x/a"]


def test_a_set_of_folders_hides_none_beside_it_and_may_be_given_itself(tmp_path: Path) -> None:
    line = "18:00:38.319 [task-2]  id DEBUG c.n.Path <init> - path {}\n"
    runs = {f"{run}/token.log": line.format(run) for run in ("correct_1", "correct_2", "bad_1")}
    laid_out(tmp_path / "runs", runs)
    laid_out(tmp_path / "x", {"a_alerts.txt": ALERTS})
    laid_out(tmp_path, {"loose_alerts.txt": ALERTS})
    of_runs = ["services", "windows"]
    assert [each.name for each in find(tmp_path)] == [
        *(f"runs/{part}" for part in of_runs),
        "x/a",
        f"{tmp_path.name}/loose",
    ]
    assert [each.name for each in find(tmp_path / "runs")] == [f"runs/{part}" for part in of_runs]
    services = find(tmp_path, ["runs/services"])[0].load()
    assert services.group.tolist()[0] == "correct_1"  # the run for training comes first
    assert sorted(zip(services.group, services.truth, services.part, strict=True)) == [
        ("bad_1", 1, "test"),
        ("correct_1", 0, "train"),
        ("correct_2", 0, "test"),
    ]


def test_sets_are_chosen_by_name_folder_or_part_and_one_that_is_missing_says_so(
    tmp_path: Path,
) -> None:
    laid_out(tmp_path / "x", {"a_alerts.txt": ALERTS, "b_alerts.txt": ALERTS})
    laid_out(tmp_path / "y", {"a_alerts.txt": ALERTS})
    assert [each.name for each in find(tmp_path, ["x"])] == ["x/a", "x/b"]
    assert [each.name for each in find(tmp_path, ["y/a", "b"])] == ["y/a", "x/b"]
    (missing,) = find(tmp_path, ["nowhere"])
    with pytest.raises(DataSetError, match="no data set nowhere.*x/a, x/b, y/a"):
        missing.load()
    laid_out(tmp_path / "z", {"train": "1 2"})
    (half,) = find(tmp_path, ["z"])
    with pytest.raises(
        DataSetError, match="z has no layout that is known; is a file of it missing"
    ):
        half.load()


def test_nothing_at_all_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    laid_out(tmp_path / "x", {"notes.txt": "hello"})
    for data, message in (
        (None, "--data DIR"),
        (tmp_path / "no", "no folder of data sets"),
        (tmp_path, "holds no data set"),
    ):
        with pytest.raises(ConfigError, match=message):
            find(data)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a_alerts.txt": HEADER}, r"a_alerts\.txt holds no alert"),
        ({"a_alerts.txt": HEADER + "x,a,b,c,d,e,f\n"}, r"a_alerts\.txt cannot be read"),
        ({"train": "1 2", "test_abnormal": "1 x"}, "test_abnormal, line 1.*sequence of event ids"),
        ({"train": "", "test_abnormal": "1"}, "train holds no session"),
        (TRACES | {"Training_Data_Master/UTD-2.txt": "3 x"}, r"UTD-2\.txt is no trace"),
        (
            {
                "train.jsonl": '{"block": "b", "label": 0, "templates": []}\n{',
                "test.jsonl": '{"block": "b", "label": 0, "templates": []}',
            },
            r"train\.jsonl, line 2",
        ),
    ],
)
def test_what_is_damaged_is_named(tmp_path: Path, files: dict[str, str], message: str) -> None:
    laid_out(tmp_path / "x", files)
    (found,) = find(tmp_path)
    with pytest.raises(DataSetError, match=message):
        found.load()


@pytest.mark.parametrize("name", ["x.zip", "x.tar.xz", "train.xz", "x.parquet"])
def test_a_damaged_archive_is_named_and_hides_no_other_set(tmp_path: Path, name: str) -> None:
    laid_out(tmp_path / "good", {"a_alerts.txt": ALERTS})
    laid_out(tmp_path / "bad", {name: "this is no archive", "test_abnormal": "1"})
    bad, good = find(tmp_path)
    assert len(good.load().truth) == 4
    with pytest.raises(DataSetError, match=f"{name.replace('.', '[.]')} cannot be read|holds no"):
        bad.load()


def test_a_data_set_is_the_same_each_time(tmp_path: Path) -> None:
    laid_out(tmp_path / "x", TRACES)
    (found,) = find(tmp_path)
    one, other = found.load(), found.load()
    assert np.array_equal(one.batch.template_id, other.batch.template_id)
    assert (one.group == other.group).all()
    assert one.sha == other.sha
