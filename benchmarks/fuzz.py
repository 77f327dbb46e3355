"""A great many random queries through both engines, and random texts through the parser: how often they disagree.

    python -m benchmarks.fuzz --queries 100000 --seed 1 [--progress FILE] [--workers N]
    python -m benchmarks.fuzz --texts 100000 --seed 1

The planner must answer what the reference engine answers, and refuse what it refuses in the same words; any other
exception is a disagreement, too. Queries come in batches of 500, each over random lines of its own, kept hot, sealed or
both, and a batch is a function of its seed alone. `--progress` notes each batch that is done, so that a run that was
stopped goes on where it was. Each disagreement is printed as the least query over the fewest lines that still shows it.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import NamedTuple, cast, get_args

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from driftwood.errors import QueryError
from driftwood.logql import parse
from driftwood.logql.answer import Question
from driftwood.logql.ast import Expr, LogQuery, Metric, RangeAggregation
from driftwood.logql.prettifier import prettify
from tests.driftwood.logql.conformance import Dataset, Line
from tests.driftwood.logql.plan.random_questions import (
    QUERIES,
    QUESTIONS,
    dataset,
    judged,
    memory,
)
from tests.driftwood.logql.plan.stored import Kept, stored
from tests.driftwood.logql.test_parser_fuzz import texts

BATCH = 500
METRICS = get_args(Metric)
KEPT: tuple[Kept, ...] = ("hot", "sealed", "both")
SHOWN = 5
"""Disagreements of a batch that are made small; the others are likely to be the same ones."""


class Done(NamedTuple):
    batch: int
    asked: int
    answered: int
    """Not refused by the reference."""
    empty: int
    """Answers without a line or series."""
    disagreements: int
    reports: list[str]


# -- one batch


def batch(seed: int, number: int, size: int) -> Done:
    lines = dataset(seed * 1_000_003 + number)
    kept = KEPT[number % len(KEPT)]
    source, store = memory(lines), stored(lines, kept)
    asked = answered = empty = 0
    wrong: list[tuple[Expr, Question]] = []

    @seeded(seed * 1_000_003 + number)
    @settings(
        max_examples=size,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(expr=QUERIES.expressions(), question=QUESTIONS)
    def ask(expr: Expr, question: Question) -> None:
        nonlocal asked, answered, empty
        asked += 1
        try:
            found = judged(source, store, expr, question)
        except Exception:  # whatever it is: it is what is looked for
            wrong.append((expr, question))
            return
        answered += not isinstance(found.expected, str)
        empty += _is_empty(found.expected)
        if not found.agree:
            wrong.append((expr, question))

    ask()
    reports = [least(lines, kept, expr, question) for expr, question in wrong[:SHOWN]]
    store.close()
    return Done(number, asked, answered, empty, len(wrong), reports)


def _is_empty(answer: object) -> bool:
    return any(not getattr(answer, name, True) for name in ("streams", "series", "samples"))


# -- a disagreement, made small


def complaint(lines: Dataset, kept: Kept, expr: Expr, question: Question) -> str | None:
    """None: both engines agree."""
    store = stored(lines, kept)
    try:
        found = judged(memory(lines), store, expr, question)
    except Exception:
        return traceback.format_exc(limit=-4)
    finally:
        store.close()
    if found.agree:
        return None
    return f"  reference: {found.expected}\n  planner:   {found.got}"


def least(lines: Dataset, kept: Kept, expr: Expr, question: Question) -> str:
    """The smallest case found by leaving out stages, operands and lines as long as the complaint stays."""
    said = complaint(lines, kept, expr, question)
    if said is None:
        return f"not seen again: {expr}  {question}"
    smaller = True
    while smaller:
        smaller = False
        for other in _simpler(expr):
            if (now := complaint(lines, kept, other, question)) is not None:
                expr, said, smaller = other, now, True
                break
    rows = [(at, line) for at, stream in enumerate(lines) for line in stream.lines]
    for size in (32, 8, 2, 1):
        for end in range(len(rows), 0, -size):
            fewer = rows[: max(end - size, 0)] + rows[end:]
            some = _of_rows(lines, fewer)
            if (now := complaint(some, kept, expr, question)) is not None:
                rows, said = fewer, now
    lines = _of_rows(lines, rows)
    shown = "\n".join(f"    {stream.labels} {stream.lines}" for stream in lines if stream.lines)
    return f"{expr}\n  {question}, kept {kept}, of\n{shown}\n{said}"


def _simpler(node: Expr) -> Iterator[Expr]:
    """Expressions that are one part less."""
    parts = [] if isinstance(node, LogQuery | RangeAggregation) else _parts(node)
    for made in (*parts, *_without_a_part(node)):
        if isinstance(made, (LogQuery, *METRICS)):
            try:
                parse(str(made))
            except QueryError:
                continue
            yield cast(Expr, made)


def _parts(node: Expr) -> list[object]:
    parts = [getattr(node, each.name) for each in fields(node)]
    return [part for part in parts if isinstance(part, METRICS)]


def _without_a_part(node: object) -> Iterator[object]:
    if not is_dataclass(node) or isinstance(node, type):
        return
    for each in fields(node):
        if not each.init:
            continue
        part = getattr(node, each.name)
        if isinstance(part, tuple) and each.name in ("stages", "filters"):
            for at in range(len(part)):
                yield replace(node, **{each.name: part[:at] + part[at + 1 :]})
        elif is_dataclass(part):
            for made in _without_a_part(part):
                yield replace(node, **{each.name: made})


def _of_rows(lines: Dataset, rows: Sequence[tuple[int, Line]]) -> Dataset:
    """The same streams with these lines, each with the number of its stream."""
    return tuple(
        replace(stream, lines=tuple(line for of, line in rows if of == at))
        for at, stream in enumerate(lines)
    )


# -- texts


def refuse_or_parse(seed: int, count: int) -> int:
    wrong = 0
    for text, _ in zip(texts(seed), range(count), strict=False):
        try:
            expr = parse(text)
            assert prettify(expr)
            assert str(expr)
        except QueryError:
            continue
        except Exception:
            wrong += 1
            print(f"{text!r}\n{traceback.format_exc(limit=-4)}")
    return wrong


# -- the whole


def ask_all(queries: int, seed: int, workers: int, progress: Path | None) -> Sequence[Done]:
    done: list[Done] = []
    if progress is not None and progress.exists():
        done = [Done(*json.loads(row)) for row in progress.read_text("utf-8").splitlines()]
    known = {each.batch for each in done}
    began = time.perf_counter()
    with ProcessPoolExecutor(workers) as pool:
        futures = [
            pool.submit(batch, seed, number, min(BATCH, queries - first))
            for number, first in enumerate(range(0, queries, BATCH))
            if number not in known
        ]
        for future in as_completed(futures):
            found = future.result()
            done.append(found)
            if progress is not None:
                with progress.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(found) + "\n")
            for report in found.reports:
                print(f"\nbatch {found.batch}: {report}", flush=True)
            asked = sum(each.asked for each in done)
            wrong = sum(each.disagreements for each in done)
            print(
                f"{asked:,} queries, {wrong} wrong, {time.perf_counter() - began:.0f} s", flush=True
            )
    return done


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--queries", type=int, default=0)
    arguments.add_argument("--texts", type=int, default=0)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments.add_argument("--progress", type=Path)
    chosen = arguments.parse_args()
    wrong = 0
    if chosen.texts:
        wrong = refuse_or_parse(chosen.seed, chosen.texts)
        print(f"{chosen.texts:,} texts: {wrong} with another exception than a query's error")
    if chosen.queries:
        done = ask_all(chosen.queries, chosen.seed, chosen.workers, chosen.progress)
        asked, answered, empty = (
            sum(getattr(each, name) for each in done) for name in ("asked", "answered", "empty")
        )
        disagreements = sum(each.disagreements for each in done)
        print(
            f"{asked:,} queries: {answered:,} answered ({empty:,} of them with nothing), "
            f"{asked - answered:,} refused; {disagreements} disagreements"
        )
        wrong += disagreements
    raise SystemExit(wrong > 0)


if __name__ == "__main__":
    main()
