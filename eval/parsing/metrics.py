"""How good a parse is: GA, PGA, RGA, FGA, PA, PTA, RTA and FTA, over groups of equal template strings.

The definitions are those of Loghub-2.0 (Jiang et al., "A Large-Scale Evaluation for Log Parsing Techniques: How Far Are
We?", ISSTA 2024): GA and PA weigh lines, the others weigh templates. Everything follows from one small table, how often
each pair of a true and a predicted template meets on a line, so that ten million lines cost one pass over integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ids = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

NULL = -1
"""The id of a line that has no true template."""
METRICS = ("GA", "PGA", "RGA", "FGA", "PA", "PTA", "RTA", "FTA")


@dataclass(frozen=True, slots=True)
class Labels:
    """The template of each line. `texts` are distinct, and each of them stands on some line or on none."""

    ids: Ids
    """An index into `texts` per line, or NULL."""
    texts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(cls, templates: Iterable[str | None] | pa.Array[Any] | pa.ChunkedArray[Any]) -> Labels:
        """From a template per line: strings, or an Arrow column of them, plain or dictionary-encoded."""
        column: Any = templates
        if not isinstance(column, (pa.Array, pa.ChunkedArray)):
            column = pa.array(column, pa.string())
        if isinstance(column, pa.Array):
            column = pa.chunked_array([column])
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        column = column.unify_dictionaries()
        if not len(column):
            return cls(np.empty(0, np.int32), ())
        texts = column.chunk(0).dictionary.to_pylist()
        ids = [chunk.indices.cast(pa.int32()).fill_null(NULL).to_numpy() for chunk in column.chunks]
        return cls(np.concatenate(ids), tuple(texts))._merged(texts)

    def mapped(self, form: Callable[[str], str | None]) -> Labels:
        """With `form` of each template, asked once for each distinct one; None takes it away."""
        return self._merged([form(text) for text in self.texts])

    def filled(self) -> Labels:
        """A line without a template has the template ""."""
        if not (self.ids == NULL).any():
            return self
        ids = np.where(self.ids == NULL, np.int32(len(self.texts)), self.ids)
        return Labels(ids, self.texts)._merged([*self.texts, ""])

    def _merged(self, texts: Sequence[str | None]) -> Labels:
        """With `texts` in place of the own ones; equal ones become one, and None becomes NULL."""
        known: dict[str, int] = {}
        to = [NULL if text is None else known.setdefault(text, len(known)) for text in texts]
        if to == list(range(len(self.texts))):
            return Labels(self.ids, tuple(known))
        return Labels(np.array([*to, NULL], np.int32)[self.ids], tuple(known))  # [-1] is NULL


class Scores(NamedTuple):
    """One value per metric, each in 0.0 .. 1.0; 0.0 where there is nothing to divide by."""

    ga: float
    pga: float
    rga: float
    fga: float
    pa: float
    pta: float
    rta: float
    fta: float
    lines: int
    """What PA was taken over."""
    true: int
    """Distinct true templates."""
    predicted: int

    def by_name(self) -> dict[str, float]:
        return dict(zip(METRICS, self, strict=False))


class Met:
    """The table of pairs: which true and predicted templates met, on how many lines."""

    def __init__(self, truth: Labels, predicted: Labels) -> None:
        """Raises ValueError when the two are of different length."""
        if len(truth) != len(predicted):
            raise ValueError(f"{len(predicted):,} templates for {len(truth):,} lines")
        self.truth = truth
        predicted = predicted.filled()
        labelled = truth.ids != NULL
        self._unlabelled = int(len(truth) - labelled.sum())
        wide = max(len(predicted.texts), 1)
        pairs = truth.ids[labelled].astype(np.int64) * wide + predicted.ids[labelled]
        met = pc.value_counts(pa.array(pairs))
        values = met.field("values").to_numpy()
        self._lines: Counts = met.field("counts").to_numpy()
        self._true = values // wide
        self._predicted = values % wide
        at = {text: place for place, text in enumerate(predicted.texts)}
        same = np.array([at.get(text, NULL) for text in truth.texts], np.int64)
        self._equal: Mask = (
            same[self._true] == self._predicted if len(values) else np.empty(0, np.bool_)
        )
        alone_true = np.bincount(self._true, minlength=len(truth.texts)) == 1
        self._alone_predicted: Mask = (
            np.bincount(self._predicted, minlength=wide)[self._predicted] == 1
        )
        self._exact: Mask = self._alone_predicted & alone_true[self._true]

    def scores(self, among: Mask | None = None) -> Scores:
        """Over all lines, or over those whose true template is `among` (a flag per text of the truth).

        A breakdown keeps the groups as they are: a group is exact or not over all lines, and the predicted templates
        are those that any line of the part got.
        """
        part = np.ones(len(self._lines), np.bool_) if among is None else among[self._true]
        exact, pure = self._exact & part, self._alone_predicted & self._equal & part
        lines = int(self._lines[part].sum())
        everything = lines + (self._unlabelled if among is None else 0)
        true = len(np.unique(self._true[part]))
        predicted = len(np.unique(self._predicted[part]))
        groups, templates = int(exact.sum()), int(pure.sum())
        return Scores(
            _share(int(self._lines[exact].sum()), lines),
            *_p_r_f(groups, predicted, true),
            _share(int(self._lines[self._equal & part].sum()), everything),
            *_p_r_f(templates, predicted, true),
            lines=everything,
            true=true,
            predicted=predicted,
        )

    def parts(self) -> dict[str, Mask]:
        """The breakdowns by complexity (variables in the true template) and by frequency, as flags per true text.

        `rare5%` are the rarest 5 % of the templates, rounded down to whole templates and never none; equally frequent
        ones are taken in the order of their text.
        """
        texts = self.truth.texts
        seen = np.bincount(self._true, self._lines, minlength=len(texts))
        variables = np.array([text.count("<*>") for text in texts], np.int64)
        parts = {
            "0": (variables == 0) & (seen > 0),
            "1-4": (variables >= 1) & (variables <= 4) & (seen > 0),
            "5+": (variables >= 5) & (seen > 0),
        }
        by_rank = sorted(np.flatnonzero(seen), key=lambda at: (seen[at], texts[at]))
        for percent in (5, 10, 20):
            few = max(len(by_rank) * percent // 100, 1)
            for name, chosen in (("rare", by_rank[:few]), ("top", by_rank[-few:])):
                parts[f"{name}{percent}%"] = np.isin(np.arange(len(texts)), chosen)
        return {name: flags for name, flags in parts.items() if flags.any()}


def score(truth: Labels, predicted: Labels) -> Scores:
    """The eight metrics. Raises ValueError when the two are of different length."""
    return Met(truth, predicted).scores()


def _share(some: int, all_: int) -> float:
    return some / all_ if all_ else 0.0


def _p_r_f(right: int, predicted: int, true: int) -> tuple[float, float, float]:
    """Precision, recall and their F1; the last is 2 right / (predicted + true)."""
    return _share(right, predicted), _share(right, true), _share(2 * right, predicted + true)
