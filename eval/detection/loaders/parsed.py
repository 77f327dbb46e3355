"""Template ids of lines that come without any: our parser, which sees the lines in their order.

A line's template follows from the lines before it alone. What the parser meets only after training gets an id of its
own; a line whose shape was there in training keeps the id that it had there (`parsing.shapes`), and of two templates
that become one, the older goes on. So nothing of the test part reaches what is learnt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from driftwood.labels import LEVELS
from eval.detection.loaders.columns import Ints, looked_up, worded
from parsing import PARSERS
from parsing.shapes import ShapeCache

_OTHER_NAMES = {
    "notice": "info",
    "warning": "warn",
    "severe": "error",
    "failure": "error",
    "err": "error",
    "critical": "fatal",
    "alert": "fatal",
    "emerg": "fatal",
    "panic": "fatal",
}


class Templates:
    def __init__(self) -> None:
        self._parser = ShapeCache(PARSERS.make("driftwood"))

    def of(self, lines: pa.StringArray | pa.ChunkedArray[Any] | Sequence[str]) -> Ints:
        """The template id of each line; lines must come in their order."""
        if not isinstance(lines, pa.StringArray | pa.ChunkedArray):
            lines = pa.array(lines, pa.string())
        ids, _ = self._parser.assign(lines)
        return np.asarray(ids.to_numpy(), np.int64)

    @property
    def texts(self) -> dict[int, str]:
        return {int(template): text for template, text in self._parser.templates().items()}


def severities(
    levels: Any, template_id: Ints, texts: dict[int, str] | None = None
) -> npt.NDArray[np.uint8]:
    """By the level's name; where a line has none, by the words of its template."""
    coded = pc.fill_null(levels, "").dictionary_encode()
    numbers = {name: 4 * at + 1 for at, name in enumerate(LEVELS)}
    names = [str(name).lower() for name in coded.dictionary.to_pylist()]
    known = np.array([numbers.get(_OTHER_NAMES.get(n, n), 0) for n in names], np.uint8)
    severity: npt.NDArray[np.uint8] = known[coded.indices.to_numpy()]
    if texts is None or severity.all():
        return severity
    return np.where(severity == 0, looked_up(template_id, worded(texts)), severity)


def records(lines: Iterable[str], begins: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """The first line of each record: a stack trace below it is part of the record and has no template of its own."""
    return (match for line in lines if (match := begins.match(line)))
