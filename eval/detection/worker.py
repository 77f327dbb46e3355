"""Subjects on one data set, in a process of its own, which can be killed.

What a subject scored comes back as it is done, under every protocol that it takes part in. One that takes too long, or
takes the process with it, is a failure, and a new process goes on with the others.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from detectors import DETECTORS
from driftwood.errors import DriftwoodError
from eval.detection.dataset import Dataset, Split
from eval.detection.metrics import Floats
from eval.detection.protocols import Protocol, named, protocols_of
from eval.detection.subjects import DRAWN, Alone, Case, subject
from eval.parsing.readers import DataSetError
from eval.parsing.subjects import peak_mb
from eval.processes import died, end, too_long

STARTING_S = 120.0
"""What the start of a process and the way of the data set into it may take beside the limit."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a subject scored under a protocol, of one seed."""

    protocol: str
    seed: int
    validation: Floats
    test: Floats
    cpu_s: float
    events: int
    """Of all parts of the split."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a subject did on a data set."""

    subject: str
    runs: tuple[Run, ...] = ()
    peak_mb: float | None = None
    """Of the process while the subject ran, with the data set in it."""
    failure: str = ""
    """Why there is nothing after `runs`."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of a worker."""

    data: Dataset
    subjects: tuple[str, ...]
    protocols: tuple[str, ...]
    """All when empty."""
    seeds: int
    named: bool
    """Whether the subjects were asked for by name, and take part wherever they can."""


Message = Run | Outcome


class Worker:
    """Goes through an order; leaving `outcomes` early ends the process."""

    def __init__(self, order: Order, limit_s: float) -> None:
        self._order, self._limit_s = order, limit_s
        self._process: multiprocessing.process.BaseProcess | None = None
        self._stopped = False

    def outcomes(self) -> Iterator[Outcome]:
        """One for each subject, in their order."""
        left = list(self._order.subjects)
        try:
            while left and not self._stopped:
                for outcome in self._until_it_ends(left):
                    left.remove(outcome.subject)
                    yield outcome
        finally:
            self.kill()

    def _until_it_ends(self, subjects: Sequence[str]) -> Iterator[Outcome]:
        """The outcomes of one process; the last may be a failure that ended it."""
        order = Order(
            self._order.data, tuple(subjects), self._order.protocols, self._order.seeds, self._order.named
        )  # fmt: skip
        context = multiprocessing.get_context("spawn")
        answer, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=_work, args=(order, theirs), daemon=True)
        self._process.start()
        theirs.close()
        deadline = time.monotonic() + self._limit_s + STARTING_S
        left, runs = list(subjects), list[Run]()
        while left:
            failure = ""
            try:
                if answer.poll(max(deadline - time.monotonic(), 0.0)):
                    message: Message = answer.recv()
                else:
                    failure = too_long(self._limit_s)
            except EOFError:
                self._process.join(10)
                failure = died(self._process.exitcode)
            if failure:
                self.kill()
                yield Outcome(left[0], tuple(runs), failure=failure)
                return
            if isinstance(message, Run):
                runs.append(message)
                continue
            left.remove(message.subject)
            deadline = time.monotonic() + self._limit_s
            runs = []
            yield message
        self._process.join(10)

    def kill(self) -> None:
        if self._process is not None:
            end(self._process)

    def stop(self) -> None:
        """End it from another thread."""
        self._stopped = True
        self.kill()


def judged_on(order: Order, name: str) -> list[Protocol]:
    """The protocols under which a subject runs."""
    asked = subject(name)
    takes_part, data = asked.can if order.named else asked.fits, order.data
    possible = named(protocols_of(data), order.protocols)
    return [each for each in possible if takes_part(data, each.regime)]


def _work(order: Order, answer: Connection[Message, Message]) -> None:
    # Ctrl-C is for whoever started this, who then ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    cases: dict[tuple[str, int], Case] = {}
    for name in order.subjects:
        _forget_peak()
        runs, failure = list[Run](), ""
        try:
            for run in _runs(order, name, cases):
                runs.append(run)
                answer.send(run)
        except DriftwoodError as error:
            failure = str(error)
        except MemoryError:
            failure = "out of memory"
        except Exception as error:  # whatever a detector does wrong is its row, and others go on
            failure = f"{type(error).__name__}: {error}"[:500]
        answer.send(Outcome(name, tuple(runs), peak_mb(), failure))


def _runs(order: Order, name: str, cases: dict[tuple[str, int], Case]) -> Iterator[Run]:
    data = order.data
    for protocol in judged_on(order, name):
        for seed in range(order.seeds):
            try:
                case = _case(data, protocol, seed, cases)
            except DataSetError:
                break  # whoever reports says why
            if seed == 1 and not protocol.drawn and _alike(name, case):
                break
            judged, cpu_s = case.timed(name)
            events = sum(
                int(np.diff(data.batch.bounds)[rows].sum())
                for rows in (case.split.train, case.split.validation, case.split.test)
            )
            yield Run(protocol.name, seed, judged.validation, judged.test, cpu_s, events)


def _case(data: Dataset, protocol: Protocol, seed: int, cases: dict[tuple[str, int], Case]) -> Case:
    key = (protocol.name, seed)
    if key not in cases:
        split: Split = protocol.split(data, seed)
        cases[key] = Case(data, split, protocol.regime, seed, {})
    return cases[key]


def _alike(name: str, case: Case) -> bool:
    """Whether a subject learns the same from the same units whatever the seed: then one run is enough."""
    asked = subject(name)
    if not isinstance(asked, Alone):
        return name not in DRAWN and all(_alike(part, case) for part in asked.of)
    states = []
    for seed in (0, 1):
        detector = DETECTORS.make(name)
        detector.fit(case.data.batch.at(case.split.train), case.split.labels, seed=seed)
        states.append(detector.save())
    return states[0] == states[1]


def _forget_peak() -> None:
    """So that the peak is this subject's; where the system does not allow it, it is that of all before, too."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return
