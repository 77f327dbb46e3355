"""Who takes part in the parsing benchmark: what every subject is asked, and where subjects are found by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from driftwood.errors import DriftwoodError


class SubjectFailed(DriftwoodError):
    """It gave no templates: it crashed, is not installed, or took too long. The message is the note of its row."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one subject made of one data set."""

    templates: Sequence[str] | pa.Array[Any] | pa.ChunkedArray[Any]
    """The template of each line, in the order of the lines, variables as `<*>`; an Arrow column of strings may be
    dictionary-encoded. What is null or missing counts as ""."""
    seconds: float
    """By the wall, of the parsing alone: without the start of a process and the loading of lines."""
    cpu_s: float
    peak_mb: float
    """The largest resident memory of the process that parsed, with the lines that it held."""
    note: str = ""


class Subject(Protocol):
    """A parser with its settings. It is run in a process of its own, which may be killed at any moment."""

    @property
    def tuned(self) -> bool:
        """Its settings differ from data set to data set, by its name."""

    @property
    def settings(self) -> str:
        """What was set, in a few words or as JSON; goes into the column `config` of its rows."""

    def run(self, lines: pa.ChunkedArray[Any], dataset: str, limit_s: float) -> Outcome:
        """Parse `lines` (strings, the CSV's Content). `dataset` is the folder's name, for settings by name alone.

        Raises SubjectFailed. Whoever runs the subject kills it some seconds after `limit_s`, too.
        """


def batches(lines: pa.ChunkedArray[Any], rows: int = 65_536) -> Iterator[list[str]]:
    """`lines` as lists of Python strings, so that sixteen million of them never stand in memory at once."""
    for chunk in lines.chunks:
        for start in range(0, len(chunk), rows):
            part: Any = chunk.slice(start, rows)
            yield part.to_pylist()
