"""Loaders of the full public sets, on small files in their layouts: on the real ones nobody has run them yet."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from eval.detection.dataset import Dataset
from eval.detection.find import find
from eval.detection.loaders import reading
from eval.parsing.readers import DataSetError

SECOND = 10**9


def bgl(number: int, label: str = "-", level: str = "INFO", text: str = "") -> str:
    at = 1_117_838_570 + number
    node = f"R0{number % 3}-M1-N0"
    return (
        f"{label} {at} 2005.06.03 {node} 2005-06-03-15.42.50.000{number % 1000:03} {node} "
        f"RAS KERNEL {level} {text or f'instruction cache parity error corrected {number}'}"
    )


def thunderbird(number: int, label: str = "-", text: str = "") -> str:
    at = 1_131_566_461 + number
    return (
        f"{label} {at} 2005.11.09 dn{number} Nov 9 12:01:01 dn{number}/dn{number} "
        f"{text or f'crond(pam_unix)[{number}]: session closed for user root'}"
    )


def load(data: Path, name: str) -> Dataset:
    (found,) = find(data, [name])
    return found.load()


def test_windows_of_lines_are_anomalous_when_one_line_is(tmp_path: Path) -> None:
    lines = [bgl(n) for n in range(250)]
    lines[130] = bgl(130, "KERNDTLB", "FATAL", "data TLB error interrupt")
    (tmp_path / "super").mkdir()
    (tmp_path / "super" / "BGL.log").write_text("\n".join(lines) + "\n")
    names = [each.name for each in find(tmp_path)]
    assert names == ["super/20", "super/100", "super/200", "super/30min"]
    windows = load(tmp_path, "super/100")
    assert np.diff(windows.batch.bounds).tolist() == [100, 100, 50]
    assert windows.truth.tolist() == [0, 1, 0]
    twenty = load(tmp_path, "super/20")
    assert np.flatnonzero(twenty.truth).tolist() == [6]
    event = int(np.flatnonzero(windows.batch.severity == 21)[0])
    assert "KERNDTLB" not in " ".join(windows.texts.values())
    assert windows.texts[int(windows.batch.template_id[event])].endswith("data TLB error interrupt")
    assert windows.batch.fields is not None
    assert windows.batch.fields.at(np.array([event])).value.tolist() == ["R01-M1-N0", "KERNEL"]
    assert windows.batch.ts[1] == 1_117_838_571 * SECOND + 1_000


@pytest.mark.parametrize("packed", [False, True])
def test_windows_of_half_an_hour_have_the_bounds_of_the_clock(tmp_path: Path, packed: bool) -> None:
    lines = [thunderbird(n * 600) for n in range(9)] + [thunderbird(6_000, "N_AUTH")]
    content = ("\n".join(lines)).encode()
    if packed:
        (tmp_path / "tbird2.gz").write_bytes(gzip.compress(content))
    else:
        (tmp_path / "tbird2").write_bytes(content)
    (found,) = find(tmp_path, ["30min"])
    windows = found.load()
    half = 1_800 * SECOND
    assert (windows.batch.start % half == 0).all()
    assert (windows.batch.end - windows.batch.start == half).all()
    assert windows.truth.tolist() == [0] * (len(windows.truth) - 1) + [1]
    assert len(windows.batch.ts) == 10
    assert len(windows.texts) == 1


def test_lines_have_the_same_templates_whatever_follows(tmp_path: Path) -> None:
    words = ["red", "green", "blue", "violet"]
    train = [bgl(n, text=f"fan {words[n % 4]} of rack {n} stopped") for n in range(80)]
    ends = {
        "a": [bgl(80 + n, text=f"fan {n} of shelf stopped twice") for n in range(20)],
        "b": [bgl(80 + n, text=f"fan colour{n}x of rack {n} stopped") for n in range(20)],
    }
    learnt = []
    for name, end in ends.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.log").write_text("\n".join(train + end))
        data = load(tmp_path, f"{name}/20")
        learnt.append(data.batch.template_id[: data.batch.bounds[4]].tolist())
    assert learnt[0] == learnt[1]


def test_of_a_larger_log_the_first_lines_are_read_and_the_note_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_LINES", 40)
    monkeypatch.setattr(reading, "_BLOCK", 1_000)
    (tmp_path / "x.log").write_text("\n".join(bgl(n) for n in range(90)))
    data = load(tmp_path, "20")
    assert np.diff(data.batch.bounds).tolist() == [20, 20]
    assert "of more" in data.note


def test_blocks_of_any_size_give_the_same_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(b"one\r\ntw\xffo\n\n" + b"x" * 100 + b"\nlast")
    lines = ["one", "tw\ufffdo", "", "x" * 100, "last"]
    for size in (1, 3, 7, 1_000):
        monkeypatch.setattr(reading, "_BLOCK", size)
        whole = reading.counted(path)
        assert whole.lines == 5
        assert [t for block in reading.read(path, 5) for t in block.to_pylist()] == lines
        assert [t for block in reading.read(path, 2) for t in block.to_pylist()] == lines[:2]


def test_a_line_of_another_form_is_kept_at_the_time_of_the_line_before(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_text("\n".join([bgl(0), "what is this", bgl(2)]))
    batch = load(tmp_path, "20").batch
    assert batch.ts[1] == batch.ts[0]
    assert len(batch.ts) == 3


@pytest.fixture
def hdfs(tmp_path: Path) -> Callable[[list[str], str], Path]:
    def make(lines: list[str], labels: str) -> Path:
        folder = tmp_path / "HDFS_v1"
        (folder / "preprocessed").mkdir(parents=True)
        (folder / "HDFS.log").write_text("\n".join(lines))
        (folder / "preprocessed" / "anomaly_label.csv").write_text(labels)
        return tmp_path

    return make


RECEIVING = "081109 2036{:02} 148 INFO dfs.DataNode$DataXceiver: Receiving block {} src: /10.0.0.1:1 dest: /10.0.0.2:2"


def test_a_block_of_hdfs_has_all_lines_that_name_it(
    hdfs: Callable[[list[str], str], Path],
) -> None:
    lines = [
        RECEIVING.format(0, "blk_1"),
        RECEIVING.format(1, "blk_-2"),
        "081109 203602 27 WARN dfs.FSNamesystem: BLOCK* ask 10.0.0.9:5 to delete  blk_1 blk_-2 blk_1",
        "081109 203603 27 INFO dfs.FSNamesystem: no block at all",
        RECEIVING.format(4, "blk_3"),
    ]
    data = load(
        hdfs(lines, "BlockId,Label\nblk_1,Normal\nblk_-2,Anomaly\nblk_3,Normal\n"), "HDFS_v1"
    )
    assert data.group.tolist() == ["blk_1", "blk_-2", "blk_3"]
    assert data.truth.tolist() == [0, 1, 0]
    assert np.diff(data.batch.bounds).tolist() == [2, 2, 1]
    assert data.batch.severity.tolist() == [9, 13, 9, 13, 9]
    assert data.batch.start[0] == 1_226_262_960 * SECOND
    assert data.batch.fields is not None
    of = data.batch.fields.at(np.array([1]))
    assert of.value.tolist() == ["dfs.FSNamesystem", "10.0.0.9"]


def test_a_block_without_a_label_names_the_file_to_fetch(
    hdfs: Callable[[list[str], str], Path],
) -> None:
    data = hdfs([RECEIVING.format(0, "blk_1")], "BlockId,Label\nblk_9,Normal\n")
    with pytest.raises(DataSetError, match=r"anomaly_label\.csv has no label for blk_1"):
        load(data, "HDFS_v1")


def hadoop_log(minute: int, *texts: str) -> str:
    return "\n".join(
        f"2015-10-18 18:{minute:02}:{second:02},978 INFO [main] org.apache.hadoop.App: {text}\n\tat a stack trace"
        for second, text in enumerate(texts)
    )


def test_hadoop_has_units_of_applications_and_of_containers(tmp_path: Path) -> None:
    folder = tmp_path / "Hadoop"
    for number in (1, 2):
        app = folder / f"application_{number}"
        app.mkdir(parents=True)
        for container in (1, 2):
            (app / f"container_{number}_{container}.log").write_text(
                hadoop_log(number * 10 + container, "Created", f"Connected to node-{container}")
            )
    (folder / "abnormal_label.txt").write_text(
        "### WordCount\nNormal:\n+ application_1\n\nMachine down:\n+ application_2\n"
    )
    applications, containers = (
        load(tmp_path, f"Hadoop/{p}") for p in ("applications", "containers")
    )
    assert applications.truth.tolist() == [0, 1]
    assert applications.phase.tolist() == ["", "machine down"]
    assert applications.part.tolist() == ["train", "test"]
    assert np.diff(applications.batch.bounds).tolist() == [4, 4]
    assert containers.group.tolist() == ["application_1"] * 2 + ["application_2"] * 2
    (folder / "abnormal_label.txt").write_text("Normal:\n+ application_1\n")
    with pytest.raises(DataSetError, match=r"abnormal_label\.txt does not name application_2"):
        load(tmp_path, "Hadoop/applications")
