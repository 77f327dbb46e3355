"""A leaderboard: the newest rows of one benchmark, data set and protocol; a subject a line, a metric a column."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

from ui.shapes import Result

LOWER_IS_BETTER = frozenset(
    {
        *("peak_mb", "seconds", "cpu_s", "false_alarms_per_hour", "delay_s", "delay_max_s"),
        *("FPR", "false/day", "p(AP>baseline)"),
    }
)
"""These, and what breaks them down (`delay_s@3/day`)."""
NO_CONTEST = frozenset({"all_positive", "oracle gate"})
"""Subjects that stand in a table to be compared with, and cannot be the best of it."""
FACTS = frozenset({"prevalence", "anomalies", "units", "distinct", "seen in training"})
"""Metrics that say what the data set is like, and not how good a subject is."""
SORTED_BY = ("FTA", "AP", "F1", "phases@rolling", "recall", "lines/s", "GA")
"""The first of these that a table has; else its first metric."""


@dataclass(frozen=True, slots=True)
class Board:
    """The newest rows of one benchmark, data set and protocol."""

    metrics: tuple[str, ...]
    cells: dict[str, dict[str, Result]]
    """By subject, then by metric."""

    @classmethod
    def of(cls, rows: Iterable[Result]) -> Board:
        """`rows`, the newest first. What breaks a metric down (`FTA@0`) has no column when the metric has one."""
        cells: dict[str, dict[str, Result]] = {}
        for row in rows:
            # A run that failed has one row; what an older one reached must not stand beside it.
            known = cells.setdefault(row["subject"], {})
            if any(
                each.get("at") != row.get("at") and value_of(each) is None
                for each in known.values()
            ):
                continue
            known.setdefault(row["metric"], row)
        seen = {metric: None for each in cells.values() for metric in reversed(each)}
        metrics = tuple(m for m in seen if not is_part(m, seen) and m not in FACTS)
        return cls(metrics, cells)

    def best(self, metric: str) -> float | None:
        values = [
            v
            for subject, each in self.cells.items()
            if subject not in NO_CONTEST and (v := value_of(each.get(metric))) is not None
        ]
        if not values:
            return None
        return min(values) if lower_is_better(metric) else max(values)

    def ranked(self, by: str) -> list[str]:
        """Subjects, the best by that metric first; those without a value last."""
        down = 1 if lower_is_better(by) else -1

        def place(subject: str) -> tuple[bool, float, str]:
            value = value_of(self.cells[subject].get(by))
            return (value is None, down * (value or 0.0), subject)

        return sorted(self.cells, key=place)

    def sorted_by(self, wanted: str = "") -> str:
        for metric in (wanted, *SORTED_BY, *self.metrics[:1]):
            if metric in self.metrics:
                return metric
        return ""


def lower_is_better(metric: str) -> bool:
    return metric.partition("@")[0] in LOWER_IS_BETTER


def is_part(metric: str, metrics: Container[str]) -> bool:
    """Whether it breaks down another of these.

    >>> is_part("FTA@rare10%", {"FTA"}), is_part("R@1%FPR", {"AP"}), is_part("R@1%FPR@distinct", {"R@1%FPR"})
    (True, False, True)
    """
    return "@" in metric and metric.rpartition("@")[0] in metrics


def value_of(row: Result | None) -> float | None:
    return None if row is None else row.get("value")
