"""Who takes part in the parsing benchmark: what every subject is asked, and where subjects are found by name."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from driftwood.errors import DriftwoodError
from driftwood.records import TemplateId
from parsing import PARSERS
from parsing.masks import PLACEHOLDER


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


@dataclass(frozen=True, slots=True)
class InProcess:
    """Plays `Subject`: one of our `PARSERS` with its defaults. A line has the text that its template has at the end."""

    parser: str
    tuned: bool = False
    settings: str = "defaults"

    def run(self, lines: pa.ChunkedArray[Any], dataset: str, limit_s: float) -> Outcome:
        parser = PARSERS.make(self.parser)
        wall, cpu = time.perf_counter(), time.process_time()
        ids = [np.array(parser.parse(part), np.int64) for part in batches(lines)]
        texts = parser.templates()
        seconds, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
        encoded: Any = pa.array(np.concatenate(ids)).dictionary_encode()
        known = [texts.get(TemplateId(each)) for each in encoded.dictionary.to_pylist()]
        # Our slots have kinds, as in <NUM>; the benchmark knows one.
        plain = [None if text is None else PLACEHOLDER.sub("<*>", text) for text in known]
        column = pa.DictionaryArray.from_arrays(encoded.indices, pa.array(plain, pa.string()))
        return Outcome(column, seconds, cpu_s, peak_mb())


def known_subjects() -> dict[str, Subject]:
    """Every subject by its name: our parsers first, then those of others."""
    from eval.parsing.peers.table import peers  # they import this file

    ours: dict[str, Subject] = {name: InProcess(name) for name in PARSERS}
    # Our drain3 stands behind masks of ours; theirs is as it comes.
    theirs = {f"{name} (default)" if name in ours else name: peer for name, peer in peers().items()}
    return {**ours, **theirs}


def peak_mb() -> float:
    """The largest resident memory of this process since it began."""
    try:
        # Not ru_maxrss: a process that was started by a large one begins with that one's.
        status = Path("/proc/self/status").read_text()
        return round(int(status.partition("VmHWM:")[2].split()[0]) / 1024, 1)
    except (OSError, IndexError):
        unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20, 1)
