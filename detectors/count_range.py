"""For each set of templates that normal sessions had: how often does each template of the set occur?

A session is compared with the normal sessions that had its very set, otherwise with those of the nearest set (see
`event_set`). A count may lie outside their range by as much as the range is wide, on a logarithmic scale: what was
always three must be three, what was between 1 and 15 may be 127. The score is the number of templates that come or go,
plus by how much, in logarithms, counts leave those ranges. It is 0 for most normal sessions: a threshold that nobody
has to choose.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from detectors.event_set import EventSet
from detectors.lookup import compared, often
from detectors.references import SCALE, difference, log_steps
from detectors.vectors import Floats, Ints, Vectors, place_in
from detectors.wording import amount
from driftwood.protocols import Explanation, LogBatch, Scores


class CountRange(EventSet):
    name = "count_range"

    def _know(self, known: Vectors) -> None:
        super()._know(known)
        known, sets = self.known, self.sets.vectors
        # All vectors of a set hold the same templates in the same order: entries of one belong to entries of the other.
        first = sets.bounds[self.set_of_known] - known.bounds[:-1]
        entry = np.arange(len(known.template)) + np.repeat(first, np.diff(known.bounds))
        self._least = np.full(len(sets.template), np.iinfo(np.int64).max)
        self._most = np.zeros(len(sets.template), np.int64)
        np.minimum.at(self._least, entry, known.count)
        np.maximum.at(self._most, entry, known.count)
        self._cells = _cells(sets.row, self.sets.vocabulary, sets.template)

    def distances(self, asked: Vectors) -> Floats:
        far, row = self.nearest_sets(asked)
        strange: Floats = far + asked.summed(self._outside(asked, row)) / SCALE
        return strange

    def _entries(self, asked: Vectors, row: Ints) -> Ints:
        """(T,) the entry of the set in `row` that holds the same template; -1 when it holds none such."""
        return place_in(self._cells, _cells(row[asked.row], self.sets.vocabulary, asked.template))

    def _outside(self, asked: Vectors, row: Ints) -> Floats:
        """(T,) by how many steps a count lies outside its range; 0 of templates that the set does not hold."""
        entry = self._entries(asked, row)
        if not len(self._cells):
            return np.zeros(len(entry))
        low, high = log_steps(self._least[entry]), log_steps(self._most[entry])
        value, wide = log_steps(asked.count), high - low
        outside = np.maximum(low - wide - value, 0.0) + np.maximum(value - high - wide, 0.0)
        return np.where(entry < 0, 0.0, outside)

    def explain(
        self, batch: LogBatch, scores: Scores, finding: int, texts: Mapping[int, str]
    ) -> Explanation:
        unit = int(scores.unit[finding])
        asked, _ = Vectors.of(batch.at(np.array([unit])))
        _, row = self.nearest_sets(asked)
        outside = self._outside(asked, row) / SCALE
        told = self._weighed(difference(asked, 0, self.known, int(self.nearest(asked)[0])))
        beside = {}
        for place, entry in enumerate(self._entries(asked, row).tolist()):
            if outside[place] > 0:
                seen, least, most = (
                    int(asked.count[place]),
                    int(self._least[entry]),
                    int(self._most[entry]),
                )
                template = int(asked.template[place])
                told.append((template, seen, min(max(seen, least), most), float(outside[place])))
                usual = often(most) if least == most else f"{amount(least)} to {amount(most)} times"
                beside[template] = f"in normal sessions with the same templates {usual}"
        worst = min(told, key=lambda t: (-t[3], t[0]), default=(0, 0, 0, 0.0))[0]
        return compared(batch, unit, told, texts, beside.get(worst, ""))


def _cells(row: Ints, vocabulary: Ints, template: Ints) -> Ints:
    """A number for each pair of set and template, -1 for templates outside the vocabulary and no set."""
    column = place_in(vocabulary, template)
    return np.where((column < 0) | (row < 0), -1, row * max(len(vocabulary), 1) + column)
