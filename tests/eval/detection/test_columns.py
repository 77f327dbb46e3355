"""What loaders put together is what a batch promises, whatever the order of the rows."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.detection.find import find
from eval.detection.loaders.columns import Columns, mixed, objects, sessions, untimed
from eval.detection.loaders.hdfs_v1 import _named
from eval.detection.loaders.reading import Interned
from eval.parsing.readers import DataSetError

EVENTS = st.lists(
    st.tuples(
        st.integers(0, 4), st.integers(0, 9), st.integers(1, 3), st.sampled_from(["a", None])
    ),
    min_size=1,
    max_size=30,
)


@given(EVENTS)
def test_each_event_keeps_its_unit_time_and_fields(
    rows: list[tuple[int, int, int, str | None]],
) -> None:
    names = sorted({unit for unit, *_ in rows})
    columns = Columns(
        unit=np.array([names.index(unit) for unit, *_ in rows]),
        ts=np.array([ts for _, ts, *_ in rows]),
        template_id=np.array([template for _, _, template, _ in rows]),
        severity=np.zeros(len(rows), np.uint8),
        fields=[
            ("one", objects([value for *_, value in rows])),
            ("two", objects(["x"] * len(rows))),
        ],
    )
    batch, order = sessions(columns, len(names))
    assert (np.diff(batch.start) >= 0).all()
    assert batch.fields is not None
    found = []
    for event, unit in enumerate(batch.unit.tolist()):
        of = batch.fields.at(np.array([event]))
        values = dict(zip(of.name.tolist(), of.value.tolist(), strict=True))
        assert values["two"] == "x"
        found.append(
            (
                names[order[unit]],
                int(batch.ts[event]),
                int(batch.template_id[event]),
                values.get("one"),
            )
        )
    assert sorted(found, key=str) == sorted(rows, key=str)
    keys = [(int(unit), int(ts)) for unit, ts in zip(batch.unit, batch.ts, strict=True)]
    assert keys == sorted(keys)


@given(st.lists(st.sampled_from(["train", "validation", "test"])))
def test_units_without_a_time_are_mixed_but_training_comes_first(parts: list[str]) -> None:
    order = mixed(objects(parts))
    assert sorted(order.tolist()) == list(range(len(parts)))
    ordered = [parts[row] == "train" for row in order]
    assert ordered == sorted(ordered, reverse=True)


def test_sequences_may_be_empty_and_there_may_be_none() -> None:
    assert len(untimed([], {})) == 0
    batch = untimed([np.array([], np.int64), np.array([7], np.int64)], {7: 17})
    assert np.diff(batch.bounds).tolist() == [0, 1]
    assert batch.severity.tolist() == [17]


BLOCKS = st.lists(
    st.sampled_from(["blk_1", "blk_-22", "blk_333", " ", "x", "blk_", "\n", "é1 "])
).map("".join)


@given(st.lists(BLOCKS, max_size=8))
def test_the_blocks_of_a_line_are_found_each_once(lines: list[str]) -> None:
    rows, blocks = _named(pa.array(lines, pa.string()))
    expected = [
        (row, block)
        for row, line in enumerate(lines)
        for block in dict.fromkeys(re.findall(r"blk_-?\d+", line))
    ]
    assert list(zip(rows.tolist(), blocks.to_pylist(), strict=True)) == expected


@given(st.lists(st.lists(st.sampled_from(["a", "b", "", None]), max_size=4)))
def test_interned_texts_come_back(parts: list[list[str | None]]) -> None:
    interned = Interned()
    for part in parts:
        interned.add(pa.array(part, pa.string()))
    assert interned.column.tolist() == [text or None for part in parts for text in part]


def test_what_was_found_goes_to_another_process(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "train").write_text("1 2")
    (tmp_path / "x" / "test_abnormal").write_text("3")
    demo, x, missing = (
        pickle.loads(pickle.dumps(each)) for each in find(tmp_path, ["x", "missing", "demo"])
    )
    assert [demo.name, x.name, missing.name] == ["demo", "x", "missing"]
    assert len(x.load().truth) == 2
    with pytest.raises(DataSetError):
        missing.load()
