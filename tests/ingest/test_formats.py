"""Every example of docs/formats.md does what the page says."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from driftwood.labels import level_of
from ingest.decode import Decoder

PAGE = Path(__file__).resolve().parents[2] / "docs" / "formats.md"
NOW = int(datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()) * 10**9


def examples() -> list[tuple[str, str]]:
    lines = [
        line
        for block in re.findall(r"```text\n(.*?)```", PAGE.read_text("utf-8"), re.S)
        for line in block.splitlines()
    ]
    return list(zip(lines[::2], lines[1::2], strict=True))


def rfc3339(ns: int) -> str:
    moment = datetime.fromtimestamp(ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{ns % 10**9:09}".rstrip("0").rstrip(".")
    return f"{moment}{fraction}Z"


@pytest.mark.parametrize(("line", "expected"), examples())
def test_the_page_of_formats_holds(line: str, expected: str) -> None:
    decoder = Decoder("files", {}, now=lambda: NOW)
    (row,) = decoder.lines([line], [0], topic="nobody", part=0, labels={}).to_pylist()
    (counts,) = decoder.chosen().values()
    (name,) = counts.keys() - {"switches"}
    told = [
        name,
        "-" if row["ts"] == NOW else rfc3339(row["ts"]),
        level_of(row["severity"]) or "-",
        "-" if row["service"] == "nobody" else row["service"],
    ]
    found = f"=> {' | '.join(told)}"
    assert found == expected.partition(" :: ")[0]
    assert row["line"] == (expected.partition(" :: ")[2] or line)
