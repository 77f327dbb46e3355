"""docs/logql.md against the language: every example is asked, its answer compared, and nothing is left out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import pytest

from driftwood import logql
from driftwood.config import Store as Settings
from driftwood.errors import QueryError
from driftwood.logql import ast
from driftwood.logql.answer import (
    Answer,
    Instant,
    Limits,
    Question,
    Range,
    Scalar,
    Streams,
    Vector,
)
from driftwood.logql.gotemplate.functions import FUNCTIONS
from driftwood.logql.gotext import format_float
from driftwood.logql.plan import engine
from driftwood.logql.reference.engine import evaluate
from driftwood.logql.reference.sources import MemorySource
from driftwood.store.store import DuckStore
from driftwood.timeparse import SECOND
from tests.shop import Row, commit
from ui.series import named

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = (DOCS / "logql.md").read_text("utf-8")
SHOP = json.loads((DOCS / "logql-shop.json").read_text("utf-8"))["streams"]
START = 1_767_261_600 * SECOND
END = START + 300 * SECOND
UNCALLABLE = "call"
"""Of Go's own functions; nothing in a template can be called."""


class Example(NamedTuple):
    query: str
    shown: list[str]
    """Lines, or series with their values."""
    labels: list[str]
    refusal: str


def examples() -> Iterator[Example]:
    for block in re.findall(r"^```logql\n(.*?)^```", PAGE, re.S | re.M):
        for part in re.split(r"\n{2,}", block.strip("\n")):
            told = part.split("\n")
            query = "\n".join(line for line in told if line[:2] not in ("#>", "#=", "#!"))
            noted = {
                mark: [line[3:] for line in told if line.startswith(mark)]
                for mark in ("#>", "#=", "#!")
            }
            yield Example(query, noted["#>"], noted["#="], "".join(noted["#!"]))


EXAMPLES = list(examples())
RIGHT = [example for example in EXAMPLES if not example.refusal]
EXPRESSIONS = [logql.parse(example.query) for example in RIGHT]


Engine = Callable[[ast.Expr, Question], Answer]


@pytest.fixture(scope="module")
def reference() -> Engine:
    source = MemorySource()
    for stream in SHOP:
        source.add(
            stream["stream"],
            [(int(ts), line, *metadata) for ts, line, *metadata in stream["values"]],
        )
    return lambda expr, question: evaluate(expr, source, question, Limits())


@pytest.fixture(scope="module")
def planner() -> Iterator[Engine]:
    store = DuckStore.in_memory(Settings(min_free_bytes=0))
    store.write(commit(list(rows())))
    yield lambda expr, question: engine.answer(store, expr, question)
    store.close()


def rows() -> Iterator[Row]:
    for stream in SHOP:
        labels = dict(stream["stream"])
        app, level = labels.pop("app"), labels.pop("level")
        for ts, line, *metadata in stream["values"]:
            yield Row(
                int(ts), line, app, level, labels=labels, metadata=metadata[0] if metadata else {}
            )


@pytest.fixture(params=["reference", "planner"])
def ask(request: pytest.FixtureRequest) -> Engine:
    """Either engine over the lines of the page."""
    chosen: Engine = request.getfixturevalue(request.param)
    return chosen


def asked(query: str, ask: Engine) -> Answer:
    """Lines from 10:00 to 10:05, numbers at 10:05."""
    expr = logql.parse(query)
    lines = isinstance(expr, ast.LogQuery)
    return ask(expr, Range(START, END, SECOND, direction="forward") if lines else Instant(END))


@pytest.mark.parametrize("example", RIGHT, ids=lambda example: example.query[:70])
def test_an_example_has_the_answer_that_is_shown(example: Example, ask: Engine) -> None:
    answer = asked(example.query, ask)
    assert example.shown or example.labels, "an example without an answer shows nothing"
    if isinstance(answer, Scalar):
        assert example.shown == [format_float(answer.value)]
    elif isinstance(answer, Vector):
        assert example.shown == [
            f"{named(each.labels)} {format_float(each.value)}" for each in answer.samples
        ]
    elif isinstance(answer, Streams):
        entries = sorted(entry for stream in answer.streams for entry in stream.entries)
        if example.shown:
            assert example.shown == [entry.line.replace("\n", "\\n") for entry in entries]
        if example.labels:
            assert example.labels == [
                named(entry.parsed)[1:-1].replace(", ", " ") for entry in entries
            ]


@pytest.mark.parametrize(
    "example", [each for each in EXAMPLES if each.refusal], ids=lambda example: example.query[:70]
)
def test_what_is_said_to_be_refused_is_refused_so(example: Example, ask: Engine) -> None:
    with pytest.raises(QueryError) as refusal:
        asked(example.query, ask)
    assert example.refusal in refusal.value.message


def test_the_lines_on_the_page_are_those_of_the_file() -> None:
    listed = re.search(r"^```text\n(\{app=.*?)^```", PAGE, re.S | re.M)
    assert listed is not None
    shown = []
    for stream in SHOP:
        shown.append(named(stream["stream"]))
        for ts, line, *metadata in stream["values"]:
            minute, second = divmod((int(ts) - START) // SECOND, 60)
            after = f"  {named(metadata[0])[1:-1]}" if metadata else ""
            shown.append(f"  10:{minute:02}:{second:02}  {line}{after}".replace("\x1b", "\\x1b"))
    assert listed[1].splitlines() == shown


def parts(value: object) -> Iterator[object]:
    """`value` and all that it is made of."""
    yield value
    if isinstance(value, tuple):
        for each in value:
            yield from parts(each)
    elif is_dataclass(value):
        for field in fields(value):
            yield from parts(getattr(value, field.name))


SAID = [part for expr in EXPRESSIONS for part in parts(expr)]
NODES = [each for each in vars(ast).values() if isinstance(each, type) and is_dataclass(each)]
WORDS = [
    member
    for each in vars(ast).values()
    if isinstance(each, type) and issubclass(each, StrEnum) and each is not StrEnum
    for member in each
]


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.__name__)
def test_every_part_of_the_language_has_an_example(node: type) -> None:
    assert any(type(part) is node for part in SAID)


@pytest.mark.parametrize("word", WORDS, ids=lambda word: f"{type(word).__name__}.{word.name}")
def test_every_operator_and_function_has_an_example(word: StrEnum) -> None:
    assert any(type(part) is type(word) and part == word for part in SAID)


def test_every_flag_and_form_has_an_example() -> None:
    forms = {
        "logfmt --strict": lambda p: isinstance(p, ast.LogfmtParser) and p.strict,
        "logfmt --keep-empty": lambda p: isinstance(p, ast.LogfmtParser) and p.keep_empty,
        "logfmt with a list": lambda p: isinstance(p, ast.LogfmtParser) and p.extractions,
        "json with a list": lambda p: isinstance(p, ast.JsonParser) and p.extractions,
        "or of a line filter": lambda p: isinstance(p, ast.LineFilter) and len(p.operands) > 1,
        "ip of a line": lambda p: isinstance(p, ast.Operand) and p.ip,
        "a renamed label": lambda p: isinstance(p, ast.Assignment) and p.rename,
        "a label that is set": lambda p: isinstance(p, ast.Assignment) and not p.rename,
        "a matcher of drop": lambda p: (
            isinstance(p, ast.DropLabels)
            and any(isinstance(each, ast.Matcher) for each in p.labels)
        ),
        "a filter after unwrap": lambda p: isinstance(p, ast.Unwrap) and p.filters,
        "an offset into the past": lambda p: isinstance(p, ast.LogRange) and p.offset > 0,
        "an offset into the future": lambda p: isinstance(p, ast.LogRange) and p.offset < 0,
        "by": lambda p: (
            isinstance(p, ast.VectorAggregation) and p.grouping and not p.grouping.without
        ),
        "without": lambda p: isinstance(p, ast.Grouping) and p.without,
        "a grouped range": lambda p: isinstance(p, ast.RangeAggregation) and p.grouping,
        "on": lambda p: isinstance(p, ast.Matching) and p.on,
        "ignoring": lambda p: isinstance(p, ast.Matching) and p.labels and not p.on,
        "labels of group_left": lambda p: isinstance(p, ast.Matching) and p.include,
        "bool": lambda p: isinstance(p, ast.BinaryOperation) and p.return_bool,
    }
    missing = [name for name, is_one in forms.items() if not any(map(is_one, SAID))]
    assert missing == []


@pytest.mark.parametrize("name", sorted({*FUNCTIONS, "__line__", "__timestamp__"} - {UNCALLABLE}))
def test_every_function_of_templates_has_an_example(name: str) -> None:
    templates = [part.template for part in SAID if isinstance(part, ast.LineFormat)]
    called = re.compile(rf"(?<![\w.\"]){re.escape(name)}(?![\w\"])")
    actions = [action for text in templates for action in re.findall(r"\{\{.*?\}\}", text)]
    assert any(called.search(action) for action in actions)


def test_every_error_label_is_named() -> None:
    for name in ("JSONParserErr", "LogfmtParserErr", "LabelFilterErr", "SampleExtractionErr"):
        assert name in PAGE
