"""What `printf` makes of verbs, flags and values: Go's package fmt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.logql.gotemplate import gofmt
from driftwood.logql.gotemplate.times import Time
from driftwood.logql.gotemplate.values import AnyMap, Int64, Uint8

MAP = AnyMap({"b": [1.0, None], "a": "x"})


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("%s|%10s|%-10s|%.2s|%5.1s|%05s", ["abc"] * 6, "abc|       abc|abc       |ab|    a|00abc"),
        (
            "%q %+q %#q %x %X % x %#x",
            ["é\n", "é", "a`b", "hé", "hé", "hé", "hé"],
            '"é\\n" "\\u00e9" "a`b" 68c3a9 68C3A9 68 c3 a9 0x68c3a9',
        ),
        ("%d|%5d|%-5d|%05d|%+d|% d", [42] * 6, "42|   42|42   |00042|+42| 42"),
        (
            "%x %X %#x %o %#o %O %b %c %q %U %#U",
            [255] * 11,
            "ff FF 0xff 377 0377 0o377 11111111 ÿ 'ÿ' U+00FF U+00FF 'ÿ'",
        ),
        ("%.3d|%6.3d|%.0d|%-06d|", [7, 7, 0, 7], "007|   007||7     |"),
        ("%d %d", [-5, Int64(-(1 << 63))], "-5 -9223372036854775808"),
        (
            "%f %.1f %8.3f %-8.2f| %08.3f %+.1f",
            [3.14159] * 6,
            "3.141590 3.1    3.142 3.14    | 0003.142 +3.1",
        ),
        (
            "%e %E %g %G %.3g %v",
            [1234567.0] * 6,
            "1.234567e+06 1.234567E+06 1.234567e+06 1.234567E+06 1.23e+06 1.234567e+06",
        ),
        ("%x %b %#g %#.3g", [1.5, 1.0, 1.0, 2.0], "0x1.8p+00 4503599627370496p-52 1.00000 2.00"),
        (
            "%v %5v %05v %+v",
            [float("inf"), float("nan"), float("-inf"), float("nan")],
            "+Inf   NaN  -Inf NaN",
        ),
        ("%t %v %6t|", [True, False, True], "true false   true|"),
        ("%v %.1f", [1 + 2j, -1.5j], "(1+2i) (-0.0-1.5i)"),
        (
            "%T %T %T %T %T %T %T",
            ["", 1, Int64(1), 1.5, True, None, MAP],
            "string int int64 float64 bool <nil> map[string]interface {}",
        ),
        (
            "%v %s %d",
            [MAP] * 3,
            "map[a:x b:[1 <nil>]] map[a:x b:[%!s(float64=1) <nil>]] "
            "map[%!d(string=a):%!d(string=x) %!d(string=b):[%!d(float64=1) <nil>]]",
        ),
        (
            "%#v %+v",
            [MAP, MAP],
            'map[string]interface {}{"a":"x", "b":[]interface {}{1, interface {}(nil)}} map[a:x b:[1 <nil>]]',
        ),
        ("%#v %#v %#v %#v", ["a", 1, Uint8(1), b"ab"], '"a" 1 0x1 []byte{0x61, 0x62}'),
        ("%v %s %x %d", [b"ab"] * 4, "[97 98] ab 6162 [97 98]"),
        ("%v %v", [None, {"l": "v"}], "<nil> map[l:v]"),
    ],
)
def test_verbs_and_flags(template: str, values: list[object], text: str) -> None:
    assert gofmt.sprintf(template, values) == text


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("%d", ["hi"], "%!d(string=hi)"),
        ("%5d|", ["hi"], "%!d(string=   hi)|"),
        ("%s %t %z", [7, "x", 1.5], "%!s(int=7) %!t(string=x) %!z(float64=1.5)"),
        ("%s %v", [None, None], "%!s(<nil>) <nil>"),
        ("%d %s", [1], "1 %!s(MISSING)"),
        ("x", [1, "y", None], "x%!(EXTRA int=1, string=y, <nil>)"),
        ("100%", [], "100%!(NOVERB)"),
        ("%-", [1], "%!(NOVERB)%!(EXTRA int=1)"),
        ("%%%d%%", [5], "%5%"),
        ("%!", [1], "%!!(int=1)"),
        ("%é", [1], "%!é(int=1)"),
        ("%*d|%-*d|%.*f", [5, 42, 5, 42, 2, 3.14159], "   42|42   |3.14"),
        ("%*d", ["x", 42], "%!(BADWIDTH)42"),
        ("%.*f", ["x", 1.5], "%!(BADPREC)1.500000"),
        ("%*d", [-5, 42], "42   "),
        ("%[2]d %[1]d", [1, 2], "2 1"),
        ("%[3]d", [1, 2], "%!d(BADINDEX)"),
        ("%[x]d", [1], "%!d(BADINDEX)"),
        ("%[1]d %d", [1, 2], "1 2"),
        ("%[2]*[1]d", [42, 6], "    42"),
        ("%w", ["x"], "%!w(string=x)"),
    ],
)
def test_what_does_not_fit_is_said_in_the_text(
    template: str, values: list[object], text: str
) -> None:
    assert gofmt.sprintf(template, values) == text


def test_print_puts_blanks_only_between_values_that_are_no_strings() -> None:
    assert gofmt.sprint([1, 2, "a", "b", 3, 4.5, None]) == "1 2ab3 4.5 <nil>"
    assert gofmt.sprintln([1, "a"]) == "1 a\n"


def test_times_print_themselves() -> None:
    time = Time(0)
    assert gofmt.sprintf("%v|%s|%#v", [time] * 3) == (
        "1970-01-01 00:00:00 +0000 UTC|1970-01-01 00:00:00 +0000 UTC|"
        "time.Date(1970, time.January, 1, 0, 0, 0, 0, time.Local)"
    )


VALUES = st.one_of(
    st.text(max_size=5),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.floats(),
    st.booleans(),
    st.none(),
    st.binary(max_size=3),
    st.just(MAP),
)


@given(
    st.text(alphabet="%+-# 0123.*[]vsdqxXfgGeEtTcUob!wé ", max_size=12),
    st.lists(VALUES, max_size=3),
)
def test_any_template_formats_anything(template: str, values: list[object]) -> None:
    assert isinstance(gofmt.sprintf(template, values), str)


@given(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(0, 30), st.booleans())
def test_integers_are_padded_to_their_width(number: int, width: int, zeros: bool) -> None:
    text = gofmt.sprintf(f"%{'0' if zeros else ''}{width or ''}d", [number])
    assert int(text) == number
    assert len(text) == max(width, len(str(number)))
