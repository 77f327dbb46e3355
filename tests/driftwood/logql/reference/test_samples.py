"""Samples of single lines, as Loki's own extractors gave them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from driftwood.logql import parse
from driftwood.logql.ast import LogQuery, Metric
from driftwood.logql.gotext import format_float_g
from driftwood.logql.needs import log_ranges
from driftwood.logql.reference.samples import Extractor
from driftwood.logql.reference.sources import StoredEntry


def _problems(case: Mapping[str, Any]) -> Iterator[str]:
    expr = parse(case["query"])
    assert not isinstance(expr, LogQuery)
    metric: Metric = expr
    ((aggregation, pushed),) = log_ranges(metric)
    extractor = Extractor(aggregation, pushed)
    inputs = case["inputs"]
    for line, expected in zip(inputs["lines"], case["expected"]["results"], strict=True):
        entry = StoredEntry(inputs["ts_ns"], line, inputs["structured_metadata"], 0)
        sample = extractor.sample(entry, inputs["stream"])
        if (sample is not None) is not expected["keep"]:
            yield f"{case['id']} {line!r}: {sample}, kept should be {expected['keep']}"
        elif sample is not None:
            labels, value = sample
            got = {"keep": True, "labels": _known(labels), "value": format_float_g(value)}
            if got != {**expected, "labels": _known(expected["labels"])}:
                yield f"{case['id']} {line!r}: {got}, not {expected}"


def _known(labels: Mapping[str, str]) -> dict[str, str]:
    """The words of an error's details may differ."""
    return {name: value for name, value in labels.items() if name != "__error_details__"}


def test_samples_are_those_that_loki_extracts(shared: Path) -> None:
    cases = json.loads((shared / "conformance/logql/pipeline.json").read_text())["cases"]
    of_samples = [case for case in cases if case["expected"].get("type") == "sample"]
    assert len(of_samples) >= 123
    problems = [problem for case in of_samples for problem in _problems(case)]
    assert not problems, "\n".join(problems)
