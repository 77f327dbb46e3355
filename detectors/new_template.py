"""Never-seen templates: how surprising is it that this source says something new?

The expected number of new templates in a window is Good and Turing's, over windows: templates that were seen in
exactly one window so far, over the number of windows (Chao & Lee, JASA 1992, for incidence data), both forgotten with
a half-life. So a source that says something new every minute has many such templates and does not alarm each time,
and one whose every template keeps coming back has none. Lines of error severity have an estimate of their own, which
makes a new error stranger than a new debug line; many lines of something new are stranger than one (1/n, Zipf's tail).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy.special import betainc

from detectors.snapshot import joined, pack, parted, unpack
from detectors.wording import (
    MAX_CONTRIBUTIONS,
    during,
    evidence,
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

_ANY, _ERRORS = 0, 1
# What a source without history is thought to bring: half a new template, a tenth of a new error.
_PRIOR = (0.5, 0.1)


@dataclass(slots=True)
class _Memory:
    """What one source has said."""

    windows: int = 0
    weight: float = 0.0
    """Windows, forgotten."""
    once: list[float] = field(default_factory=lambda: [0.0, 0.0])
    """Templates seen in one window only, forgotten, of any severity and of errors."""
    known: dict[int, list[int]] = field(default_factory=dict)
    """By template: [window of its birth, was it an error, was it seen in that window only, its last window]."""


@dataclass(frozen=True, slots=True)
class _News:
    template: int
    count: int
    error: bool


class NewTemplate:
    name = "new_template"
    early = frozenset({"new_template"})
    level: Literal["window", "session"] = "window"
    needs: frozenset[str] = frozenset()
    incremental = True

    def __init__(self, half_life: float = 720.0, max_templates: int = 4_096) -> None:
        """`half_life`: windows after which a window counts half; `max_templates`: remembered per source."""
        self._keep = 0.5 ** (1.0 / half_life)
        self._max = max_templates
        self._sources: dict[str, _Memory] = {}

    def fit(self, batch: LogBatch, labels: Labels | None = None, *, seed: int = 0) -> None:
        self._sources = {}
        self.partial_fit(batch, labels)

    def partial_fit(self, batch: LogBatch, labels: Labels | None = None) -> None:
        batch = batch.normal(labels)
        for unit, span in units(batch):
            memory = self._sources.setdefault(batch.source[unit], _Memory())
            memory.weight = memory.weight * self._keep + 1.0
            memory.once = [once * self._keep for once in memory.once]
            memory.windows += 1
            for template, error in _templates(batch, span):
                self._note(memory, template, error)
            if len(memory.known) > self._max:
                oldest = sorted(memory.known, key=lambda t: memory.known[t][3])
                for template in oldest[: len(memory.known) - self._max * 3 // 4]:
                    del memory.known[template]

    def _note(self, memory: _Memory, template: int, error: bool) -> None:
        entry = memory.known.get(template)
        if entry is None:
            memory.known[template] = [memory.windows, int(error), 1, memory.windows]
            memory.once[_ANY] += 1.0
            memory.once[_ERRORS] += float(error)
            return
        if entry[2]:
            weight = self._keep ** (memory.windows - entry[0])
            memory.once[_ANY] = max(memory.once[_ANY] - weight, 0.0)
            memory.once[_ERRORS] = max(memory.once[_ERRORS] - weight * entry[1], 0.0)
            entry[2] = 0
        entry[3] = memory.windows

    def score(self, batch: LogBatch) -> Scores:
        findings = []
        for unit, span in units(batch):
            memory = self._sources.get(batch.source[unit], _Memory())
            news = self._news(memory, batch, span)
            if news:
                p = min(self._surprise(memory, news, c) for c in (_ANY, _ERRORS))
                findings.append((unit, min(1.0, 2.0 * p), "new_template", news[0].template))
        return scores_of(findings)

    def _news(self, memory: _Memory, batch: LogBatch, span: slice) -> list[_News]:
        """What this window says for the first time: errors first, then by lines."""
        fresh = {t: e for t, e in _templates(batch, span) if t not in memory.known}
        if not fresh:
            return []
        tally = batch.tally
        found = zip(tally.template_id[span].tolist(), tally.count[span].tolist(), strict=True)
        news = [_News(t, n, fresh[t]) for t, n in found if t in fresh]
        return sorted(news, key=lambda n: (not n.error, -n.count, n.template))

    def _surprise(self, memory: _Memory, news: list[_News], which: int) -> float:
        counts = [n.count for n in news if n.error or which == _ANY]
        if not counts:
            return 1.0
        # P(at least so many) under the predictive distribution of a Poisson rate with a Gamma posterior.
        a, b = memory.once[which] + _PRIOR[which], memory.weight
        return float(betainc(len(counts), a, 1.0 / (b + 1.0))) / max(counts)

    def explain(
        self, batch: LogBatch, scores: Scores, finding: int, texts: Mapping[int, str]
    ) -> Explanation:
        unit = int(scores.unit[finding])
        span = span_of(batch, unit)
        memory = self._sources.get(batch.source[unit], _Memory())
        news = self._news(memory, batch, rows_of(batch, unit))
        first = news[0]
        what = "error never seen before" if first.error else "never seen before"
        said = quoted(first.template, texts)
        if first.count > 1:
            said = f"{times(first.count, first.template, texts)} {during(batch, unit)}"
        title = f"{who(batch, unit)}: {what}: {said}"
        if len(news) > 1:
            title += f", and {len(news) - 1} more new"
        shown = news[:MAX_CONTRIBUTIONS]
        weights = np.array([(3.0 if n.error else 1.0) * (1.0 + np.log(n.count)) for n in shown])
        contributions = tuple(
            Contribution(TemplateId(n.template), texts.get(n.template, ""), n.count, 0.0, float(w))
            for n, w in zip(shown, weights / weights.sum(), strict=True)
        )
        rows = np.isin(batch.template_id[span], [n.template for n in shown])
        return Explanation(title, contributions, evidence(batch, rows, span))

    def save(self) -> bytes:
        memories = list(self._sources.values())
        known = [
            np.array([[t, *entry] for t, entry in m.known.items()], np.int64).reshape(-1, 5)
            for m in memories
        ]
        return pack(
            {"version": 1, "sources": list(self._sources)},
            {
                "known": joined(known, np.zeros((0, 5), np.int64)),
                "lengths": np.array([len(k) for k in known], np.int64),
                "windows": np.array([m.windows for m in memories], np.int64),
                "rates": np.array([[m.weight, *m.once] for m in memories]).reshape(-1, 3),
            },
        )

    def load(self, state: bytes) -> None:
        header, arrays = unpack(state)
        self._sources = {}
        parts = parted(arrays["known"], arrays["lengths"])
        for i, source in enumerate(header["sources"]):
            weight, any_, errors = arrays["rates"][i].tolist()
            known = {t: entry for t, *entry in parts[i].tolist()}
            self._sources[source] = _Memory(
                int(arrays["windows"][i]), weight, [any_, errors], known
            )


def _templates(batch: LogBatch, span: slice) -> list[tuple[int, bool]]:
    """The distinct templates of a window, and whether any of its lines was an error."""
    tally = batch.tally
    return list(
        zip(tally.template_id[span].tolist(), (tally.errors[span] > 0).tolist(), strict=True)
    )
