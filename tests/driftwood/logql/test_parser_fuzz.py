"""A hundred thousand texts, most of them nearly queries: each parses or is refused, and soon."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from driftwood.errors import QueryError
from driftwood.logql import parse
from driftwood.logql.lexer import FUNCTIONS, KEYWORDS
from driftwood.logql.prettifier import prettify

TEXTS = 100_000
SLOW_S = 5.0
"""For one text: no way of parsing that grows faster than the text stays below that."""

SEEDS = (
    '{app="api", env=~"prod|dev"} |= "error" != "debug" |~ `a.*b` or ip("10.0.0.0/8")',
    '{a="b"} | json x="y.z[0]", w | x > 5 and y<=2.5s or z="" , w = ip("::1")',
    '{a="b"} | logfmt --strict --keep-empty k="v" | line_format "{{.x | upper}} {{ if .y }}z{{ end }}"',
    '{a="b"} | regexp "(?P<c>\\\\d+)" | pattern "<ip> - <_>" | label_format x=y,z="{{.w}}" | decolorize',
    '{a="b"} | unpack | drop x, y="z" | keep w =~ "v" |> "<_> x" !> "y"',
    'sum by (a, b) (rate({a="b"} | json | x="y" [5m] offset 1h)) / on(a) group_left(c) vector(2)',
    'topk(3, quantile_over_time(0.99, ({a="b"} | logfmt | unwrap duration(x) | y="")[1h30m]) by (z))',
    'label_replace(sum(count_over_time({a="b"}[1m])) > bool 3 or vector(1), "x", "$1", "y", "(.*)")',
    'sort_desc(bytes_over_time({a="b"}[1d]) unless ignoring(x) absent_over_time({c="d"}[1w])) ^ 2 % 3',
    "-1.5e3 + 0x1p4 * (2 - 1KiB) # nothing\n // more /* and */",
)
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|`[^`]*`|\w+|\s+|.', re.DOTALL)
_SPARE = (
    *sorted(KEYWORDS),
    *sorted(FUNCTIONS),
    *("|=", "!=", "|~", "!~", "|>", "!>", "=~", "==", ">=", "<=", "(", ")", "{", "}", "[", "]"),
    *('"', "'", "`", "\\", "#", "//", "/*", "*/", "\n", "\0", "\ufeff", "é", "😀", "²", "\ud800"),
    *(
        "5m",
        "[5m]",
        "-0",
        "1e",
        "0x",
        "0b2",
        "5PB",
        "1_",
        "9" * 400,
        "--strict",
        '"\\xff"',
        '"(?P<x"',
    ),
    *('"{{ range .x }}"', '"[a-"', '"<a><b>"', '"((a{99}){99}){99}"', "("),
)


def texts(seed: int) -> Iterator[str]:
    """Queries with parts left out, doubled, swapped, repeated a lot or put in; and now and then any characters."""
    chance = random.Random(seed)
    queries = [_TOKEN.findall(query) for query in SEEDS]
    while True:
        parts = list(chance.choice(queries))
        for _ in range(chance.randint(1, 5)):
            at = chance.randrange(len(parts) + 1)
            match chance.randrange(7):
                case 0:
                    del parts[at : at + chance.randint(1, 4)]
                case 1:
                    parts.insert(at, chance.choice(_SPARE))
                case 2:
                    parts[at : at + 1] = [chance.choice(chance.choice(queries))]
                case 3:
                    parts[at:at] = parts[at : at + 5] * chance.randint(1, 20)
                case 4:
                    parts[at:] = chance.choice(queries)[chance.randint(0, 8) :]
                case 5:
                    parts = parts[:at]
                case 6:
                    parts.insert(at, "".join(map(chr, chance.choices(range(1, 0x500), k=3))))
        yield "".join(parts)


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_no_text_is_answered_with_anything_but_a_query_or_a_query_error() -> None:
    seed = 20_260_801
    outcomes: Counter[str] = Counter()
    for text, _ in zip(texts(seed), range(TEXTS), strict=False):
        begun = time.monotonic()
        try:
            expr = parse(text)
            assert prettify(expr)
            assert str(expr)
            outcomes["parsed"] += 1
        except QueryError as error:
            assert str(error)
            outcomes["refused"] += 1
        assert time.monotonic() - begun < SLOW_S, text
    assert outcomes["parsed"] > TEXTS / 100
    assert outcomes["refused"] > TEXTS / 2
