"""One subject on one data set, in a process of its own: its time and memory are its own, and it can be killed."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

from driftwood.errors import DriftwoodError
from eval.parsing.metrics import Labels, Met, Scores
from eval.parsing.normalise import normalise
from eval.parsing.readers import DataSet, load
from eval.parsing.subjects import Subject, SubjectFailed
from eval.processes import died, end, too_long

PROTOCOLS = ("raw", "normalised")
GRACE_S = 90.0
"""What reading the data set, the start of an environment and the scoring may take beside the limit."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What a subject reached on a data set."""

    scores: dict[str, Scores]
    """By protocol."""
    parts: dict[str, dict[str, Scores]]
    """By protocol, then by part of the templates (`metrics.Met.parts`)."""
    lines: int
    seconds: float
    cpu_s: float
    peak_mb: float
    note: str


def scored(dataset: DataSet, subject: Subject, limit_s: float) -> Scored:
    """Read, parse and score, in this process. Raises DataSetError and SubjectFailed."""
    loaded = load(dataset)
    outcome = subject.run(loaded.lines, dataset.folder.name, limit_s)
    if outcome.seconds > limit_s:
        raise SubjectFailed(too_long(limit_s))
    predicted = Labels.of(outcome.templates)
    if len(predicted) != len(loaded.truth):
        raise SubjectFailed(f"{len(predicted):,} templates for {len(loaded.truth):,} lines")
    scores, parts = {}, {}
    for protocol in PROTOCOLS:
        truth, found = loaded.truth, predicted
        if protocol == "normalised":
            truth, found = truth.mapped(normalise), found.mapped(normalise)
        met = Met(truth, found)
        scores[protocol] = met.scores()
        parts[protocol] = {name: met.scores(among) for name, among in met.parts().items()}
    return Scored(
        scores, parts, len(loaded.truth), outcome.seconds, outcome.cpu_s, outcome.peak_mb, outcome.note
    )  # fmt: skip


class Apart:
    """Starts `scored` in a process of its own."""

    def __init__(self, dataset: DataSet, subject: Subject, limit_s: float) -> None:
        context = multiprocessing.get_context("spawn")
        self._limit_s = limit_s
        self._answer, theirs = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_work, args=(scored, dataset, subject, limit_s, theirs), daemon=True
        )
        self._process.start()
        theirs.close()

    def result(self) -> Scored:
        """Wait for it. Raises DriftwoodError with the reason when there is none."""
        try:
            if not self._answer.poll(self._limit_s + GRACE_S):
                raise SubjectFailed(too_long(self._limit_s))
            answer: Scored | str = self._answer.recv()
            self._process.join(10)  # told to end while it ends, it would complain
        except EOFError:
            self._process.join(10)
            raise SubjectFailed(died(self._process.exitcode)) from None
        finally:
            self.kill()
        if isinstance(answer, str):
            raise SubjectFailed(answer)
        return answer

    def kill(self) -> None:
        """End it, if it still runs; it ends what it has started when it is told to end."""
        end(self._process)


def _work(
    work: Callable[[DataSet, Subject, float], Scored],
    dataset: DataSet,
    subject: Subject,
    limit_s: float,
    answer: Connection[Scored | str, Scored | str],
) -> None:
    # Ctrl-C is for whoever started this, who then ends it; SystemExit lets the peers' `finally` run.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        answer.send(work(dataset, subject, limit_s))
    except DriftwoodError as error:
        answer.send(str(error))
    except MemoryError:
        answer.send("out of memory")
    except Exception as error:  # whatever a parser does wrong is its row, and others go on
        answer.send(f"{type(error).__name__}: {error}"[:500])
