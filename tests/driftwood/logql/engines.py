"""The engines that answer LogQL, each over lines that a test gives."""

from __future__ import annotations

from driftwood.logql import parse
from driftwood.logql.answer import Answer, Limits, Question
from driftwood.logql.reference.engine import evaluate
from driftwood.logql.reference.sources import MemorySource
from tests.driftwood.logql.conformance import Dataset, Load


class ReferenceEngine:
    def __init__(self, dataset: Dataset) -> None:
        self._source = MemorySource()
        for stream in dataset:
            self._source.add(stream.labels, stream.lines)

    def answer(self, query: str, question: Question, limits: Limits) -> Answer:
        return evaluate(parse(query), self._source, question, limits)


ENGINES: dict[str, Load] = {"reference": ReferenceEngine}
