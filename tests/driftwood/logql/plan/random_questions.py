"""Random lines, and random queries made of their words: what two engines that should agree are asked."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from hypothesis import strategies as st

from driftwood.errors import QueryError
from driftwood.logql.answer import Answer, Instant, Limits, Question, Range, Scalar, Streams
from driftwood.logql.ast import Expr, LogQuery, Matcher, MatchOp
from driftwood.logql.plan.engine import QuerySettings, answer
from driftwood.logql.reference.engine import evaluate
from driftwood.logql.reference.sources import MemorySource
from driftwood.store.store import DuckStore
from tests.driftwood.logql.conformance import Dataset, Line, StoredStream, close, rows_of
from tests.driftwood.logql.plan.stored import Kept, stored
from tests.driftwood.logql.strategies import Queries, Words

SECOND = 10**9
MINUTE = 60 * SECOND
START = 1_700_000_000 * SECOND // MINUTE * MINUTE
SPAN = 40 * MINUTE
LIMITS = Limits(max_series=100_000)

KEYS = ("a", "b", "a_b", "a.b", "level", "status", "user", "dur", "size", "app", "c")
WORDS = (
    "error",
    "GET /",
    "x",
    "1",
    "1.50",
    "0.1",
    "250ms",
    "1h2m",
    "1.5s",
    "3kB",
    "2 MiB",
    "-0",
    "é",
    "",
    "b c",
)
NAMES = (
    "app",
    "env",
    "level",
    "a",
    "b",
    "a_b",
    "status",
    "user",
    "dur",
    "size",
    "c",
    "trace",
    "level_extracted",
)


def json_line(draw: random.Random, depth: int = 0) -> str:
    def value() -> str:
        kind = draw.random()
        if kind < 0.15 and depth < 2:
            return json_line(draw, depth + 1)
        if kind < 0.5:
            return draw.choice(["1", "1.50", "-0", "250", "true", "null", "[1, 2]", "1e3", "17"])
        return json.dumps(draw.choice(WORDS), ensure_ascii=draw.random() < 0.5)

    members = [f'"{draw.choice(KEYS)}":{value()}' for _ in range(draw.randint(0, 5))]
    return "{" + draw.choice([",", ", "]).join(members) + "}"


def logfmt_line(draw: random.Random) -> str:
    pairs = []
    for _ in range(draw.randint(0, 6)):
        word = draw.choice(WORDS)
        quoted = f'"{word}"' if " " in word or draw.random() < 0.3 else word
        pairs.append(draw.choice([f"{draw.choice(KEYS)}={quoted}"] * 9 + ["bare", 'k="', "=x"]))
    return " ".join(pairs)


def access_line(draw: random.Random) -> str:
    return (
        f'10.0.0.{draw.randint(1, 9)} - {draw.choice(["-", "bob"])} "{draw.choice(["GET", "POST"])} '
        f'/{draw.choice(["a", "b/c", ""])} HTTP/1.1" {draw.choice([200, 404, 500])} {draw.randint(0, 900)}'
    )


def line(draw: random.Random) -> str:
    kind = draw.random()
    if kind < 0.35:
        made = json_line(draw)
        return made if draw.random() < 0.9 else made[: draw.randint(0, len(made))]
    if kind < 0.65:
        return logfmt_line(draw)
    if kind < 0.85:
        return access_line(draw)
    return draw.choice(
        ["", "error: it broke", "a\nb", "plain text 1", "[GET] x", "é ERROR", "a=b=c"]
    )


def lines(draw: random.Random, count: int) -> Iterator[Line]:
    for _ in range(count):
        ts = START + draw.randrange(SPAN)
        if draw.random() < 0.3:  # on the edges of windows
            ts = ts // MINUTE * MINUTE + draw.choice([-1, 0, 1])
        metadata = {}
        if draw.random() < 0.2:
            metadata = {
                draw.choice(["trace", "user", "level", "a"]): draw.choice(["t1", "t2", "9"])
            }
        yield ts, line(draw), metadata


def _each_once(made: Iterator[Line]) -> tuple[Line, ...]:
    """An equal line is stored once, and the two stores would number what follows it differently."""
    return tuple(
        {(ts, text, *sorted(sm.items())): (ts, text, sm) for ts, text, sm in made}.values()
    )


@cache
def dataset(seed: int) -> Dataset:
    draw = random.Random(seed)
    label_sets: list[dict[str, str]] = [
        {"app": "web", "env": "prod"},
        {"app": "web", "env": "dev", "level": "error"},
        {"app": "api", "level": "info"},
        {"app": "db", "env": "prod", "a": "7", "status": "500"},
    ]
    return tuple(
        StoredStream(labels, _each_once(lines(draw, draw.randint(5, 60)))) for labels in label_sets
    )


def memory(made: Dataset) -> MemorySource:
    source = MemorySource()
    for stream in made:
        source.add(stream.labels, stream.lines)
    return source


@cache
def source(seed: int) -> MemorySource:
    return memory(dataset(seed))


@cache
def store(seed: int, kept: Kept) -> DuckStore:
    return stored(dataset(seed), kept)


def selectors() -> st.SearchStrategy[tuple[Matcher, ...]]:
    return st.sampled_from(
        [
            (Matcher("app", MatchOp.MATCHES, ".+"),),
            (Matcher("app", MatchOp.EQUAL, "web"),),
            (Matcher("env", MatchOp.EQUAL, "prod"),),
            (
                Matcher("app", MatchOp.MATCHES, "web|db"),
                Matcher("level", MatchOp.NOT_EQUAL, "error"),
            ),
            (Matcher("app", MatchOp.EQUAL, "none"),),
        ]
    )


QUERIES = Queries(
    Words(
        names=st.sampled_from([*NAMES, "__error__"]),
        values=st.sampled_from([*WORDS, "web", "prod", "JSONParserErr"]),
        texts=st.sampled_from([*WORDS, "{", '"a":', "a=", "level", "HTTP/1.1"]),
        regexes=st.sampled_from(
            [
                "error",
                "(?i)error",
                "a|b",
                "^\\{",
                "\\d+",
                "5..",
                "x$",
                ".*",
                ".+",
                "GET|POST",
                "[a-c]=",
                "",
                "1.5.*",
            ]
        ),
        numbers=st.sampled_from([0.0, 1.0, 1.5, 250.0, 499.0, -1.0]),
        nanoseconds=st.sampled_from([0, 250_000_000, 1_500_000_000, 3_720 * SECOND]),
        ranges=st.sampled_from([MINUTE, 5 * MINUTE, 7 * SECOND, 90 * SECOND, SPAN, 2 * SPAN]),
        offsets=st.sampled_from([0, 0, 0, MINUTE, -30 * SECOND]),
        selectors=selectors(),
    )
)

QUESTIONS = st.one_of(
    st.sampled_from([SPAN, SPAN // 2, SPAN + 17 * SECOND]).map(
        lambda after: Instant(START + after)
    ),
    st.builds(
        lambda begin, length, step, limit, direction: Range(
            START + begin, START + begin + length, step, limit, direction
        ),
        st.sampled_from([0, 5 * MINUTE, 13 * SECOND]),
        st.sampled_from([SPAN, 10 * MINUTE, SECOND]),
        st.sampled_from([MINUTE, 5 * MINUTE, 47 * SECOND, SPAN]),
        st.sampled_from([1, 7, 100, 5_000]),
        st.sampled_from(["forward", "backward"]),
    ),
)


def outcome(ask: Callable[[], Answer]) -> Answer | str:
    try:
        return ask()
    except QueryError as error:
        return error.message


def same(expected: Answer | str, got: Answer | str, question: Question) -> bool:
    if isinstance(expected, str | Streams) or isinstance(got, str | Streams):
        return expected == got
    if isinstance(expected, Scalar) or isinstance(got, Scalar):
        return (
            isinstance(expected, Scalar)
            and isinstance(got, Scalar)
            and close(expected.value, got.value)
        )
    theirs, ours = rows_of(expected, question), rows_of(got, question)
    if isinstance(theirs, str) or isinstance(
        ours, str
    ):  # label_replace gave two series the same labels
        return expected == got
    return len(theirs) == len(ours) and all(
        dict(a) == dict(b) and all(map(_alike, x, y)) and len(x) == len(y)
        for (a, x), (b, y) in zip(theirs, ours, strict=True)
    )


def _alike(a: float | None, b: float | None) -> bool:
    return a is b if a is None or b is None else close(a, b)


@dataclass(frozen=True, slots=True)
class Verdict:
    expected: Answer | str
    got: Answer | str
    agree: bool


def judged(lines: MemorySource, kept: DuckStore, expr: Expr, question: Question) -> Verdict:
    """What the reference says about the lines, and what the planner says that asks the store."""
    if isinstance(expr, LogQuery) and isinstance(question, Instant):
        question = Range(START, question.time, SECOND)
    expected = outcome(lambda: evaluate(expr, lines, question, LIMITS))
    got = outcome(lambda: answer(kept, expr, question, QuerySettings(LIMITS)))
    return Verdict(expected, got, same(expected, got, question))
