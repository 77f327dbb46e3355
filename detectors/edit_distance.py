"""Edit distance to the nearest normal session: how many events must come, go or change, per event of the longer one?

Levenshtein's distance over the larger length, as in Landauer et al. (FSE 2024), by rapidfuzz. A sequence is a string
with one character per template. Candidates come by their difference in length, which bounds the distance from below,
and each is given up where it cannot beat the best so far. Of longer sessions only the first `MAX_LENGTH` events count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from detectors.lookup import session_scores
from detectors.snapshot import pack, unpack
from detectors.vectors import Ints, Keys, distinct, place_in, plain, sequence_keys
from detectors.wording import MAX_CONTRIBUTIONS, MAX_EVIDENCE, quoted, who
from driftwood.protocols import Explanation, Labels, LogBatch, Scores
from driftwood.records import Contribution, TemplateId

MAX_LENGTH = 2_000
_MAX_SEQUENCES = 10_000
_MAX_EVENTS = 2_000_000
_BLOCK = 64
"""Candidates asked at once: after each block the best so far bounds the rest."""
_CHARACTERS = 0xD800
"""Characters before the surrogates; templates beyond share the last one, those never seen the first."""


@dataclass(frozen=True)
class _Memory:
    """Distinct sequences, ascending by key."""

    key: Keys
    bounds: Ints
    template: Ints
    times: Ints
    last: Ints

    def at(self, rows: Ints) -> _Memory:
        size = np.diff(self.bounds)[rows]
        bounds = np.concatenate(([0], np.cumsum(size)))
        event = np.repeat(self.bounds[rows] - bounds[:-1], size) + np.arange(bounds[-1])
        return _Memory(
            self.key[rows], bounds, self.template[event], self.times[rows], self.last[rows]
        )


class EditDistance:
    name = "edit_distance"
    early: frozenset[str] = frozenset()
    level: Literal["window", "session"] = "session"
    needs: frozenset[str] = frozenset()
    incremental = True

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        none = np.zeros(0, np.int64)
        self._know(_Memory(none.astype(np.uint64), np.zeros(1, np.int64), none, none, none))

    def fit(self, batch: LogBatch, labels: Labels | None = None, *, seed: int = 0) -> None:
        self._forget()
        self.partial_fit(batch, labels)

    def partial_fit(self, batch: LogBatch, labels: Labels | None = None) -> None:
        batch = _cut(batch.normal(labels))
        new, known = distinct(sequence_keys(batch)), self._known
        last = np.full(len(new.key), np.iinfo(np.int64).min)
        np.maximum.at(last, new.kind, batch.start)
        first = plain(batch, new.first)
        whole = _Memory(
            np.concatenate([known.key, new.key]),
            np.concatenate([known.bounds, known.bounds[-1] + first.bounds[1:]]),
            np.concatenate([known.template, first.template_id]),
            np.concatenate([known.times, new.times]),
            np.concatenate([known.last, last]),
        )
        both = distinct(whole.key)
        times = np.bincount(both.kind, whole.times, len(both.key)).astype(np.int64)
        last = np.full(len(both.key), np.iinfo(np.int64).min)
        np.maximum.at(last, both.kind, whole.last)
        kept = whole.at(both.first)
        self._know(_Memory(kept.key, kept.bounds, kept.template, times, last))

    def _know(self, known: _Memory) -> None:
        """At most so many: those of the most sessions stay, of equals the ones seen last."""
        if len(known.key) > _MAX_SEQUENCES or len(known.template) > _MAX_EVENTS:
            best = np.lexsort((known.key, -known.last, -known.times))
            room = np.cumsum(np.diff(known.bounds)[best]) <= _MAX_EVENTS
            known = known.at(np.sort(best[room][:_MAX_SEQUENCES]))
        self._known = known
        self._templates = np.unique(known.template)
        self._lengths = np.diff(known.bounds)
        self._known_texts = self._texts(known.template, known.bounds)

    def _texts(self, template: Ints, bounds: Ints) -> list[str]:
        place = place_in(self._templates, template)
        code = np.minimum(place + 1, _CHARACTERS - 1)
        text = code.astype("<u4").tobytes().decode("utf-32-le")
        return [text[a:b] for a, b in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)]

    def score(self, batch: LogBatch) -> Scores:
        batch = _cut(batch)
        found = distinct(sequence_keys(batch))
        asked = np.flatnonzero(place_in(self._known.key, found.key) < 0)
        first = plain(batch, found.first[asked])
        strange = np.zeros(len(found.key))
        for row, text in zip(asked, self._texts(first.template_id, first.bounds), strict=True):
            strange[row] = self._nearest(text)[0]
        return session_scores(self.name, strange[found.kind])

    def _nearest(self, text: str) -> tuple[float, int]:
        """Distance to, and row of, the nearest sequence; 1 and -1 when there is none."""
        best, row = 1.0, -1
        if not len(self._lengths):
            return (best if text else 0.0), row
        longer = np.maximum(np.maximum(self._lengths, len(text)), 1)
        bound = np.abs(self._lengths - len(text)) / longer
        order = np.argsort(bound, kind="stable")
        for first in range(0, len(order), _BLOCK):
            rows = order[first : first + _BLOCK]
            if row >= 0 and bound[rows[0]] >= best:
                break
            found = process.extractOne(
                text,
                [self._known_texts[r] for r in rows.tolist()],
                scorer=Levenshtein.normalized_distance,
                score_cutoff=best,
            )
            if found is not None and (row < 0 or found[1] < best):
                best, row = float(found[1]), int(rows[found[2]])
        return best, row

    def explain(
        self, batch: LogBatch, scores: Scores, finding: int, texts: Mapping[int, str]
    ) -> Explanation:
        unit = int(scores.unit[finding])
        alone = _cut(plain(batch, np.array([unit])))
        text = self._texts(alone.template_id, alone.bounds)[0]
        row = self._nearest(text)[1]
        span = slice(*self._known.bounds[row : row + 2].tolist()) if row >= 0 else slice(0, 0)
        normal = self._known.template[span]
        edits = Levenshtein.editops(self._known_texts[row] if row >= 0 else "", text)
        here = [e.dest_pos for e in edits if e.tag != "delete"]
        gone = [e.src_pos for e in edits if e.tag != "insert"]
        touched = np.concatenate([alone.template_id[here], normal[gone]])
        template, part = np.unique(touched, return_counts=True)
        order = np.argsort(-part, kind="stable")[:MAX_CONTRIBUTIONS]
        contributions = tuple(
            Contribution(
                TemplateId(t),
                texts.get(t, ""),
                float((alone.template_id == t).sum()),
                float((normal == t).sum()),
                n / len(touched),
            )
            for t, n in zip(template[order].tolist(), part[order].tolist(), strict=True)
        )
        title = (
            f"{who(batch, unit)}: of {len(text)} events, {len(edits)} are added, missing or changed beside "
            f"the nearest normal session"
        )
        if contributions:
            title += f", most of them {quoted(contributions[0].template_id, texts)}"
        lines = np.unique(alone.line_id[here])[:MAX_EVIDENCE]
        return Explanation(title, contributions, tuple(lines.tolist()))

    def save(self) -> bytes:
        known = self._known
        return pack(
            {"version": 1},
            {
                "key": known.key,
                "bounds": known.bounds,
                "template": known.template,
                "times": known.times,
                "last": known.last,
            },
        )

    def load(self, state: bytes) -> None:
        self._know(_Memory(**unpack(state)[1]))


def _cut(batch: LogBatch) -> LogBatch:
    """Units without what follows their first events."""
    place = np.arange(len(batch.unit)) - np.repeat(batch.bounds[:-1], np.diff(batch.bounds))
    if not len(place) or place.max() < MAX_LENGTH:
        return batch
    kept = place < MAX_LENGTH
    return replace(
        batch,
        fields=None,
        unit=batch.unit[kept],
        ts=batch.ts[kept],
        template_id=batch.template_id[kept],
        severity=batch.severity[kept],
        line_id=batch.line_id[kept],
    )
