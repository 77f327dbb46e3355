"""What is no header, and that looking for one stays cheap. What is one: tests/ingest/test_formats.py."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.clock import Clock
from ingest.headers import TEXT, Headers

BEFORE = 1_795_262_400 * 10**9


def read(line: str) -> tuple[str, int | None, int, str]:
    return Headers(Clock()).read(line, BEFORE)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "the backup of 2024-06-14 15:16:01 is done",
        "error while loading shared libraries",
        "Information about the change",
        "Error handling was improved",
        "May 14 be a good day",
        "12:30 is lunch",
        "2024 was a good year",
        "1.2.3.4 is an address",
        "[1, 2, 3]",
        "<html>",
        "<34 bottles",
        "key = value",
        "a=b without any key that tells something",
        "Traceback (most recent call last):",
        "java.lang.IllegalStateException: no card",
        "\tat com.example.Shop.pay(Shop.java:12)",
        "2024-99-99 99:99:99 is no time",
        "081199 203615 148 INFO is no day",
        "- 99999999999999 2005.06.03 n x",
        "J0712 is no level of klog",
    ],
)
def test_what_only_looks_like_a_header_is_text(line: str) -> None:
    assert read(line) == TEXT


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("2024-06-14 15:16:01 the job failed with ERROR 500", 0),
        ("2024-06-14 15:16:01 retry after an ERROR", 0),
        ("2024-06-14 15:16:01 no errors found", 0),
        ("2024-06-14 15:16:01 error while loading", 0),
        ("2024-06-14 15:16:01 error: while loading", 17),
        ("2024-06-14 15:16:01.123 | SUCCESS  | app:main:7 - done", 10),
        ("2024-06-14 15:16:01.123 | WARNING  | app:main:7 - done", 13),
        ("2024-06-14 15:16:01,123 1 [main] DEBUG x.y - INFO inside", 5),
        ('2024-06-14T15:16:01Z level=error msg="x"', 17),
        ("Jun 14 15:16:01 web-1 app[7]: INFO started", 9),
        ("Jun 14 15:16:01 web-1 app[7]: the ERROR page was shown", 0),
        ("<11>Jun 14 15:16:01 web-1 app[7]: INFO started", 17),
    ],
)
def test_a_level_is_read_where_a_header_has_it_and_not_from_prose(line: str, severity: int) -> None:
    assert read(line)[2] == severity


@pytest.mark.parametrize(
    "line",
    [
        "x" * 1_000_000,
        "1" * 1_000_000,
        "a1 " * 300_000,
        "[" * 1_000_000,
        "a=" * 500_000,
        'a="' * 300_000,
        "2024-06-14 15:16:01 " + "A-" * 500_000,
        "Jun 14 15:16:01 " + "a" * 1_000_000,
        "Jun 14 15:16:01 " + "a " * 500_000,
        '1.1.1.1 - - [10/Oct/2000:13:55:36 -0700] "' + '\\"' * 500_000,
        "1.1.1.1 " + "- " * 500_000,
        "- 1117838570 2005.06.03 n " + "- 1117838570 2005.06.03 n " * 40_000,
        "<34>" * 250_000,
        "ERROR:" * 150_000,
        '{"a":' * 200_000,
    ],
    ids=lambda line: line[:24],
)
def test_a_huge_line_costs_no_more_than_reading_it(line: str) -> None:
    headers = Headers(Clock())
    start = time.process_time()
    headers.read(line, BEFORE)
    assert time.process_time() - start < 0.5


@given(st.text(max_size=40), st.text(max_size=40))
def test_what_was_read_before_changes_nothing(first: str, second: str) -> None:
    headers = Headers(Clock())
    headers.read(first, BEFORE)
    assert headers.read(second, BEFORE) == read(second)
