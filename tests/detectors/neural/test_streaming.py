"""A session that is judged event by event, and the same session judged whole."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.tokens import FIELDS
from driftwood.protocols import Fields, LogBatch

torch = pytest.importorskip("torch")

from detectors.neural.language_model import GruLm, TransformerLm  # noqa: E402
from detectors.neural.streaming import OpenSessions  # noqa: E402
from detectors.neural.training import Plan  # noqa: E402

MS = 1_000_000
QUICK = Plan(steps=10, epochs=1)


def sessions(sizes: list[int], seed: int) -> LogBatch:
    """Events with all fields: times, severities and addresses that come back."""
    rng = np.random.default_rng(seed)
    total = sum(sizes)
    texts = np.empty(len(sizes), np.object_)
    texts[:] = ["{}"] * len(sizes)
    unit = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    steps = rng.integers(0, 5_000, total) * MS
    event = np.flatnonzero(rng.random(total) < 0.7)
    name, value = np.empty(len(event), np.object_), np.empty(len(event), np.object_)
    name[:] = rng.choice(["ip", "user"], len(event)).tolist()
    value[:] = [f"v{n}" for n in rng.integers(0, 40, len(event))]
    return LogBatch(
        source=texts,
        service=texts,
        start=np.arange(len(sizes), dtype=np.int64),
        end=np.arange(len(sizes), dtype=np.int64) + 1,
        unit=unit,
        ts=np.cumsum(steps).astype(np.int64),
        template_id=rng.integers(1, 9, total),
        severity=rng.choice([9, 17], total).astype(np.uint8),
        line_id=np.arange(total, dtype=np.int64),
        fields=Fields(event, name, value),
    )


@pytest.mark.parametrize("kind", [GruLm, TransformerLm])
def test_events_one_by_one_are_judged_as_the_whole_session_is(
    kind: type[GruLm | TransformerLm],
) -> None:
    model = kind(FIELDS, width=8, plan=QUICK)
    model.stride, model.lead = 12, 5
    model.fit(sessions([9, 30, 4, 12], seed=1))
    judged = sessions([1, 12, 13, 40, 24, 3], seed=2)
    whole = model.statistics(judged)
    assert len(model._words) == 5, "all fields change in training, so all are read"
    stream, rng = OpenSessions(model), np.random.default_rng(3)
    for unit in range(len(judged)):
        session = judged.at(np.array([unit]))
        at = 0
        while at < len(session.ts):
            upto = min(at + int(rng.integers(1, 9)), len(session.ts))
            stream.add(f"s{unit}", cut(session, at, upto))
            at = upto
    for unit in range(len(judged)):
        for name, value in stream.close(f"s{unit}").items():
            assert value == pytest.approx(whole[name][unit], abs=1e-9), (unit, name)
    assert len(stream) == 0


def test_a_session_that_ends_before_its_first_event_is_judged_as_an_empty_one() -> None:
    model = GruLm(width=8, plan=QUICK)
    model.fit(sessions([9, 30, 4, 12], seed=1))
    whole = model.statistics(sessions([0], seed=2))
    assert OpenSessions(model).close("s") == pytest.approx({k: v[0] for k, v in whole.items()})


def cut(session: LogBatch, first: int, last: int) -> LogBatch:
    rows = slice(first, last)
    assert session.fields is not None
    return LogBatch(
        source=session.source,
        service=session.service,
        start=session.start,
        end=session.end,
        unit=session.unit[rows],
        ts=session.ts[rows],
        template_id=session.template_id[rows],
        severity=session.severity[rows],
        line_id=session.line_id[rows],
        fields=session.fields.at(np.arange(first, last)),
    )
