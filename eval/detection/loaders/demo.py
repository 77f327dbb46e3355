"""The demo shop as a data set: a day of history, then hours with incidents whose truth is known (`eval.demo`).

A unit is a minute of a service, silent ones too. It is anomalous while an incident of its service runs. The last fifth
of the history is for validation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from detectors.lexicon import Lexicon
from driftwood.records import Events
from eval.demo import HOUR, START, shop_of
from eval.detection.dataset import Dataset, Fault
from eval.detection.loaders.columns import MINUTE, Columns, objects, windows

HOURS = 4.0
HISTORY_H = 24.0


def load(name: str, seed: int = 0, hours: float = HOURS, history_h: float = HISTORY_H) -> Dataset:
    shop = shop_of(seed, hours, history_h)
    events = Events(
        pa.concat_tables([part for _, part in shop.ticks]).unify_dictionaries().combine_chunks()
    )
    coded: Any = events["service"].combine_chunks()
    services = sorted(coded.dictionary.to_pylist())
    place = np.array([services.index(each) for each in coded.dictionary.to_pylist()], np.int64)
    begin, end = START - int(history_h * HOUR), START + int(hours * HOUR)
    ts = events["ts"].to_numpy()
    inside = (ts >= begin) & (ts < end)
    rows = np.flatnonzero(inside)
    minutes = (end - begin) // MINUTE
    service = place[coded.indices.to_numpy()]
    unit = (ts - begin) // MINUTE * len(services) + service
    start = begin + np.repeat(np.arange(minutes, dtype=np.int64), len(services)) * MINUTE
    columns = Columns(
        unit=unit[rows],
        ts=ts[rows],
        template_id=events["template_id"].to_numpy()[rows],
        severity=Lexicon().severity(events)[rows],
    )
    names = objects(services)[np.tile(np.arange(len(services)), minutes)]
    batch, _ = windows(columns, start, start + MINUTE, source=names, service=names)
    cut = begin + int(history_h * 0.8) * HOUR
    faults = tuple(Fault(i.kind, i.service, i.start, i.end) for i in shop.truth)
    phase = np.full(len(batch), "", np.object_)
    for fault in faults:
        during = (batch.start < fault.end) & (batch.end > fault.start)
        phase[during & (batch.service == fault.subject)] = fault.kind
    return Dataset(
        name=name,
        batch=batch,
        truth=(phase != "").astype(np.int8),
        texts=shop.texts,
        sha=shop.sha[:16],
        level="window",
        phase=phase,
        part=np.where(
            batch.start >= START, "test", np.where(batch.start < cut, "train", "validation")
        ).astype(np.object_),
        faults=faults,
    )
