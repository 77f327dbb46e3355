"""Texts, numbers, durations and sizes as Go writes and reads them. Expected values were printed by Go itself."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.logql import gotext

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SECOND = 10**9


def refused(words: str) -> pytest.RaisesExc[ValueError]:
    """In just these words."""
    return pytest.raises(ValueError, match=f"^{re.escape(words)}$")


# -- quoted strings


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("plain 'text' `here`", "\"plain 'text' `here`\""),
        ('say "x" \\', r'"say \"x\" \\"'),
        ("\a\b\f\n\r\t\v", r'"\a\b\f\n\r\t\v"'),
        ("\x00\x1b\x7f", r'"\x00\x1b\x7f"'),
        ("é日😀\ufffd", '"é日😀\ufffd"'),
        ("\u00a0\u200b\u2028\ue000", r'"\u00a0\u200b\u2028\ue000"'),
        ("\U000e0001", r'"\U000e0001"'),
        ("a\udcffb", r'"a\xffb"'),  # a byte that is not UTF-8
    ],
)
def test_a_text_is_quoted_as_go_does_it(text: str, quoted: str) -> None:
    assert gotext.quote(text) == quoted


def test_beyond_ascii_everything_can_be_escaped() -> None:
    assert gotext.quote_to_ascii("é日😀\n") == r'"\u00e9\u65e5\U0001f600\n"'


@given(TEXTS)
def test_what_is_quoted_can_be_unquoted(text: str) -> None:
    assert gotext.unquote(gotext.quote(text)) == text
    assert gotext.unquote(gotext.quote_to_ascii(text)) == text


@pytest.mark.parametrize(
    ("token", "text"),
    [
        (r'"\x41\101\u00e9\U0001F600"', "AAé😀"),
        (r'"\xc3\xa9"', "é"),
        (r'"\xff"', "\udcff"),
        (r'"\\d \" \a"', '\\d " \a'),
        ("`a\\n`", "a\\n"),
        ("`a\r\n`", "a\n"),
        ("'x'", "x"),
        (r"'\''", "'"),
        ('"é"', "é"),
    ],
)
def test_a_literal_is_unquoted(token: str, text: str) -> None:
    assert gotext.unquote(token) == text


@pytest.mark.parametrize(
    "token",
    ['"', '"a', "a", r'"\d"', r'"\'"', r'"\ud800"', r'"\U00110000"', r'"\x4"', r'"\400"', '"a"b"',
     '"\n"', "`a`b`", "'ab'", '""x'],
)  # fmt: skip
def test_what_go_does_not_take_for_a_literal_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="invalid syntax"):
        gotext.unquote(token)


# -- numbers


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), (".5", 0.5), ("5.", 5), ("1e3", 1_000), ("-1_000.2_5", -1_000.25), ("+2", 2),
        ("0x1p4", 16), ("-0x1.8P-1", -0.75), ("0X_1_0p0", 16), ("1e-400", 0), ("08", 8),
        ("inf", math.inf), ("-Infinity", -math.inf), ("+INF", math.inf),
    ],
)  # fmt: skip
def test_a_float_is_read(text: str, value: float) -> None:
    assert gotext.parse_float(text) == value


def test_nan_is_read_in_any_case_but_without_a_sign() -> None:
    assert math.isnan(gotext.parse_float("nAn"))
    with pytest.raises(ValueError, match="invalid syntax"):
        gotext.parse_float("+nan")


@pytest.mark.parametrize(
    "text",
    ["", ".", "e1", "1e", "1e+", "0x10", "0x.p1", "0b1", "0o7", "_1", "1_", "1__0", "1_.5", "1e_1", " 1",
     "1 ", "1,5", "infin", "\u0661"],
)  # fmt: skip
def test_what_is_no_float_is_refused_in_gos_words(text: str) -> None:
    with refused(f'strconv.ParseFloat: parsing "{text}": invalid syntax'):
        gotext.parse_float(text)


@pytest.mark.parametrize("text", ["1e309", "-1e999", "0x1p1024"])
def test_a_float_that_is_too_large_is_refused(text: str) -> None:
    with refused(f'strconv.ParseFloat: parsing "{text}": value out of range'):
        gotext.parse_float(text)


@pytest.mark.parametrize(
    ("value", "plain", "general", "six_digits"),
    [
        (0.0, "0", "0", "0.000000"),
        (-0.0, "-0", "-0", "-0.000000"),
        (9.259259259259259e-05, "0.00009259259259259259", "9.259259259259259e-05", "0.000093"),
        (0.0001, "0.0001", "0.0001", "0.000100"),
        (123456.0, "123456", "123456", "123456.000000"),
        (1234567.0, "1234567", "1.234567e+06", "1234567.000000"),
        (1e20, "100000000000000000000", "1e+20", "100000000000000000000.000000"),
        (0.1, "0.1", "0.1", "0.100000"),
        (-2.5e-10, "-0.00000000025", "-2.5e-10", "-0.000000"),
        (math.inf, "+Inf", "+Inf", "+Inf"),
        (-math.inf, "-Inf", "-Inf", "-Inf"),
        (math.nan, "NaN", "NaN", "NaN"),
    ],
)
def test_a_float_is_printed_in_three_ways(
    value: float, plain: str, general: str, six_digits: str
) -> None:
    assert gotext.format_float(value) == plain
    assert gotext.format_float_g(value) == general
    assert gotext.format_float_f(value) == six_digits


@given(st.floats(allow_nan=False))
def test_a_printed_float_is_read_as_the_same(value: float) -> None:
    assert gotext.parse_float(gotext.format_float(value)) == value
    assert gotext.parse_float(gotext.format_float_g(value)) == value
    assert "e" not in gotext.format_float(value)


# -- durations


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("0", 0), ("-0", 0), ("+5s", 5 * SECOND), ("1h30m", 5_400 * SECOND), ("1.5h", 5_400 * SECOND),
        (".5s", SECOND // 2), ("1.s", SECOND), ("1s1s", 2 * SECOND), ("-3us", -3_000), ("3µs", 3_000),
        ("3μs", 3_000), ("1ns", 1), ("0.100000000000000000000h", 360 * SECOND), ("2h1ms", 7_200_001_000_000),
        ("9223372036854775807ns", 2**63 - 1), ("-9223372036854775808ns", -(2**63)),
        ("0.3333333333333333333h", 1_200 * SECOND),
    ],
)  # fmt: skip
def test_gos_durations_are_read(text: str, ns: int) -> None:
    assert gotext.parse_duration(text) == ns


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 'time: invalid duration ""'),
        ("-", 'time: invalid duration "-"'),
        ("3", 'time: missing unit in duration "3"'),
        ("1d", 'time: unknown unit "d" in duration "1d"'),
        ("1é", 'time: unknown unit "\\xc3\\xa9" in duration "1\\xc3\\xa9"'),
        (".s", 'time: invalid duration ".s"'),
        ("9223372036854775808ns", 'time: invalid duration "9223372036854775808ns"'),
        ("9" * 5_000 + "s", f'time: invalid duration "{"9" * 5_000}s"'),
    ],
)
def test_what_is_no_duration_is_refused_in_gos_words(text: str, words: str) -> None:
    with refused(words):
        gotext.parse_duration(text)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0s"), (1, "1ns"), (1_500, "1.5µs"), (1_000_000, "1ms"), (SECOND, "1s"), (-1_100_000, "-1.1ms"),
        (90 * SECOND, "1m30s"), (5_400 * SECOND, "1h30m0s"), (86_400 * SECOND + 1, "24h0m0.000000001s"),
        (-(2**63), "-2562047h47m16.854775808s"),
    ],
)  # fmt: skip
def test_gos_durations_are_printed(ns: int, text: str) -> None:
    assert gotext.format_duration(ns) == text


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_printed_duration_is_read_as_the_same(ns: int) -> None:
    assert gotext.parse_duration(gotext.format_duration(ns)) == ns


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(
            ("0", 0),
            ("0s", 0),
            ("1y", 31_536_000),
            ("1w2d", 777_600),
            ("1h30m", 5_400),
            ("90m", 5_400),
        ),
        *(("1d12h", 129_600), ("1m1500ms", 61.5)),
    ],
)
def test_prometheus_durations_are_read(text: str, seconds: float) -> None:
    assert gotext.parse_prometheus_duration(text) == seconds * SECOND


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty duration string"),
        ("90", 'not a valid duration string: "90"'),
        ("$__auto", 'not a valid duration string: "$__auto"'),
        ("-1m", 'not a valid duration string: "-1m"'),
        ("1m1h", 'not a valid duration string: "1m1h"'),
        ("1m1m", 'not a valid duration string: "1m1m"'),
        ("1.5h", 'unknown unit "." in duration "1.5h"'),
        ("5minutes", 'unknown unit "minutes" in duration "5minutes"'),
        ("5m ", 'unknown unit "m " in duration "5m "'),
        ("300y", "duration out of range"),
        ("9" * 5_000 + "s", f'not a valid duration string: "{"9" * 5_000}s"'),
    ],
)
def test_what_is_no_prometheus_duration_is_refused(text: str, words: str) -> None:
    with refused(words):
        gotext.parse_prometheus_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *(
            (0, "0s"),
            (0.0001, "0s"),
            (0.25, "250ms"),
            (300, "5m"),
            (5_400, "1h30m"),
            (86_400, "1d"),
        ),
        *(
            (604_800, "1w"),
            (691_200, "8d"),
            (31_536_000, "1y"),
            (31_622_400, "366d"),
            (61.5, "1m1s500ms"),
            (-90.0005, "-1m30s"),
        ),
    ],
)
def test_prometheus_durations_are_printed(seconds: float, text: str) -> None:
    assert gotext.format_prometheus_duration(int(seconds * SECOND)) == text


@given(st.integers(0, 2**63 // 10**6 - 1))
def test_a_printed_prometheus_duration_is_read_as_the_same(ms: int) -> None:
    text = gotext.format_prometheus_duration(ms * 10**6)
    assert gotext.parse_prometheus_duration(text) == ms * 10**6


# -- sizes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *(
            ("0", 0),
            ("42B", 42),
            ("1kB", 1_000),
            ("1KB", 1_000),
            ("1KiB", 1_024),
            ("1.5 MB", 1_500_000),
        ),
        *(
            ("2Gi", 2 << 30),
            ("3t", 3 * 10**12),
            ("1,024", 1_024),
            ("5pib", 5 << 50),
            ("1EB", 10**18),
        ),
    ],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert gotext.parse_bytes(text) == size


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 'strconv.ParseFloat: parsing "": invalid syntax'),
        ("B", 'strconv.ParseFloat: parsing "": invalid syntax'),
        ("-1B", 'strconv.ParseFloat: parsing "": invalid syntax'),
        ("1.2.3MB", 'strconv.ParseFloat: parsing "1.2.3": invalid syntax'),
        ("3 Apples", "unhandled size name: apples"),
        ("20EB", "too large: 20EB"),
    ],
)
def test_what_is_no_size_is_refused(text: str, words: str) -> None:
    with refused(words):
        gotext.parse_bytes(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        *(
            (0, "0 B"),
            (9, "9 B"),
            (10, "10 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (2_560, "2.6 kB"),
        ),
        *((9_949, "9.9 kB"), (99_500, "100 kB"), (209_715_200, "210 MB"), (10**18, "1.0 EB")),
    ],
)
def test_sizes_are_printed_rounded(size: int, text: str) -> None:
    assert gotext.format_bytes(size) == text
