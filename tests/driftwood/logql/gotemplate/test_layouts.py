"""Go's layouts of time, both ways."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.logql.gotemplate import layouts, times
from driftwood.logql.gotemplate.layout_parsing import NoSuchTime, parse_time
from driftwood.logql.gotemplate.times import UTC, Time

SECOND = 1_000_000_000
TIME = Time(1_709_442_307_012_000_000, UTC)  # Sunday 2024-03-03 05:05:07.012
AFTERNOON = Time(1_709_485_507_120_000_000, UTC)  # 17:05:07.12


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        ("2006-01-02T15:04:05Z07:00", "2024-03-03T05:05:07Z"),
        ("Mon Jan _2 15:04:05 2006", "Sun Mar  3 05:05:07 2024"),
        ("Monday, 2 January 06", "Sunday, 3 March 24"),
        ("1/2 3:4:5PM", "3/3 5:5:7AM"),
        ("03:04pm", "05:05am"),
        ("002 __2", "063  63"),
        (".000 .999 .000000 ,00 .9", ".012 .012 .012000 ,01 "),
        ("05.000000000", "07.012000000"),
        ("-0700 -07:00 -07 Z0700 Z07 MST", "+0000 +00:00 +00 Z Z UTC"),
        ("Month Marry _2006 2006 x", "Month Marry _2024 2024 x"),
        ("Mond MST0 Z070 10 20", "Mond UTC0 Z0 30 30"),
        ("", ""),
    ],
)
def test_a_time_is_written_by_its_layout(layout: str, text: str) -> None:
    assert layouts.format_time(TIME, layout) == text


def test_hours_after_noon() -> None:
    assert layouts.format_time(AFTERNOON, "15 3 03 PM pm .999") == "17 5 05 PM pm .12"


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("Europe/Berlin", "2024-07-01 14:00:00 +0200 CEST"),
        ("America/St_Johns", "2024-07-01 09:30:00 -0230 NDT"),
        ("Asia/Kolkata", "2024-07-01 17:30:00 +0530 IST"),
        ("UTC", "2024-07-01 12:00:00 +0000 UTC"),
    ],
)
def test_zones(zone: str, text: str) -> None:
    location = times.location(zone)
    assert location is not None
    noon = Time(1_719_835_200 * SECOND, location)
    assert layouts.time_text(noon) == text


@pytest.mark.parametrize(
    ("layout", "text", "zone", "expected"),
    [
        ("2006-01-02", "2024-05-06", "UTC", "2024-05-06 00:00:00 +0000 UTC"),
        ("2006-01-02 15:04:05", "2024-05-06 07:08:09.5", "UTC", "2024-05-06 07:08:09.5 +0000 UTC"),
        (
            "2006-01-02T15:04:05.999Z07:00",
            "2024-05-06T07:08:09Z",
            "Europe/Berlin",
            "2024-05-06 07:08:09 +0000 UTC",
        ),
        (
            "2006-01-02T15:04:05Z07:00",
            "2024-05-06T07:08:09+02:00",
            "Europe/Berlin",
            "2024-05-06 07:08:09 +0200 CEST",
        ),
        (
            "2006-01-02T15:04:05Z07:00",
            "2024-05-06T07:08:09+03:30",
            "Europe/Berlin",
            "2024-05-06 07:08:09 +0330 +0330",
        ),
        ("2006-01-02 15:04", "2024-07-01 12:00", "Europe/Berlin", "2024-07-01 12:00:00 +0200 CEST"),
        (
            "2006-01-02 15:04 MST",
            "2024-07-01 12:00 CEST",
            "Europe/Berlin",
            "2024-07-01 12:00:00 +0200 CEST",
        ),
        ("2006-01-02 15:04 MST", "2024-07-01 12:00 EST", "UTC", "2024-07-01 12:00:00 +0000 EST"),
        (
            "2006-01-02 15:04 MST",
            "2024-07-01 12:00 GMT+3",
            "UTC",
            "2024-07-01 15:00:00 +0300 GMT+3",
        ),  # as Go has it
        ("Jan _2 2006", "JUL  4 2024", "UTC", "2024-07-04 00:00:00 +0000 UTC"),
        ("January 2, 2006", "february 29, 2024", "UTC", "2024-02-29 00:00:00 +0000 UTC"),
        (
            "02/Jan/2006:15:04:05 -0700",
            "10/Oct/2000:13:55:36 -0700",
            "UTC",
            "2000-10-10 13:55:36 -0700 -0700",
        ),
        ("3:04PM", "12:30AM", "UTC", "0000-01-01 00:30:00 +0000 UTC"),
        ("06 002", "70 060", "UTC", "1970-03-01 00:00:00 +0000 UTC"),
        ("06 __2", "24  60", "UTC", "2024-02-29 00:00:00 +0000 UTC"),
        (
            "2006-01-02 15:04:05,000",
            "2024-01-01 00:00:00.250",
            "UTC",
            "2024-01-01 00:00:00.25 +0000 UTC",
        ),
        ("2006-01-02 02:04", "2024-03-31 30:30", "Europe/Berlin", "2024-03-30 00:30:00 +0100 CET"),
        (
            "2006-01-02 15:04",
            "2024-03-31 02:30",
            "Europe/Berlin",
            "2024-03-31 03:30:00 +0200 CEST",
        ),  # there was no 02:30
    ],
)
def test_a_time_is_read_by_its_layout(layout: str, text: str, zone: str, expected: str) -> None:
    location = times.location(zone)
    assert location is not None
    assert layouts.time_text(parse_time(layout, text, location)) == expected


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        ("2006-01-02", "2024-02-30"),
        ("2006-01-02", "2024-13-01"),
        ("2006-01-02", "2024-1-01"),
        ("2006-01-02", "2024-01-01 "),
        ("2006-01-02", "x2024-01-01"),
        ("2006", "24"),
        ("15:04", "24:00"),
        ("15:04", "12:60"),
        ("3PM", "13PM"),
        ("3PM", "1pm"),
        ("Jan", "Foo"),
        ("-0700", "+2500"),
        ("-07:00", "+0100"),
        ("MST", "ABCD"),
        ("MST", "+3"),
        ("05.000", "05.12"),
        ("002", "367"),
        ("2006-01-02 002", "2024-01-01 002"),
    ],
)
def test_what_does_not_fit_the_layout_is_no_time(layout: str, text: str) -> None:
    with pytest.raises(NoSuchTime):
        parse_time(layout, text, UTC)


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Tokyo"])


@given(st.integers(0, 4_000_000_000 * SECOND), ZONES)
def test_what_is_written_is_read_again(ns: int, zone: str) -> None:
    location = times.location(zone)
    assert location is not None
    text = layouts.format_time(Time(ns, location), layouts.RFC3339_NANO)
    assert parse_time(layouts.RFC3339_NANO, text, location).ns == ns


@given(st.integers(-10_000_000, 10_000_000))
def test_days_and_dates_are_each_others_inverse(days: int) -> None:
    assert times.days_of(*times.civil(days)) == days


@given(st.text(alphabet="2006Jan1-_MonMSTZ07:.,9 PMpm5", max_size=14), st.text(max_size=14))
def test_any_layout_writes_and_reads_or_refuses(layout: str, text: str) -> None:
    assert isinstance(layouts.format_time(TIME, layout), str)
    with contextlib.suppress(NoSuchTime):
        parse_time(layout, text, UTC)
