"""Templates give what Go's own text/template gives, texts of errors included."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from driftwood.logql.gotemplate import Template, TemplateError, TemplateExecutionError
from tests.driftwood.logql.gotemplate.random_templates import LABELS, LINE, TS, Templates

Outcome: TypeAlias = tuple[str, str]
"""Refused, failed or text, and the text."""


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[str]], list[Outcome]]:
    compiler = shutil.which("go")
    if compiler is None:
        pytest.skip("no go on the path; with it, templates are compared with Go's own")
    program = tmp_path_factory.mktemp("oracle") / "oracle"
    source = Path(__file__).with_name("oracle.go")
    subprocess.run([compiler, "build", "-o", program, source], check=True, cwd=program.parent)

    def ask(templates: list[str]) -> list[Outcome]:
        questions = "\n".join(
            json.dumps({"Text": text, "Labels": LABELS, "Line": LINE, "Ts": TS})
            for text in templates
        )
        answers = subprocess.run(
            [program],
            input=questions.encode(),
            capture_output=True,
            check=True,
            env={**os.environ, "TZ": "UTC"},
        )
        return [_outcome(json.loads(line)) for line in answers.stdout.decode().split("\n") if line]

    return ask


def _outcome(answer: dict[str, str]) -> Outcome:
    for kind in ("Refused", "Failed"):
        if answer[kind]:
            return kind, answer[kind]
    return "Text", answer["Text"]


def _ours(text: str) -> Outcome:
    try:
        template = Template("line", text)
    except TemplateError as error:
        return "Refused", str(error)
    try:
        return "Text", template.execute(LABELS, LINE, TS)
    except TemplateExecutionError as error:
        return "Failed", str(error)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_random_templates_give_what_go_gives(
    seed: int, go: Callable[[list[str]], list[Outcome]]
) -> None:
    templates = Templates(seed)
    texts = [templates.one() for _ in range(2_500)]
    failed = []
    outcomes = [(text, theirs, _ours(text)) for text, theirs in zip(texts, go(texts), strict=True)]
    for text, theirs, ours in outcomes:
        if theirs != ours and not _is_known_difference(text, theirs, ours):
            failed.append(f"{text!r}\n  go   {theirs}\n  ours {ours}")
    assert sum(theirs[0] == "Text" for _, theirs, _ in outcomes) > 250
    assert not failed, f"{len(failed)} differ\n" + "\n".join(failed[:20])


def _is_known_difference(text: str, theirs: Outcome, ours: Outcome) -> bool:
    """Where `and` or `or` stops early, a later message may point to another operand; and how deep calls may go."""
    if theirs[0] != ours[0] or theirs[0] != "Failed":
        return False
    if "exceeded maximum template depth" in theirs[1]:
        return "exceeded maximum template depth" in ours[1]
    same_words = theirs[1].rpartition(">: ")[2] == ours[1].rpartition(">: ")[2]
    return same_words and ("and " in text or "or " in text)
