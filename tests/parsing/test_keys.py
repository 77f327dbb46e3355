"""The keys of lines: whatever two lines of one key are, they have one fine shape."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsing.keys import keys
from parsing.shapes import shapes

PIECES = st.one_of(
    st.integers(0, 10**14).map(str),
    st.sampled_from(
        [
            *"abxXfF_-:.=/ é",
            "0x",
            "00",
            "--",
            "::",
            "blk_-",
            "ipv",
            "beef",
            "T",
            "a1b2c3",
            "ab:cd:",
            "\0",
        ]
    ),
    st.from_regex(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", fullmatch=True),
    st.from_regex(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", fullmatch=True),
    st.from_regex(r"[a-z]{0,3}[0-9][A-Za-z0-9_-]{18,21}", fullmatch=True),
    st.text("0123456789", min_size=60, max_size=200),
)
LINES = st.lists(PIECES, max_size=12).map("".join)


def _key(line: str) -> bytes:
    (key,) = keys(pa.array([line], pa.string())).to_pylist()
    return key or b""


def _line_of(key: bytes) -> str:
    """Another line of the same key."""
    return key.replace(b"\xfe", b"7").replace(b"\xfd", b"42").rstrip(b"\xff").decode()


def _shape(line: str) -> str:
    return str(shapes(pa.array([line], pa.string())).to_pylist()[0])


@settings(max_examples=2000, deadline=None)
@given(LINES)
def test_lines_of_one_key_have_one_shape(line: str) -> None:
    other = _line_of(_key(line))
    assert _key(other) == _key(line)
    assert _shape(other) == _shape(line)


@settings(deadline=None)
@given(st.lists(LINES, max_size=8), st.integers(0, 8))
def test_a_key_depends_on_its_line_alone(lines: list[str], start: int) -> None:
    together = keys(pa.array(lines, pa.string()).slice(start)).to_pylist()
    assert together == [_key(line) for line in lines[start:]]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("took 7 ms", "took 12345 ms", True),
        ("at 10.0.0.1:443 x", "at 192.168.17.255:8080 x", True),
        ("2024-01-02 10:11:12,123", "2023-12-31 23:59:59,9", True),
        ("blk_-1608999687919862906", "blk_-7503483334202473044", True),
        ("took 12ms", "took 34ms", True),
        ("ipv4", "ipv6", False),
        ("sda1", "sda2", False),
        ("0xf", "1xf", False),
        ("11:22:33:44:55:66", "1:22:33:44:55:66", False),
    ],
)
def test_numbers_do_not_make_a_key_and_names_do(one: str, other: str, same: bool) -> None:
    assert (_key(one) == _key(other)) == same
    assert re.search(rb"[\xfd\xfe]", _key("took 7 ms"))
