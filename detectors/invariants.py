"""Invariants of a program: whole linear relations among counts that nearly all normal sessions keep.

Lou et al., USENIX ATC 2010: "a file that is opened is closed" is #open - #close = 0. Found are relations a x + b y = 0
and a x + b y + c z = 0 with small whole coefficients, among counts and the constant 1 ("allocated once"), which at
least 98 % of the sessions keep that hold one of the templates; and a template that no session held keeps x = 0. Two
counts that are tied need no third relation, so one of them leaves the search; what remains is bounded in templates, so
that the search ends (theirs is exponential).

The score is the sum, over broken relations, of -log10 of the share of normal sessions that break them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, product
from math import gcd

import numpy as np
import numpy.typing as npt

from detectors.lookup import Lookup, compared, often
from detectors.vectors import Floats, Ints, Vectors, place_in
from detectors.wording import amount, evidence, quoted, span_of, who
from driftwood.protocols import Explanation, LogBatch, Scores
from driftwood.records import Contribution, TemplateId

_SUPPORT = 0.98
_FEWEST = 20
"""Sessions that must hold one of the templates: fewer prove nothing."""
_MAX_TEMPLATES = 40
_MAX_VECTORS = 2_000
_CELLS = 1 << 22


@dataclass(frozen=True)
class _Relations:
    template: Ints
    """(D,) ascending"""
    factors: npt.NDArray[np.float64]
    """(D + 1, R) the last row is of the constant"""
    strange: Floats
    """(R,) what breaking each adds to a score"""
    share: Floats
    """(R,) of normal sessions that keep it"""


class Invariants(Lookup):
    name = "invariants"

    def _know(self, known: Vectors) -> None:
        super()._know(known)
        self._mined: _Relations | None = None

    @property
    def _never(self) -> float:
        """What breaking a relation adds that every session keeps."""
        return float(np.log10(self.known.times.sum() + 1.0))

    @property
    def _relations(self) -> _Relations:
        if self._mined is None:
            self._mined = _mined(self.known.capped(_MAX_VECTORS, len(self.known.template)))
        return self._mined

    def _broken(self, asked: Vectors) -> npt.NDArray[np.bool_]:
        """(V, R)"""
        relations = self._relations
        counts = _counts(asked, relations.template)
        involved = (counts[:, :-1] != 0) @ (relations.factors[:-1] != 0).astype(np.float64) > 0
        broken: npt.NDArray[np.bool_] = (counts @ relations.factors != 0) & involved
        return broken

    def distances(self, asked: Vectors) -> Floats:
        strange = self._relations.strange
        new = place_in(self.references.vocabulary, asked.template) < 0
        out = np.bincount(asked.row[new], minlength=len(asked)).astype(np.float64)
        out *= self._never
        for relation, broken in enumerate(self._broken(asked).T):
            out += np.where(broken, strange[relation], 0.0)
        return out

    def explain(
        self, batch: LogBatch, scores: Scores, finding: int, texts: Mapping[int, str]
    ) -> Explanation:
        unit = int(scores.unit[finding])
        asked, _ = Vectors.of(batch.at(np.array([unit])))
        new = place_in(self.references.vocabulary, asked.template) < 0
        if new.any():
            news = zip(asked.template[new].tolist(), asked.count[new].tolist(), strict=True)
            told = [(t, n, 0, 1.0) for t, n in news]
            return compared(batch, unit, told, texts, "in no normal session")
        relations, broken = self._relations, np.flatnonzero(self._broken(asked)[0])
        counts = _counts(asked, relations.template)[0]
        worst = broken[np.argmax(relations.strange[broken])]
        rows = np.flatnonzero(relations.factors[:-1, worst])
        said = " and ".join(
            f"{quoted(int(relations.template[r]), texts)} {often(counts[r])}" for r in rows
        )
        rule = _in_words(relations.factors[:, worst], relations.template, texts)
        title = (
            f"{who(batch, unit)}: {said}, though in {relations.share[worst]:.1%} of sessions {rule}"
        )
        if len(broken) > 1:
            title += f", and {len(broken) - 1} more relations are broken"
        contributions = tuple(
            Contribution(
                TemplateId(int(relations.template[r])),
                texts.get(int(relations.template[r]), ""),
                float(counts[r]),
                _expected(relations.factors[:, worst], counts, r),
                1.0 / len(rows),
            )
            for r in rows.tolist()
        )
        span = span_of(batch, unit)
        lines = np.isin(batch.template_id[span], relations.template[rows])
        return Explanation(title, contributions, evidence(batch, lines, span))


def _counts(vectors: Vectors, template: Ints) -> Floats:
    """(V, D + 1) the last column is 1."""
    out = np.zeros((len(vectors), len(template) + 1))
    out[:, -1] = 1.0
    column = place_in(template, vectors.template)
    known = column >= 0
    out[vectors.row[known], column[known]] = vectors.count[known]
    return out


def _mined(known: Vectors) -> _Relations:
    template, place = np.unique(known.template, return_inverse=True)
    held = np.bincount(place, known.times[known.row], len(template))
    chosen = np.argsort(-held, kind="stable")[:_MAX_TEMPLATES]
    template = np.sort(template[chosen])
    counts = _counts(known, template)
    columns = [*range(len(template)), len(template)]
    ties, columns = _spanning(_kept(counts, known.times, columns, 2, 3), columns)
    found = ties + _kept(counts, known.times, columns, 3, 2)
    factors = np.array([f for _, f in found]).reshape(-1, len(template) + 1).T
    share = np.array([s for s, _ in found])
    sessions = float(known.times.sum())
    strange = -np.log10((1.0 - share) * sessions / (sessions + 1.0) + 1.0 / (sessions + 1.0))
    return _Relations(template, factors, strange, share)


def _spanning(
    pairs: list[tuple[float, Floats]], columns: list[int]
) -> tuple[list[tuple[float, Floats]], list[int]]:
    """Of relations between two columns, those that do not follow from stronger ones; one column of each tied group."""
    group = {column: column for column in columns}
    kept = []
    for share, factors in pairs:
        one, other = (group[c] for c in np.flatnonzero(factors).tolist())
        if one != other:
            kept.append((share, factors))
            # The constant comes last and so stays: "always once" is shorter than "as often as".
            group = {c: max(one, other) if g in (one, other) else g for c, g in group.items()}
    return kept, sorted(set(group.values()))


def _kept(
    counts: Floats, times: Ints, columns: list[int], size: int, largest: int
) -> list[tuple[float, Floats]]:
    """(share of sessions that keep it, factors of all columns), the strongest first, of relations of `size` columns."""
    factors = [
        f
        for f in product(range(-largest, largest + 1), repeat=size)
        if 0 not in f and f[0] > 0 and gcd(*f) == 1 and min(f) < 0
    ]
    found = []
    present, weight = (counts != 0).astype(np.float64), times.astype(np.float64)
    present[:, -1] = 0.0
    per_pass = max(_CELLS // max(len(counts) * len(factors), 1), 1)
    groups = np.array(list(combinations(columns, size)), np.int64).reshape(-1, size)
    choices = np.array(factors, np.float64).reshape(-1, size)
    for first in range(0, len(groups), per_pass):
        group = groups[first : first + per_pass]
        involved = weight[:, None] * (present[:, group].sum(axis=2) > 0)
        total = involved.sum(axis=0)
        for choice in choices:
            holds = (counts[:, group] @ choice == 0) & (involved > 0)
            share = (holds * involved).sum(axis=0) / np.maximum(total, 1.0)
            for g in np.flatnonzero((share >= _SUPPORT) & (total >= _FEWEST)).tolist():
                row = np.zeros(counts.shape[1])
                row[group[g]] = choice
                found.append((float(share[g]), row))
    return sorted(found, key=lambda f: (-f[0], f[1].tolist()))


def _expected(factors: Floats, counts: Floats, row: int) -> float:
    """What the others say that this count should be."""
    others = float(factors @ counts - factors[row] * counts[row])
    return max(-others / float(factors[row]), 0.0)


def _in_words(factors: Floats, template: Ints, texts: Mapping[int, str]) -> str:
    """
    >>> _in_words(np.array([1.0, -2.0, 0.0]), np.array([7, 8]), {7: "closed", 8: "opened"})
    '`closed` = 2 `opened`'
    """
    names = [*(quoted(t, texts) for t in template.tolist()), ""]
    sides: list[list[str]] = [[], []]
    for factor, name in zip(factors.tolist(), names, strict=True):
        if factor:
            number = amount(abs(factor)) if abs(factor) != 1 or not name else ""
            sides[factor < 0].append(f"{number} {name}".strip())
    return " = ".join(" + ".join(side) for side in sides)
