"""Words and evidence that every detector shares: titles are read by a person at 3 a.m."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import orjson

from driftwood.protocols import LogBatch, Scores

MAX_EVIDENCE = 20
MAX_CONTRIBUTIONS = 8
_MAX_TEMPLATE = 120


def units(batch: LogBatch) -> Iterator[tuple[int, slice]]:
    """The units of `batch` in the order of their start, each with its rows of `batch.tally`."""
    bounds = batch.tally.bounds.tolist()
    order = np.argsort(batch.start, kind="stable").tolist() if len(batch) > 1 else range(len(batch))
    for unit in order:
        yield unit, slice(bounds[unit], bounds[unit + 1])


def rows_of(batch: LogBatch, unit: int) -> slice:
    """The rows of `batch.tally` that belong to `unit`."""
    return slice(int(batch.tally.bounds[unit]), int(batch.tally.bounds[unit + 1]))


def span_of(batch: LogBatch, unit: int) -> slice:
    """The events of `unit`."""
    first, last = np.searchsorted(batch.unit, (unit, unit + 1))
    return slice(int(first), int(last))


def evidence(batch: LogBatch, rows: npt.NDArray[np.bool_], span: slice) -> tuple[int, ...]:
    """The ids of the first lines in `span` that `rows` (a mask over it) chooses."""
    return tuple(batch.line_id[span][rows][:MAX_EVIDENCE].tolist())


def scores_of(findings: Iterable[tuple[int, float, str, int]]) -> Scores:
    """Findings as (unit, p-value, kind, subject), in the order of their units; the score is -log10 p."""
    rows = sorted(findings, key=lambda f: (f[0], f[1], f[2]))
    kind = np.empty(len(rows), np.object_)
    kind[:] = [r[2] for r in rows]
    p_value = np.array([r[1] for r in rows], np.float64)
    return Scores(
        unit=np.array([r[0] for r in rows], np.int32),
        score=-np.log10(np.maximum(p_value, 1e-300)),
        p_value=p_value,
        kind=kind,
        subject=np.array([r[3] for r in rows], np.int64),
    )


def who(batch: LogBatch, unit: int) -> str:
    """The service, or what else names the source best."""
    if batch.service[unit]:
        return str(batch.service[unit])
    labels = orjson.loads(batch.source[unit] or "{}")
    return next(
        (str(labels[n]) for n in ("filename", "topic", "source") if n in labels), "a source"
    )


def quoted(template: int, texts: Mapping[int, str]) -> str:
    """A template's text as a title shows it: on one line, not too long.

    >>> quoted(1, {1: "took <NUM> ms"})
    '`took <NUM> ms`'
    """
    text = " ".join(texts.get(template, f"template {template}").split())
    if len(text) > _MAX_TEMPLATE:
        text = text[: _MAX_TEMPLATE - 1] + "…"
    return f"`{text}`"


def times(count: float, template: int, texts: Mapping[int, str]) -> str:
    """
    >>> times(14, 1, {1: "timeout"})
    '14 \u00d7 `timeout`'
    """
    return f"{amount(count)} × {quoted(template, texts)}"


def during(batch: LogBatch, unit: int) -> str:
    seconds = int(batch.end[unit] - batch.start[unit]) / 1e9
    if seconds == 60:
        return "in one minute"
    return f"in {seconds / 60:g} minutes" if seconds > 60 else f"in {seconds:g} s"


def normally(expected: float) -> str:
    """
    >>> normally(0.2), normally(3.4), normally(180.3)
    ('normally none', 'normally 3', 'normally 180')
    """
    return "normally none" if expected < 0.5 else f"normally {amount(expected)}"


def amount(count: float) -> str:
    """
    >>> amount(12.4), amount(12345)
    ('12', '12,345')
    """
    return f"{round(count):,}"
