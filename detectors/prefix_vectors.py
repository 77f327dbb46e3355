"""Distance to what sessions of training looked like whenever they fell silent: an open session resembles no whole one.

A session that is judged may not be over: a block that was written an hour ago and will be deleted tomorrow. So the
references are the count vectors of training sessions *and of their prefixes at each silence of ten minutes or more*,
and what lies between a prefix and the next one that followed it is on its way and lies at distance 0 from both: a
reference is a box, `low` to `high` per template.

**Support.** Training data holds anomalies, and the same one again and again. A reference is kept when at least 2 % of
the training sessions went through it; where sessions are so varied that this keeps less than half of them whole, as
many as it takes are kept, the commonest first. What a person called normal is kept whatever its support.

**Distance.** Between logarithms of counts, to the nearest box. A *common* template, one that a supported reference
has, adds the square of its difference. What a difference exceeds a doubling by counts a fiftieth, enough to order
equals: how far load moves a count says little, and three steps that are missing tell more than one step done thirty
times. Of the templates that no supported reference has, only the strangest adds to it, because what causes several
lines is one thing. Its square counts once; if its lines are warnings or worse, 4 times when training showed it, so
that it is known to be rare, and twice when training never showed it, so that nothing is known of it.

Severity is the line's. Where it has none, whoever makes the batch is to set `ERROR` by the words of the template
(`detectors.lexicon`), as the product and the loaders do: texts are not in a `LogBatch`.

Sessions that come later are learnt by support as well, which is right for a refit on data that was looked at. Learning
each as it comes is not: anomalies repeat (`detectors.acknowledgements`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from detectors.boxes import WARN, Asked, Box, Boxes, unpacked, vector_of
from detectors.lookup import compared, session_scores
from detectors.references import SCALE
from detectors.snapshot import joined, pack, parted, unpack
from detectors.units import SECOND
from detectors.vectors import Floats, Ints, Keys, distinct, mixed_ids, place_in
from driftwood.protocols import Explanation, Labels, LogBatch, Scores

_MAX_PREFIXES = 16
"""Of one session: its first ones."""
_MAX_SUPPORTED = 256
"""References of varied sessions: what each costs, every judged vector pays."""
_MAX_TOLD = 1_024


@dataclass(slots=True)
class _Seen:
    sessions: int = 0
    """That went through it."""
    wholes: int = 0
    """That were over with it."""
    told: bool = False
    """A person called one of them normal."""


class PrefixVectors:
    name = "prefix_vectors"
    early: frozenset[str] = frozenset()
    level: Literal["window", "session"] = "session"
    needs: frozenset[str] = frozenset()
    incremental = True

    def __init__(
        self, support: float = 0.02, silence_s: float = 600.0, max_boxes: int = 20_000
    ) -> None:
        self._support = support
        self._silence_ns = round(silence_s * SECOND)
        self._max = max_boxes
        self._forget()

    def _forget(self) -> None:
        self._sessions = 0
        self._boxes: dict[Box, _Seen] = {}
        self._bad: dict[int, bool] = {}
        """By template of training: was a line of it a warning or worse?"""
        self._made: Boxes | None = None

    def fit(self, batch: LogBatch, labels: Labels | None = None, *, seed: int = 0) -> None:
        """Learn sessions by their support, those that are labelled 0, too: what was labelled in bulk is no answer about
        one session, and the rare among it makes anomalies look known.
        """
        self._forget()
        batch = batch.normal(labels)
        self._learn(batch, np.zeros(len(batch), np.bool_))

    def partial_fit(self, batch: LogBatch, labels: Labels | None = None) -> None:
        """Learn sessions by their support, and those that are labelled 0 for good, whatever their support."""
        labels = np.full(len(batch), -1, np.int8) if labels is None else labels
        self._learn(batch.normal(labels), labels[labels != 1] == 0)

    def _learn(self, batch: LogBatch, told: npt.NDArray[np.bool_]) -> None:
        self._made = None
        self._sessions += len(batch)
        self._note_severities(batch)
        unit, end, key = _prefixes(batch, self._silence_ns)
        kinds = distinct(key)
        start = batch.bounds[unit[kinds.first]]
        content = [
            vector_of(batch.template_id[a:b]).tobytes()
            for a, b in zip(start.tolist(), end[kinds.first].tolist(), strict=True)
        ]
        whole = np.append(unit[1:] != unit[:-1], True)[: len(unit)]
        # Each state is a box of its own, and with the one after it another.
        low = np.concatenate([kinds.kind, kinds.kind[:-1][~whole[:-1]]])
        high = np.concatenate([kinds.kind, kinds.kind[1:][~whole[:-1]]])
        over = np.concatenate([whole, np.zeros(len(low) - len(whole), np.bool_)])
        unit = np.concatenate([unit, unit[:-1][~whole[:-1]]])
        boxes, first, kind = np.unique(
            low * len(content) + high, return_index=True, return_inverse=True
        )
        once = np.unique(kind * max(len(batch), 1) + unit) // max(len(batch), 1)
        sessions = np.bincount(once, minlength=len(boxes)).tolist()
        wholes = np.bincount(kind, over, len(boxes)).astype(np.int64).tolist()
        known = (np.bincount(kind, told[unit], len(boxes)) > 0).tolist()
        for row, through, last, called in zip(first.tolist(), sessions, wholes, known, strict=True):
            seen = self._boxes.setdefault((content[low[row]], content[high[row]]), _Seen())
            seen.sessions += through
            seen.wholes += last
            seen.told |= called
        if len(self._boxes) > self._max:
            kept = sorted(self._boxes, key=self._rank)[: self._max * 3 // 4]
            self._boxes = {box: self._boxes[box] for box in kept}

    def _rank(self, box: Box) -> tuple[bool, int, Box]:
        seen = self._boxes[box]
        return not seen.told, -seen.sessions, box

    def _note_severities(self, batch: LogBatch) -> None:
        templates, inverse = np.unique(batch.template_id, return_inverse=True)
        bad = np.bincount(inverse, batch.severity >= WARN, len(templates)) > 0
        for template, is_bad in zip(templates.tolist(), bad.tolist(), strict=True):
            self._bad[template] = self._bad.get(template, False) or is_bad

    def score(self, batch: LogBatch) -> Scores:
        asked = Asked.of(batch)
        square, _ = self._references.nearest(asked, self._weights(asked))
        return session_scores(self.name, (np.sqrt(square) / SCALE)[asked.kind])

    @property
    def _references(self) -> Boxes:
        if self._made is None:
            supported, told = self._supported()
            templates = np.array(sorted(self._bad), np.int64)
            bad = np.array([self._bad[t] for t in templates.tolist()], np.bool_)
            self._made = Boxes.of(supported, told, templates, bad)
        return self._made

    def _supported(self) -> tuple[list[Box], list[Box]]:
        """The boxes that enough sessions went through, and further ones that a person called normal."""
        ranked = sorted(self._boxes, key=lambda box: (-self._boxes[box].sessions, box))
        kept, covered, needed = [], 0, self._support * self._sessions
        for box in ranked[:_MAX_SUPPORTED]:
            seen = self._boxes[box]
            if seen.sessions < needed and 2 * covered >= self._sessions:
                break
            kept.append(box)
            covered += seen.wholes
        told = [box for box in ranked[len(kept) :] if self._boxes[box].told]
        return kept, told[:_MAX_TOLD]

    def _weights(self, asked: Asked) -> Floats:
        """(T,) what each template of each vector weighs when no supported reference has it, squared."""
        made = self._references
        place = place_in(made.templates, asked.template)
        seen = place >= 0
        bad = asked.bad | (np.append(made.bad, False)[place] & seen)
        return np.where(bad, np.where(seen, 4.0, 2.0), 1.0)

    def explain(
        self, batch: LogBatch, scores: Scores, finding: int, texts: Mapping[int, str]
    ) -> Explanation:
        unit = int(scores.unit[finding])
        asked = Asked.of(batch.at(np.array([unit])))
        weight = self._weights(asked)
        differing = self._references.differing(asked, weight)
        return compared(batch, unit, differing, texts)

    def save(self) -> bytes:
        boxes = sorted(self._boxes)
        vectors = sorted({vector for box in boxes for vector in box})
        place = {vector: i for i, vector in enumerate(vectors)}
        rows = [
            [place[low], place[high], seen.sessions, seen.wholes, int(seen.told)]
            for (low, high), seen in ((box, self._boxes[box]) for box in boxes)
        ]
        parts = [unpacked(vector) for vector in vectors]
        return pack(
            {"version": 1, "sessions": self._sessions, "bad": sorted(self._bad.items())},
            {
                "boxes": np.array(rows, np.int64).reshape(-1, 5),
                "vectors": joined(parts, np.zeros((0, 2), np.int64)),
                "lengths": np.array([len(part) for part in parts], np.int64),
            },
        )

    def load(self, state: bytes) -> None:
        header, arrays = unpack(state)
        self._forget()
        self._sessions = header["sessions"]
        self._bad = {int(template): bool(bad) for template, bad in header["bad"]}
        vectors = [part.tobytes() for part in parted(arrays["vectors"], arrays["lengths"])]
        for low, high, sessions, wholes, told in arrays["boxes"].tolist():
            self._boxes[vectors[low], vectors[high]] = _Seen(sessions, wholes, bool(told))


def _prefixes(batch: LogBatch, silence_ns: int) -> tuple[Ints, Ints, Keys]:
    """What each unit had said at each silence, then at its end, by (unit, length).

    Its unit, the row after its last one, and the key of its counts.
    """
    rows = np.arange(1, len(batch.ts))
    quiet = (np.diff(batch.ts) >= silence_ns) & (batch.unit[1:] == batch.unit[:-1])
    rows = rows[quiet]
    within = np.arange(len(rows)) - np.searchsorted(batch.unit[rows], batch.unit[rows])
    rows = rows[within < _MAX_PREFIXES]
    unit = np.concatenate([batch.unit[rows].astype(np.int64), np.arange(len(batch))])
    end = np.concatenate([rows, batch.bounds[1:]])
    order = np.lexsort((end, unit))
    unit, end = unit[order], end[order]
    total = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed_ids(batch.template_id))])
    return unit, end, total[end] - total[batch.bounds[unit]]
