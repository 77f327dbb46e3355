"""Rates that changed: a template or a whole source speaks more, less, or not at all, against its own past.

Each template of a source, and all its lines together, is compared with the negative binomial that its filter
expects (`detectors.rates`). The smallest p-value of a window is corrected for all templates that it was chosen from
(Bonferroni; downwards only those that could have been noticed missing at all, Tarone 1990) and for both directions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

from detectors.bank import ALL, Bank, pack_banks, unpack_banks
from detectors.rates import Expected, Floats
from detectors.wording import (
    MAX_CONTRIBUTIONS,
    amount,
    during,
    evidence,
    normally,
    quoted,
    rows_of,
    scores_of,
    span_of,
    times,
    units,
    who,
)
from driftwood.protocols import Explanation, Labels, LogBatch, Scores
from driftwood.records import Contribution, TemplateId

UP, DOWN, SILENCE = "rate_up", "rate_down", "silence"
_NOTICEABLE = 0.05
"""A template's absence is worth a test when it happens in fewer windows than this."""
_INTERESTING = 0.05
"""Findings with larger p-values are not worth a row."""
_KNOWN = 10.0
"""Windows, forgotten, that a template must be known for before its going is news: the end of an incident is none."""


class RateChange:
    name = "rate_change"
    early = frozenset({UP})
    level: Literal["window", "session"] = "window"
    needs: frozenset[str] = frozenset()
    incremental = True

    def __init__(self, half_life: float = 60.0, max_templates: int = 256) -> None:
        """`half_life`: windows after which a window counts half; `max_templates`: followed per source."""
        self._half_life = half_life
        self._max = max_templates
        self._sources: dict[str, Bank] = {}

    def fit(self, batch: LogBatch, labels: Labels | None = None, *, seed: int = 0) -> None:
        self._sources = {}
        self.partial_fit(batch, labels)

    def partial_fit(self, batch: LogBatch, labels: Labels | None = None) -> None:
        batch = batch.normal(labels)
        for unit, span in units(batch):
            bank = self._sources.get(batch.source[unit])
            if bank is None:
                bank = self._sources[batch.source[unit]] = Bank(self._half_life, self._max)
            tally = batch.tally
            bank.learn(tally.template_id[span], tally.count[span], int(batch.start[unit]))

    def score(self, batch: LogBatch) -> Scores:
        findings = []
        for unit, span in units(batch):
            bank = self._sources.get(batch.source[unit])
            if bank is None:
                continue
            seen, _ = bank.counts(batch.tally.template_id[span], batch.tally.count[span])
            expected = bank.rates.expect(int(batch.start[unit]))
            known = bank.rates.b >= _KNOWN
            for kind, p in ((UP, _up(seen, expected)), (DOWN, _down(seen, expected, known))):
                slot = int(np.argmin(p))
                corrected = min(1.0, 2.0 * float(p[slot]))
                if corrected <= _INTERESTING:
                    silent = kind == DOWN and seen[0] == 0
                    subject = ALL if silent else bank.templates[slot]
                    findings.append((unit, corrected, SILENCE if silent else kind, subject))
        return scores_of(findings)

    def explain(
        self, batch: LogBatch, scores: Scores, finding: int, texts: Mapping[int, str]
    ) -> Explanation:
        unit, subject = int(scores.unit[finding]), int(scores.subject[finding])
        span = span_of(batch, unit)
        bank = self._sources[batch.source[unit]]
        counted = rows_of(batch, unit)
        seen, _ = bank.counts(batch.tally.template_id[counted], batch.tally.count[counted])
        expected = bank.rates.expect(int(batch.start[unit]))
        kind = str(scores.kind[finding])
        known = bank.rates.b >= _KNOWN
        p = _up(seen, expected) if kind == UP else _down(seen, expected, known)
        order = [i for i in np.argsort(p, kind="stable").tolist() if i and p[i] <= _INTERESTING]
        shown = order[:MAX_CONTRIBUTIONS]
        weight = -np.log10(np.maximum(p[shown], 1e-300))
        contributions = tuple(
            Contribution(
                TemplateId(bank.templates[i]),
                texts.get(bank.templates[i], ""),
                float(seen[i]),
                float(expected.mean[i]),
                float(w),
            )
            for i, w in zip(shown, weight / max(weight.sum(), 1e-9), strict=True)
        )
        slot = bank.templates.index(subject)
        title = _title(batch, unit, kind, subject, seen[slot], expected.mean[slot], texts)
        others = sum(bank.templates[i] != subject for i in order)
        if kind != SILENCE and subject != ALL and others:
            title += f"; {others} more {'rose' if kind == UP else 'fell'} too"
        chosen = [bank.templates[i] for i in shown]
        rows = np.isin(batch.template_id[span], chosen) | (not chosen)
        return Explanation(title, contributions, evidence(batch, rows, span))

    def save(self) -> bytes:
        return pack_banks(self._sources, {"version": 1})

    def load(self, state: bytes) -> None:
        self._sources, _ = unpack_banks(state, self._half_life, self._max)


def _up(seen: Floats, expected: Expected) -> Floats:
    """P-values of "too many" per slot, corrected for the number of slots."""
    return np.minimum(expected.at_least(seen) * len(seen), 1.0)


def _down(seen: Floats, expected: Expected, known: npt.NDArray[np.bool_]) -> Floats:
    """P-values of "too few" per slot, corrected for the slots that are `known` and whose silence would be noticed."""
    noticeable = known & (expected.at_most(np.zeros(len(seen))) < _NOTICEABLE)
    p = expected.at_most(seen) * max(int(np.count_nonzero(noticeable)), 1)
    return np.where(noticeable, np.minimum(p, 1.0), 1.0)


def _title(
    batch: LogBatch,
    unit: int,
    kind: str,
    subject: int,
    seen: float,
    expected: float,
    texts: Mapping[int, str],
) -> str:
    service, when = who(batch, unit), during(batch, unit)
    if kind == SILENCE:
        return f"{service} went silent: 0 lines {when}, {normally(expected)}"
    if subject == ALL:
        way = "more" if kind == UP else "fewer"
        return f"{service}: {amount(seen)} lines {when}, {way} than the normal {amount(expected)}"
    if seen == 0:
        return f"{service}: {quoted(subject, texts)} stopped {when}, {normally(expected)}"
    fewer = "only " if kind == DOWN else ""
    return f"{service}: {fewer}{times(seen, subject, texts)} {when}, {normally(expected)}"
