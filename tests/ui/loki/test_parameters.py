"""How Loki's parameters are read: every form of a time and of a duration, and what is refused in which words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.logql.answer import Range
from ui.loki.parameters import Bounds, Form, bounds, duration, names, range_of, step_of, timestamp
from ui.loki.refusals import Refusal

SECOND = 10**9
HOUR = 3_600 * SECOND
NOW = 1_795_256_048 * SECOND


def form(**said: str) -> Form:
    return Form(said.items())


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1795256048", NOW),
        ("1795256048000000000", NOW),
        ("1795256048.5", NOW + SECOND // 2),
        ("1795256048.0004", NOW),  # floats are read to the millisecond
        ("1.795256048e9", 1_795_256_048 * SECOND),
        ("2026-11-21T10:14:08Z", NOW),
        ("2026-11-21T12:14:08.25+02:00", NOW + SECOND // 4),
        ("2026-11-21T10:14:08.123456789Z", NOW + 123_456_789),
        ("-5", -5 * SECOND),
        ("12345678901", 12_345_678_901),  # more than ten digits: ns
        ("9999999999", 2**63 - 1),  # after the year 2262
        ("", 77),
    ],
)
def test_a_time_is_read_as_loki_reads_it(text: str, ns: int) -> None:
    assert timestamp(text, default=77) == ns


@pytest.mark.parametrize(
    "text", ["yesterday", "-1h", "2026-11-21", "2026-13-01T00:00:00Z", "1_0", " 5"]
)
def test_what_is_no_time_is_refused_in_go_s_words(text: str) -> None:
    with pytest.raises(ValueError, match="^strconv.ParseInt: parsing ") as refusal:
        timestamp(text, default=0)
    assert str(refusal.value).endswith(": invalid syntax")


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_is_refused(text: str) -> None:
    try:
        assert -(2**63) < timestamp(text, default=0) < 2**63
    except ValueError as refusal:
        assert str(refusal).startswith("strconv.ParseInt: parsing ")


def test_the_start_counts_back_from_the_end() -> None:
    assert bounds(form(), now=NOW) == Bounds(NOW - HOUR, NOW)
    assert bounds(form(), since=6 * HOUR, now=NOW) == Bounds(NOW - 6 * HOUR, NOW)
    assert bounds(form(since="2h"), now=NOW) == Bounds(NOW - 2 * HOUR, NOW)
    assert bounds(form(end="1000", since="10s"), now=NOW) == Bounds(990 * SECOND, 1_000 * SECOND)
    assert bounds(form(start="5", since="10s"), now=NOW) == Bounds(5 * SECOND, NOW)
    ahead = str(NOW + HOUR)
    assert bounds(form(end=ahead), now=NOW) == Bounds(NOW - HOUR, NOW + HOUR)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (
            {"start": "t"},
            "could not parse 'start' parameter: strconv.ParseInt: parsing \"t\": invalid syntax",
        ),
        (
            {"end": "h"},
            "could not parse 'end' parameter: strconv.ParseInt: parsing \"h\": invalid syntax",
        ),
        (
            {"since": "1.5h"},
            'could not parse \'since\' parameter: unknown unit "." in duration "1.5h"',
        ),
        ({"start": "20", "end": "10"}, "end timestamp must not be before or equal to start time"),
        ({"limit": "x"}, 'strconv.Atoi: parsing "x": invalid syntax'),
        (
            {"limit": "99999999999999999999"},
            'strconv.Atoi: parsing "99999999999999999999": value out of range',
        ),
        ({"limit": "0"}, "limit must be a positive value"),
        ({"limit": "-3"}, "limit must be a positive value"),
        ({"direction": "up"}, "invalid direction 'up'"),
        ({"step": "x"}, 'cannot parse "x" to a valid duration'),
        ({"step": "1e300"}, 'cannot parse "1e300" to a valid duration. It overflows int64'),
        (
            {"step": "0"},
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ),
        (
            {"start": "0", "end": "11002", "step": "1"},
            "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step "
            "parameter",
        ),
        ({"interval": "-1"}, "interval must be >= 0"),
        ({"interval": "x"}, 'cannot parse "x" to a valid duration'),
    ],
)
def test_a_bad_parameter_is_refused_in_loki_s_words(said: dict[str, str], text: str) -> None:
    with pytest.raises(Refusal) as refusal:
        range_of(form(**said))
    assert (refusal.value.status, refusal.value.text) == (400, text)


def test_a_range_has_defaults_for_everything() -> None:
    asked = range_of(form(end="7200"))
    assert asked == Range(3_600 * SECOND, 7_200 * SECOND, 14 * SECOND, 100, "backward", 0)


def test_all_of_a_range_can_be_said() -> None:
    said = form(
        start="100", end="200", step="1m", limit="7", direction="FORWARD", interval="2.5", other="x"
    )
    assert range_of(said) == Range(
        100 * SECOND, 200 * SECOND, 60 * SECOND, 7, "forward", 2_500_000_000
    )


def test_the_default_step_is_a_250th_and_a_second_at_least() -> None:
    assert step_of(form(), Bounds(0, 10 * SECOND)) == SECOND
    assert step_of(form(), Bounds(0, 24 * HOUR)) == 345 * SECOND


def test_durations_are_seconds_or_prometheus_own() -> None:
    assert [duration(text) for text in ("30", "0.5", "5m", "1h30m", "250ms")] == [
        30 * SECOND,
        SECOND // 2,
        300 * SECOND,
        5_400 * SECOND,
        250_000_000,
    ]


def test_lists_are_split_at_commas() -> None:
    assert names("app, level,,") == ["app", "level"]
