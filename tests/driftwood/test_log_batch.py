"""Taking units out of a batch keeps what belongs to them, in the order that was asked for."""

from __future__ import annotations

import numpy as np

from driftwood.protocols import Fields, LogBatch


def batch() -> LogBatch:
    """Three units of 2, 0 and 1 events; the first event has two fields, the last one."""
    texts = np.array(["a", "b", "c"], np.object_)
    fields = Fields(
        event=np.array([0, 0, 2]),
        name=np.array(["ip", "user", "ip"], np.object_),
        value=np.array(["10.0.0.1", "ann", "10.0.0.2"], np.object_),
    )
    return LogBatch(
        source=texts,
        service=texts,
        start=np.array([0, 60, 120]),
        end=np.array([60, 120, 180]),
        unit=np.array([0, 0, 2], np.int32),
        ts=np.array([1, 2, 121]),
        template_id=np.array([7, 8, 9]),
        severity=np.array([9, 17, 9], np.uint8),
        line_id=np.array([1, 2, 3]),
        fields=fields,
    )


def test_units_are_taken_in_any_order_with_their_events_and_fields() -> None:
    taken = batch().at(np.array([2, 1, 0]))
    assert taken.source.tolist() == ["c", "b", "a"]
    assert taken.unit.tolist() == [0, 2, 2]
    assert taken.template_id.tolist() == [9, 7, 8]
    assert taken.bounds.tolist() == [0, 1, 1, 3]
    assert taken.fields is not None
    assert taken.fields.event.tolist() == [0, 1, 1]
    assert taken.fields.value.tolist() == ["10.0.0.2", "10.0.0.1", "ann"]


def test_no_unit_is_a_batch_too() -> None:
    assert len(batch().at(np.empty(0, np.int64)).unit) == 0


def test_units_that_were_called_anomalous_are_not_normal_and_unknown_ones_are() -> None:
    assert batch().normal(np.array([1, -1, 0], np.int8)).source.tolist() == ["b", "c"]
    assert batch().normal(None).source.tolist() == ["a", "b", "c"]
