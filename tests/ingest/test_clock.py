from __future__ import annotations

import re
from calendar import timegm
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.errors import ConfigError
from ingest.clock import Clock
from ingest.timestamps import ISO, NO_DATE, NO_YEAR_WORDS

SECOND = 10**9
Moment = tuple[int, int, int]
# What 64 bits of ns can hold; Hypothesis wants its bounds naive.
MOMENTS = st.datetimes(datetime(1678, 1, 1), datetime(2261, 12, 31))  # noqa: DTZ001


def ns(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    return timegm((year, month, day, hour, minute, second)) * SECOND


def nearest(text: str, before: int) -> int | None:
    return Clock().value(text, before)


@given(MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_every_iso_time_is_read_as_the_standard_library_reads_it(
    moment: datetime, minutes: int
) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    expected = (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1_000
    for text in (aware.isoformat(), aware.isoformat(" ").replace(".", ",")):
        assert Clock().value(text, 0) == expected


@given(st.lists(st.tuples(MOMENTS, MOMENTS)))
def test_what_a_clock_remembers_changes_nothing(times: list[tuple[datetime, datetime]]) -> None:
    clock = Clock("Europe/Berlin")
    pattern = re.compile(NO_YEAR_WORDS.pattern)
    for moment, arrival in times:
        before = int(arrival.replace(tzinfo=UTC).timestamp()) * SECOND
        text = moment.strftime("%b %d %H:%M:%S")
        match = pattern.fullmatch(text)
        assert match
        again = clock.read(NO_YEAR_WORDS, match[1], match[2], match[3], before)
        assert again == Clock("Europe/Berlin").read(
            NO_YEAR_WORDS, match[1], match[2], match[3], before
        )


@pytest.mark.parametrize(
    ("text", "arrived", "meant"),
    [
        ("Dec 31 23:59:59", (2026, 1, 1, 0, 0, 5), (2025, 12, 31, 23, 59, 59)),
        ("Jan  1 00:00:03", (2026, 1, 1, 0, 0, 5), (2026, 1, 1, 0, 0, 3)),
        # A clock some hours ahead, or in a zone to the east, is not a year back.
        ("Jan  1 00:00:03", (2025, 12, 31, 23, 0, 0), (2026, 1, 1, 0, 0, 3)),
        ("Jan  2 00:00:03", (2025, 12, 31, 23, 0, 0), (2025, 1, 2, 0, 0, 3)),
        ("Feb 29 12:00:00", (2026, 6, 1), (2024, 2, 29, 12)),
        ("Feb 29 12:00:00", (2024, 6, 1), (2024, 2, 29, 12)),
        ("Feb 29 12:00:00", (2024, 1, 1), (2020, 2, 29, 12)),
        ("Feb 29 12:00:00", (1904, 1, 1), (1896, 2, 29, 12)),
    ],
)
def test_a_time_without_a_year_takes_the_year_that_puts_it_nearest_before_its_arrival(
    text: str, arrived: Moment, meant: Moment
) -> None:
    assert nearest(text, ns(*arrived)) == ns(*meant)


@pytest.mark.parametrize(
    ("text", "arrived", "meant"),
    [
        ("23:59:59", (2026, 3, 1, 0, 0, 5), (2026, 2, 28, 23, 59, 59)),
        ("00:00:03", (2026, 3, 1, 0, 0, 5), (2026, 3, 1, 0, 0, 3)),
        ("00:10:00", (2026, 2, 28, 23, 50, 0), (2026, 3, 1, 0, 10)),
        ("02:10:00", (2026, 2, 28, 23, 50, 0), (2026, 2, 28, 2, 10)),
    ],
)
def test_a_time_without_a_date_takes_the_day_that_puts_it_nearest_before_its_arrival(
    text: str, arrived: Moment, meant: Moment
) -> None:
    assert Clock().read(NO_DATE, text, None, None, ns(*arrived)) == ns(*meant)


def test_a_zone_in_the_text_wins_over_the_zone_of_the_source() -> None:
    berlin = Clock("Europe/Berlin")
    assert berlin.value("2024-06-14 15:16:01", 0) == ns(2024, 6, 14, 13, 16, 1)
    assert berlin.value("2024-01-14 15:16:01", 0) == ns(2024, 1, 14, 14, 16, 1)
    assert berlin.value("2024-06-14T15:16:01Z", 0) == ns(2024, 6, 14, 15, 16, 1)
    assert berlin.value("2024-06-14T15:16:01-07", 0) == ns(2024, 6, 14, 22, 16, 1)


def test_a_clock_thirty_years_off_is_kept_as_it_was_read() -> None:
    assert Clock().value("1996-01-01T00:00:00Z", ns(2026, 1, 1)) == ns(1996, 1, 1)
    assert Clock().value("2056-01-01T00:00:00Z", ns(2026, 1, 1)) == ns(2056, 1, 1)


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-30T00:00:00Z",
        "2023-02-29 00:00:00",
        "2024-13-01T00:00:00Z",
        "2024-01-01T25:00:00Z",
        "0000-01-01T00:00:00Z",
        "9999-01-01T00:00:00Z",
        "1500-01-01T00:00:00Z",
        "2024-01-01T00:00:00+99:99",
        "Feb 30 00:00:00",
        "yesterday",
        "",
        "17",
        "9" * 30,
    ],
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert Clock().value(text, ns(2026, 1, 1)) is None


def test_a_leap_second_is_the_first_moment_after_it() -> None:
    assert Clock().value("2016-12-31T23:59:60Z", 0) == ns(2017, 1, 1)


@pytest.mark.parametrize(
    "value",
    [
        1718378161,
        1718378161.0,
        1718378161000,
        1718378161000000,
        1718378161000000000,
        "1718378161",
        "1718378161.000",
        "1718378161000",
    ],
)
def test_an_epoch_is_told_by_its_size(value: object) -> None:
    assert Clock().value(value, 0) == 1718378161 * SECOND


@pytest.mark.parametrize("value", [0, 12.5, -1, True, None, [], {}, float("nan"), 1e300, 2**70])
def test_a_number_that_is_no_epoch_is_no_time(value: object) -> None:
    assert Clock().value(value, 0) is None


def test_a_zone_that_does_not_exist_is_refused_with_advice() -> None:
    with pytest.raises(ConfigError, match="unknown time zone 'Mars/Base'; use an IANA name"):
        Clock("Mars/Base")


def test_a_dash_after_the_time_is_no_zone() -> None:
    match = re.match(ISO.pattern, "2024-06-14 15:16:01,123 - shop - INFO")
    assert match
    assert match.groups() == ("2024-06-14 15:16:01", "123", None)
