"""Times and durations as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.errors import QueryError
from driftwood.timeparse import (
    SECOND,
    format_duration,
    format_time,
    parse_duration,
    parse_time,
)

NOW = 1_795_229_278 * SECOND


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2026-11-21T02:47:58Z", NOW),
        ("2026-11-21t02:47:58z", NOW),
        ("2026-11-21 02:47:58", NOW),  # UTC where no zone is written
        ("2026-11-21T04:47:58+02:00", NOW),
        ("2026-11-21T02:47:58.123456789Z", NOW + 123_456_789),
        ("2026-11-21T02:47:58.5Z", NOW + SECOND // 2),
        ("1970-01-02", 86_400 * SECOND),
        ("1969-12-31T23:59:59.75Z", -SECOND // 4),
        ("1795229278", NOW),
        ("1795229278.25", NOW + SECOND // 4),
        ("1795229278000", NOW),
        ("1795229278000000", NOW),
        ("1795229278000000000", NOW),
        ("1795229278000000001", NOW + 1),  # a float would lose this
        ("now", NOW),
        ("-1h", NOW - 3_600 * SECOND),
        ("+90s", NOW + 90 * SECOND),
        ("-1h30m", NOW - 5_400 * SECOND),
        (" -2d ", NOW - 172_800 * SECOND),
    ],
)
def test_a_time_is_read_in_each_of_its_forms(text: str, ns: int) -> None:
    assert parse_time(text, NOW) == ns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-13-01",
        "2026-11-21T25:00:00Z",
        "1h",
        "-1q",
        "2026",
        "--1h",
        "1e9",
        "٣",
    ],
)
def test_what_is_not_a_time_is_refused_with_the_forms_that_are(text: str) -> None:
    if text == "2026":  # a number of seconds, not a year
        assert parse_time(text, NOW) == 2026 * SECOND
        return
    with pytest.raises(QueryError, match="is not a time"):
        parse_time(text, NOW)


def test_a_time_that_no_row_could_hold_is_refused() -> None:
    with pytest.raises(QueryError, match="outside of the years"):
        parse_time("2300-01-01", NOW)
    with pytest.raises(QueryError, match="outside of the years"):
        parse_time("-400y", NOW)


@pytest.mark.parametrize(
    ("text", "ns"),
    [("30s", 30 * SECOND), ("1.5h", 5_400 * SECOND), ("1d2h", 93_600 * SECOND), ("3us", 3_000)],
)
def test_a_duration_is_read_in_each_of_its_forms(text: str, ns: int) -> None:
    assert parse_duration(text) == ns


@pytest.mark.parametrize("text", ["", "-5m", "5 m", "m", "5x", "1h-3m"])
def test_what_is_not_a_duration_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match="is not a duration"):
        parse_duration(text)


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_a_written_time_is_read_back_to_the_nanosecond(ns: int) -> None:
    assert parse_time(format_time(ns), NOW) == ns


@given(st.integers(0, 2**62))
def test_a_written_duration_is_read_back_to_the_nanosecond(ns: int) -> None:
    assert parse_duration(format_duration(ns)) == ns


@given(st.text())
def test_any_text_is_read_or_refused_with_a_query_error(text: str) -> None:
    for read in (lambda t: parse_time(t, NOW), parse_duration):
        try:
            read(text)
        except QueryError:
            continue
