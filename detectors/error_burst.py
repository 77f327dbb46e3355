"""Bursts of errors in one source: more error lines than normal, in number and as a share of its lines.

Both must be strange: mere traffic raises the number but not the share, and missing traffic the share but not the
number. The p-value is the larger one of the two, so it is honest whichever of them moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from detectors.bank import ALL, Bank, pack_banks, unpack_banks
from detectors.rates import Rates
from detectors.wording import (
    MAX_CONTRIBUTIONS,
    amount,
    during,
    evidence,
    normally,
    scores_of,
    span_of,
    times,
    units,
    who,
)
from driftwood.protocols import Explanation, Labels, LogBatch, Scores
from driftwood.records import Contribution, TemplateId

ERROR = 17
"""OpenTelemetry's first severity number of errors; 0, unknown, is no error."""
_INTERESTING = 0.05


class ErrorBurst:
    name = "error_burst"
    early = frozenset({"error_burst"})
    level: Literal["window", "session"] = "window"
    needs: frozenset[str] = frozenset()
    incremental = True

    def __init__(self, half_life: float = 240.0, max_templates: int = 64) -> None:
        """`half_life`: windows after which a window counts half; `max_templates`: of errors, followed per source."""
        self._half_life = half_life
        self._max = max_templates
        self._errors: dict[str, Bank] = {}
        self._share: dict[str, Rates] = {}

    def fit(self, batch: LogBatch, labels: Labels | None = None, *, seed: int = 0) -> None:
        self._errors, self._share = {}, {}
        self.partial_fit(batch, labels)

    def partial_fit(self, batch: LogBatch, labels: Labels | None = None) -> None:
        batch = batch.normal(labels)
        for unit, span in units(batch):
            source, start = batch.source[unit], int(batch.start[unit])
            if source not in self._errors:
                self._errors[source] = Bank(self._half_life, self._max)
                self._share[source] = Rates(self._half_life)
                self._share[source].grow(1)
            tally = batch.tally
            failed = tally.errors[span] > 0
            errors = tally.errors[span][failed]
            self._errors[source].learn(tally.template_id[span][failed], errors, start)
            if lines := float(tally.count[span].sum()):
                self._share[source].learn(np.array([float(errors.sum())]), start, lines)

    def score(self, batch: LogBatch) -> Scores:
        findings = []
        for unit, span in units(batch):
            source, start = batch.source[unit], int(batch.start[unit])
            errors = int(batch.tally.errors[span].sum())
            lines = float(batch.tally.count[span].sum())
            if not errors or source not in self._errors:
                continue
            seen = np.array([float(errors)])
            number = self._errors[source].rates.expect(start).at_least(seen)[ALL]
            share = self._share[source].expect(start, lines).at_least(seen)[0]
            p = float(max(number, share))
            if p <= _INTERESTING:
                findings.append((unit, p, "error_burst", ALL))
        return scores_of(findings)

    def explain(
        self, batch: LogBatch, scores: Scores, finding: int, texts: Mapping[int, str]
    ) -> Explanation:
        unit = int(scores.unit[finding])
        span = span_of(batch, unit)
        bank = self._errors[batch.source[unit]]
        mean = bank.rates.expect(int(batch.start[unit])).mean
        failed = batch.severity[span] >= ERROR
        ids, counts = np.unique(batch.template_id[span][failed], return_counts=True)
        parts = [
            (t, n, float(mean[bank.templates.index(t)]) if t in bank.templates else 0.0)
            for t, n in zip(ids.tolist(), counts.tolist(), strict=True)
        ]
        parts.sort(key=lambda part: (part[2] - part[1], part[0]))  # what rose most comes first
        shown = parts[:MAX_CONTRIBUTIONS]
        weight = np.array([max(n - expected, 0.0) for _, n, expected in shown])
        contributions = tuple(
            Contribution(TemplateId(t), texts.get(t, ""), float(n), expected, float(w))
            for (t, n, expected), w in zip(shown, weight / max(weight.sum(), 1e-9), strict=True)
        )
        title = (
            f"{who(batch, unit)}: {amount(len(batch.line_id[span][failed]))} errors among "
            f"{amount(len(failed))} lines {during(batch, unit)}, {normally(float(mean[0]))}; "
            f"most: {times(shown[0][1], shown[0][0], texts)}"
        )
        rows = failed & np.isin(batch.template_id[span], [t for t, _, _ in shown])
        return Explanation(title, contributions, evidence(batch, rows, span))

    def save(self) -> bytes:
        # The shares are banks of one slot, so both halves are kept in the same way.
        shares = {}
        for source, rates in self._share.items():
            shares[source] = Bank(self._half_life, 0)
            shares[source].rates = rates
        errors, share = pack_banks(self._errors, {}), pack_banks(shares, {})
        return len(errors).to_bytes(8, "big") + errors + share

    def load(self, state: bytes) -> None:
        cut = 8 + int.from_bytes(state[:8], "big")
        self._errors, _ = unpack_banks(state[8:cut], self._half_life, self._max)
        shares, _ = unpack_banks(state[cut:], self._half_life, 0)
        self._share = {source: bank.rates for source, bank in shares.items()}
