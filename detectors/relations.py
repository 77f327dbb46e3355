"""Relations, that is templates said by a source: is one new here, how rare are those of this window, and does one come
more often than it ever did? Four look-ups over one memory, the floor that `detectors.episode_memory` stands on.

What is seen waits until its episode is over (`detectors.episodes`): `score` does not know it, so the tenth minute of an
attack is as strange as the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from detectors.episodes import Waiting
from detectors.relation_table import Columns, Ints, RelationTable, Rows, Seen
from detectors.snapshot import pack, unpack
from detectors.units import NEVER
from detectors.wording import (
    MAX_CONTRIBUTIONS,
    amount,
    during,
    evidence,
    quoted,
    span_of,
    times,
    who,
)
from driftwood.protocols import Explanation, Labels, LogBatch, Scores
from driftwood.records import Contribution, TemplateId

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Weighed:
    """What each relation of a batch adds to the score of its unit."""

    rows: Rows
    seen: Seen
    part: Floats


class Relations:
    """The memory of finished episodes. What each relation counts is up to the detector."""

    name = "relations"
    early: frozenset[str] = frozenset()
    level: Literal["window", "session"] = "window"
    needs: frozenset[str] = frozenset()
    incremental = True

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._table = RelationTable()
        self._waiting = Waiting.none()
        self._now = NEVER
        """The latest start of a window, ns."""
        self._windows = 0
        """That were learnt from, of all sources together."""

    def fit(self, batch: LogBatch, labels: Labels | None = None, *, seed: int = 0) -> None:
        self._forget()
        self.partial_fit(batch, labels)

    def partial_fit(self, batch: LogBatch, labels: Labels | None = None) -> None:
        batch = batch.normal(labels)
        self._windows += len(batch)
        self._learn(batch)
        if self._table.crowded:
            self.load(self.save())

    def _learn(self, batch: LogBatch) -> None:
        rows = self._table.rows(batch, add=True)
        self._now = max(self._now, int(batch.start.max(initial=NEVER)))
        waiting = self._waiting.joined(rows.key, rows.count, batch.start[rows.unit])
        done, self._waiting = waiting.parted(self._now)
        self._table.add(done)

    def parts(self, rows: Rows, seen: Seen) -> Floats:
        """What each relation adds to the score of its unit."""
        raise NotImplementedError

    def rarity(self, windows: Ints) -> Floats:
        """-log10 of the share of windows, half a window more than there were (Jeffreys)."""
        share = (windows + 0.5) / (self._windows + 1.0)
        return np.asarray(-np.log10(share), np.float64)

    def _weigh(self, batch: LogBatch) -> Weighed:
        rows = self._table.rows(batch)
        seen = self._table.seen(rows)
        return Weighed(rows, seen, self.parts(rows, seen))

    def score(self, batch: LogBatch) -> Scores:
        weighed = self._weigh(batch)
        total: Floats = np.bincount(weighed.rows.unit, weighed.part, len(batch)).astype(np.float64)
        unit = np.flatnonzero(total > 0)
        subject = np.zeros(len(batch), np.int64)
        order = np.lexsort((-weighed.rows.template, weighed.part))
        subject[weighed.rows.unit[order]] = weighed.rows.template[order]
        kind = np.empty(len(unit), np.object_)
        kind[:] = self.name
        return Scores(
            unit=unit.astype(np.int32),
            score=total[unit],
            p_value=np.full(len(unit), np.nan),
            kind=kind,
            subject=subject[unit],
        )

    def explain(
        self, batch: LogBatch, scores: Scores, finding: int, texts: Mapping[int, str]
    ) -> Explanation:
        unit = int(scores.unit[finding])
        weighed = self._weigh(batch.at(np.array([unit])))
        order = np.lexsort((weighed.rows.template, -weighed.part))
        order = order[weighed.part[order] > 0]
        title = f"{who(batch, unit)}: {self._told(batch, unit, weighed, int(order[0]), texts)}"
        if len(order) > 1:
            title += f", and {len(order) - 1} more"
        shown = order[:MAX_CONTRIBUTIONS]
        total = float(weighed.part.sum())
        templates = weighed.rows.template[shown].tolist()
        contributions = tuple(
            Contribution(
                TemplateId(template),
                texts.get(template, ""),
                float(weighed.rows.count[row]),
                float(weighed.seen.largest[row]),
                float(weighed.part[row]) / total,
            )
            for template, row in zip(templates, shown.tolist(), strict=True)
        )
        span = span_of(batch, unit)
        lines = np.isin(batch.template_id[span], templates)
        return Explanation(title, contributions, evidence(batch, lines, span))

    def _told(
        self, batch: LogBatch, unit: int, weighed: Weighed, row: int, texts: Mapping[int, str]
    ) -> str:
        """The one relation that counts most, in words."""
        template, count = int(weighed.rows.template[row]), int(weighed.rows.count[row])
        seen = weighed.seen
        said = quoted(template, texts)
        if count > 1:
            said = f"{times(count, template, texts)} {during(batch, unit)}"
        if not seen.windows[row]:
            others = int(seen.sources[row])
            where = f"seen on {others} other source{'s' if others > 1 else ''}"
            return (
                f"never seen here before: {said} ({where if others else 'nor on any other source'})"
            )
        if count > seen.largest[row]:
            here, anywhere = int(seen.largest[row]), int(seen.anywhere[row])
            elsewhere = f" ({amount(anywhere)} elsewhere)" if anywhere > here else ""
            return f"{said}, at most {amount(here)} before{elsewhere}"
        windows = int(seen.windows[row])
        often = "once" if windows == 1 else f"in {amount(windows)} windows"
        return f"rarely seen here: {said} ({often} before)"

    def save(self) -> bytes:
        held, waiting = self._table.columns, self._waiting
        names, source, template = self._table.names(np.concatenate((held.key, waiting.key)))
        known = len(held.key)
        order = np.lexsort((template[:known], source[:known]))
        held = held.at(order)
        later = np.lexsort((waiting.first, template[known:], source[known:]))
        waiting = waiting.at(later)
        return pack(
            {"version": 1, "windows": self._windows, "now": self._now, "sources": names},
            {
                "source": source[:known][order],
                "template": template[:known][order],
                "seen": np.array([held.windows, held.largest, held.last]),
                "waiting_source": source[known:][later],
                "waiting_template": template[known:][later],
                "waiting": np.array(
                    [waiting.windows, waiting.largest, waiting.first, waiting.last]
                ),
            },
        )

    def load(self, state: bytes) -> None:
        header, arrays = unpack(state)
        self._forget()
        self._windows, self._now = header["windows"], header["now"]
        names: list[str] = header["sources"]
        key = self._table.keys(names, arrays["source"], arrays["template"])
        self._table.add(Columns.of(key, *arrays["seen"]))
        key = self._table.keys(names, arrays["waiting_source"], arrays["waiting_template"])
        self._waiting = Waiting.of(key, *arrays["waiting"])


def exceeding(count: Ints, largest: Ints) -> Floats:
    """ln of how many times the largest count so far was exceeded, 0 where it was not."""
    more = np.maximum((count + 1.0) / (largest + 1.0), 1.0)
    return np.asarray(np.log(more), np.float64)


class NewRelations(Relations):
    """How many relations of this window were never seen."""

    name = "relation_new"

    def parts(self, rows: Rows, seen: Seen) -> Floats:
        return np.asarray(seen.windows == 0, np.float64)


class NewTypes(Relations):
    """How many templates of this window were never seen on any source."""

    name = "type_new"

    def parts(self, rows: Rows, seen: Seen) -> Floats:
        return np.asarray(seen.everywhere == 0, np.float64)


class RelationRarity(Relations):
    """The sum of -log10 of how often each relation was seen."""

    name = "relation_rarity"

    def parts(self, rows: Rows, seen: Seen) -> Floats:
        return np.maximum(self.rarity(seen.windows), 0.0)


class RelationExceed(Relations):
    """The sum over relations of how far each exceeds its largest count so far."""

    name = "relation_exceed"

    def parts(self, rows: Rows, seen: Seen) -> Floats:
        return exceeding(rows.count, seen.largest)
