"""What the query bar proposes at the caret, asked of its own script by Node.js; and the words that it knows."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwood.logql import ast
from ui.dashboard import editor
from ui.dashboard.vocabulary import WORDS

SCRIPT = Path(editor.__file__).with_name("logql.js")
LABELS = ["app", "level", "service_name"]
VALUES = {
    '["app","",""]': {"values": ["web", "api"], "more": False},
    '["","{app=\\"web\\"}",""]': {"values": ["took", "status", "level"], "more": False},
}
ASK = """
const cases = JSON.parse(require("fs").readFileSync(0, "utf8"))
const source = `const WORDS = ${cases.words}\n${cases.script}`
import("data:text/javascript," + encodeURIComponent(source)).then(({ suggest, pieces, walk }) => {
  const answers = cases.asked.map(({ text, caret }) => {
    const all = pieces(text)
    walk(all)
    return { ...suggest(text, caret, cases.labels, cases.values), pieces: all }
  })
  console.log(JSON.stringify(answers))
})
"""


def proposed(*texts: str) -> list[dict[str, Any]]:
    """What is proposed where the ^ stands in each text, or at its end."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node.js to run the query bar's script with")
    asked = []
    for text in texts:
        caret = text.find("^") if "^" in text else len(text)
        # Places in JavaScript are UTF-16.
        units = len(text[:caret].encode("utf-16-le", "surrogatepass")) // 2
        asked.append({"text": text.replace("^", "", 1), "caret": units})
    cases = {
        "words": json.dumps(WORDS),
        "script": SCRIPT.read_text("utf-8"),
        "labels": LABELS,
        "values": VALUES,
        "asked": asked,
    }
    told = subprocess.run(
        [node, "-e", ASK], input=json.dumps(cases), capture_output=True, text=True, timeout=60
    )
    assert told.returncode == 0, told.stderr
    answers: list[dict[str, Any]] = json.loads(told.stdout)
    return answers


def names(answer: dict[str, Any]) -> list[str]:
    return [word[0] for word in answer["words"]]


def test_each_place_in_a_query_has_its_own_words() -> None:
    places = {
        "": ["{", "count_over_time", "rate"],
        "ra": ["rate", "rate_counter", "bytes_rate"],
        "{": LABELS,
        "{se": ["service_name"],
        "{app": ["app"],
        "{app ": ["=", "!=", "=~", "!~"],
        '{app="': ["web", "api"],
        '{app="a': ["api"],
        '{app=~"^"}': ["web", "api"],
        '{app="web"': [",", "}"],
        '{app="web", ': LABELS,
        '{app="web"} ': ["|=", "!=", "|~", "!~", "|>", "!>", "|"],
        '{app="web"} | lo': ["logfmt"],
        '{app="web"} | json | lev': ["level"],
        '{app="web"} | json | level ': ["=", "!=", "=~", "!~", ">"],
        '{app="web"} | logfmt --': ["--strict", "--keep-empty"],
        '{app="web"} | json | level="error" ': ["and", "or", "|="],
        '{app="web"} |= "a" or ip("': [],
        'rate({app="web"} ': ["[1m]", "[5m]", "[10m]", "[30m]", "|="],
        'rate({app="web"}[': ["1m", "5m", "10m"],
        'rate({app="web"}[5m] ': ["offset"],
        'sum_over_time({app="web"} | json | unwrap ': ["duration", "duration_seconds", "bytes", "app"],
        'sum_over_time({app="web"} | json | unwrap bytes(': ["app", "level"],
        "sum ": ["by", "without", "("],
        "sum by (": LABELS,
        "sum by (app, ": LABELS,
        "sum by (app) (co": ["count_over_time", "count"],
        'sum(rate({app="web"}[5m])) ': ["by", "without", "+"],
        'sum(rate({app="web"}[5m])) by (app) / on (': LABELS,
        'rate({app="web"}[5m]) > ': ["{", "count_over_time"],
    }  # fmt: skip
    for place, answer in zip(places, proposed(*places), strict=True):
        wanted = places[place]
        assert names(answer)[: len(wanted)] == wanted, place


def test_values_are_asked_for_with_what_else_the_selector_says() -> None:
    first, second = proposed('{level="', '{app="web", level=~"er^", service_name!="x"}')
    assert first["need"] == {"label": "level", "selector": "", "prefix": ""}
    assert second["need"] == {"label": "level", "selector": '{app="web"}', "prefix": ""}


def test_fields_of_the_lines_are_proposed_where_a_parser_stands() -> None:
    texts = (
        '{app="web"} | json | st',
        '{app="web"} | st',
        '{app="web"} | logfmt | keep ',
        'sum by (^) (rate({app="web"} | json [5m]))',
        '{level="x"} | json | st',
    )
    filters, unparsed, kept, grouped, unknown = proposed(*texts)
    assert names(filters) == ["status"]
    assert names(unparsed) == []
    assert names(kept)[-2:] == ["took", "status"]
    assert names(grouped) == [*LABELS, "took", "status"]
    assert unknown["need"] == {"label": "", "selector": '{level="x"}', "prefix": ""}


def test_a_choice_replaces_the_whole_word_or_string_that_the_caret_is_in() -> None:
    word, string, span = proposed('{ser^vice="x"}', '{app="w^ally"}', "rate({}[5^m]")
    assert (word["from"], word["to"]) == (1, 8)
    assert (string["from"], string["to"]) == (5, 12)
    assert (span["from"], span["to"]) == (7, 11)


def test_enter_takes_a_choice_only_where_one_is_surely_wanted() -> None:
    texts = ["{ser", "{service_name", "ra", '{app="web"} ', '{app="w', "timed out"]
    assert [answer["bold"] for answer in proposed(*texts)] == [
        True,
        False,
        False,
        False,
        True,
        False,
    ]


def test_pieces_play_the_roles_that_colour_them() -> None:
    text = 'sum by (app) (rate({app="x"} | json | status>=500 [5m])) # all'
    (answer,) = proposed(text)
    roles = {each["text"]: each["role"] for each in answer["pieces"] if each["role"]}
    assert roles["sum"] == roles["rate"] == "function"
    assert roles["by"] == roles["json"] == "keyword"
    assert roles["app"] == roles["status"] == "label"
    assert (roles['"x"'], roles["500"], roles["[5m]"]) == ("string", "number", "range")
    assert roles["# all"] == "comment"


@settings(max_examples=15, deadline=None)
@given(st.lists(st.text(st.sampled_from('{}()[]|"`=~!,.#/\\ \n\té5aju'), max_size=30), min_size=1))
def test_any_text_is_cut_into_pieces_and_none_of_it_is_lost(texts: list[str]) -> None:
    for text, answer in zip(texts, proposed(*texts), strict=True):
        assert "".join(each["text"] for each in answer["pieces"]) == text


def test_the_bar_knows_every_word_of_the_language() -> None:
    known = {group: {word.name for word in words} for group, words in WORDS.items()}
    assert known["functions"] == {*ast.RangeOp, *ast.VectorOp, "label_replace", "vector"}
    assert known["aggregators"] == {*ast.VectorOp}
    assert known["filters"] == {*ast.FilterOp, "|"}
    assert known["matchers"] == {*ast.MatchOp}
    assert known["comparisons"] >= {*ast.CompareOp, *ast.MatchOp}
    assert known["operators"] == {*ast.BinaryOp}
    assert known["conversions"] == {*ast.Conversion} - {ast.Conversion.NONE}
