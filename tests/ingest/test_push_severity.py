"""The short way to a line's severity comes to the same as reading its header."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.six_services import lines
from ingest.clock import Clock
from ingest.headers import Headers
from ingest.push_severity import _common

NOW = 1_795_254_188_000_000_000


def check(texts: list[str]) -> int:
    """How many of `texts` the short way knows."""
    headers = Headers(Clock())
    found = _common(pa.array(texts, pa.string())).tolist()
    for text, severity in zip(texts, found, strict=True):
        assert severity in (0, headers.read(text, NOW)[2]), text
    return sum(severity > 0 for severity in found)


def test_on_lines_of_many_kinds() -> None:
    assert check([line.text for line in lines(3_000)]) > 1_000


def test_on_real_logs(shared: Path) -> None:
    logs = sorted((shared / "data" / "loghub_2k").rglob("*.log"))
    if not logs:
        pytest.skip("there are no logs of loghub_2k")
    texts = [t for log in logs for t in log.read_text("utf-8", "replace").splitlines()]
    assert len(texts) > 1_000
    check(texts)


pieces = st.lists(
    st.sampled_from(
        [
            "2024-06-14", "2024-02-29", "T", " ", "15:16:01", ".123", ",5", "Z", "+0200", "-07:00", " - ", ": ", "|",
            "[", "]", "INFO", "ERROR", "Warn", "error", "UTC", "Log", "DEBUG:", "host", "app[3]:", "sshd:", "\t",
            "10.0.0.1 - - ", "[14/Jun/2024:15:16:01 +0000] ", '"GET / HTTP/1.1" ', '"a \\" b" ', "503", " 200 ", "7",
        ]
    ),
    max_size=9,
)  # fmt: skip


@given(st.lists(pieces.map("".join), min_size=1, max_size=20))
def test_on_anything_that_looks_like_one(texts: list[str]) -> None:
    check(texts)


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("2024-06-14T15:16:01.123Z ERROR api x", 17),
        ("2024-06-14 15:16:01,123 - WARN - x", 13),
        ("2024-06-14T15:16:01+02:00 [INFO] x", 9),
        ('10.0.0.1 - - [14/Jun/2024:15:16:01 +0000] "GET / HTTP/1.1" 503 12', 17),
        ('10.0.0.1 - bob [14/Jun/2024:15:16:01 +0000] "GET /\\"x HTTP/1.1" 404 -', 13),
    ],
)
def test_the_commonest_headers_are_known(line: str, severity: int) -> None:
    assert _common(pa.array([line])).tolist() == [severity]
    check([line])
