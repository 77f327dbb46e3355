"""The documentation against the program: every command, flag and link in it exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from ui.cli import app

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
CLI = typer.main.get_command(app)


def commands(page: Path) -> list[str]:
    """The lines of a page's code blocks that call `driftwood`, without comments."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", page.read_text("utf-8"), re.S | re.M)
    lines = [line for block in blocks for line in re.sub(r"\\\n\s*", " ", block).splitlines()]
    asked = [line.removeprefix("$ ").partition(" #")[0].strip() for line in lines]
    return [line for line in asked if line.startswith("driftwood ")]


def resolve(words: list[str]) -> tuple[set[str], list[str]]:
    """The flags of the command that `words` name, and what is left of them."""
    command = CLI
    while (known := getattr(command, "commands", None)) and words and not words[0].startswith("-"):
        assert words[0] in known, f"there is no command {words[0]!r}"
        command, words = known[words[0]], words[1:]
    return {flag for option in command.params for flag in option.opts} | {"--help"}, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_flag_in_the_docs_exists(page: Path) -> None:
    for line in commands(page):
        for part in re.split(r" [·|] (?=driftwood )", line):
            known, rest = resolve(shlex.split(part)[1:])
            for word in rest:
                flag = word.partition("=")[0].strip("[]")
                assert not flag.startswith("--") or flag in known, f"{part}: no flag {flag}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_in_the_docs_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8")):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readme_shows_the_two_commands_before_anything_else() -> None:
    first = re.search(r"^```\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.S | re.M)
    assert first is not None
    assert [line.split()[:2] for line in first[1].splitlines()] == [
        ["make", "up"],
        ["make", "test"],
    ]
