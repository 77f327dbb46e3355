"""Every function of Loki's templates: what it takes, what it gives, and how it fails."""

from __future__ import annotations

import math

import pytest

from driftwood.logql.gotemplate import Template, TemplateExecutionError
from driftwood.logql.gotemplate.functions import FUNCTIONS

LABELS = {
    "msg": "hello world",
    "e": "",
    "u": "héllo wörld",
    "n": "42",
    "bad": "junk",
    "json": '{"a":[1,{"b":null}],"s":"x"}',
    "ts": "1700000000",
}
TS = 1_704_164_645_123_456_789  # 2024-01-02 03:04:05.123456789


def shown(expression: str) -> str:
    return Template("line", f"{{{{ {expression} }}}}").execute(LABELS, "the line", TS)


def failure(expression: str) -> str:
    with pytest.raises(TemplateExecutionError) as caught:
        shown(expression)
    return str(caught.value).partition(">: ")[2]


def check(expression: str, text: str) -> None:
    assert shown(expression) == text


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("ToUpper .u", "HÉLLO WÖRLD"),
        ("ToLower `ÀB`", "àb"),
        ("upper `ßŉﬁ`", "ßŉﬁ"),  # characters without a capital of their own
        ("lower `İÀΣ`", "ià\u03c3"),
        ("title `foo bar_baz q-x éa`", "Foo Bar_baz Q-X Éa"),
        ("Replace .msg `o` `0` 1", "hell0 world"),
        ("Replace .msg `o` `0` -1", "hell0 w0rld"),
        ("Replace `ab` `` `-` -1", "-a-b-"),
        ("replace `o` `0` .msg", "hell0 w0rld"),
        ("Trim `xxaxx` `x`", "a"),
        ("TrimLeft `xxaxx` `x`", "axx"),
        ("TrimRight `xxaxx` `x`", "xxa"),
        ("TrimPrefix .msg `hello `", "world"),
        ("TrimSuffix .msg ` world`", "hello"),
        ("TrimSpace ` \t\u00a0a\u2003\n`", "a"),
        ("trim `\x1ca `", "\x1ca"),  # a separator is no blank to Go
        ("trimAll `hd` .msg", "ello worl"),
        ("trimPrefix `hello ` .msg", "world"),
        ("trimSuffix `x` .msg", "hello world"),
        ("trunc 2 .u", "hé"),
        ("trunc -3 .u", "rld"),
        ("trunc 99 .u", "héllo wörld"),
        ("trunc -99 .u", "héllo wörld"),
        ("substr 1 3 .msg", "el"),
        ("substr -1 3 .msg", "hel"),
        ("substr 6 -1 .msg", "world"),
        ("substr 6 99 .msg", "world"),
        ("substr 0 2 .u", "h\ufffd"),  # bytes
        ("contains `lo w` .msg", "true"),
        ("hasPrefix `he` .msg", "true"),
        ("hasSuffix `he` .msg", "false"),
        ("repeat 3 `ab`", "ababab"),
        ("repeat 0 `ab`", ""),
        ("indent 2 `a\nb`", "  a\n  b"),
        ("nindent 2 `a\nb`", "\n  a\n  b"),
        ("alignLeft 4 .msg", "hell"),
        ("alignLeft 4 `é`", "é   "),
        ("alignRight 4 .msg", "orld"),
        ("alignRight 4 `é`", "   é"),
        ("alignRight -1 .msg", "hello world"),
        ("count `o|l` .msg", "5"),
        ("count `` `ab`", "3"),
        ("regexReplaceAll `(?P<first>l+)o` .msg `<$1${first}>`", "he<llll> world"),
        ("regexReplaceAll `l` .msg `$2$$`", "he$$o wor$d"),
        ("regexReplaceAll `(l)` .msg `$1x`", "heo word"),  # there is no group 1x
        ("regexReplaceAllLiteral `l` .msg `$1`", "he$1$1o wor$1d"),
        ("urlencode `a b/ü~-_.*`", "a+b%2F%C3%BC~-_.%2A"),
        ("urldecode `a+b%20%C3%BC`", "a b ü"),
        ("b64enc .u", "aMOpbGxvIHfDtnJsZA=="),
        ("b64dec `aGk=`", "hi"),
        ("b64dec `aGk`", "hi"),
        ("b64dec `aG\nk=`", "hi"),
        ("default `d` .e", "d"),
        ("default `d` .msg", "hello world"),
        ("default 5 0", "5"),
        ("default `d` false", "d"),
        ("default `d`", "d"),
        ("default `d` (fromJson `[]`)", "d"),
    ],
)
def test_texts(expression: str, text: str) -> None:
    check(expression, text)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("add 1 .n `3` true", "47"),
        ("add", "0"),
        ("add .bad 1", "1"),
        ("sub 5 7", "-2"),
        ("mul 2 .n 3", "252"),
        ("div 7 -2", "-3"),
        ("mod -7 3", "-1"),
        ("div 1 2", "0"),
        ("max 1 `12` 3", "12"),
        ("min 1 -2.9 3", "-2"),
        ("add 9223372036854775807 1", "-9223372036854775808"),
        ("mul 4611686018427387904 4", "0"),
        ("div -9223372036854775808 -1", "-9223372036854775808"),
        ("int `3.9`", "3"),
        ("int `-3.9`", "-3"),
        ("int `0x1F`", "31"),
        ("int `017`", "15"),
        ("int `08`", "0"),
        ("int `1_000`", "1000"),
        ("int `1e3`", "0"),
        ("int ` 5`", "0"),
        ("int 2.7", "2"),
        ("int true", "1"),
        ("int nil", "0"),
        ("int `9223372036854775808`", "0"),
        ("int __timestamp__.Month", "1"),
        ("float64 `1e3`", "1000"),
        ("float64 `-3.5`", "-3.5"),
        ("float64 .bad", "0"),
        ("float64 `1e6`", "1e+06"),
        ("addf 0.1 0.2", "0.3"),  # decimals, not floats
        ("addf", "0"),
        ("subf 1 0.9", "0.1"),
        ("mulf 1.1 1.1", "1.21"),
        ("divf 1 3", "0.3333333333333333"),
        ("divf -2 3", "-0.6666666666666667"),
        ("divf 1e-20 3", "0"),  # 16 digits behind the point
        ("maxf 1 `2.5`", "2.5"),
        ("minf 1 `2.5`", "1"),
        ("maxf `nan` 1", "NaN"),
        ("maxf `nan` `inf`", "+Inf"),
        ("ceil 1.2", "2"),
        ("ceil -0.5", "-0"),
        ("floor `-1.2`", "-2"),
        ("floor `inf`", "+Inf"),
        ("round 3.14159 2", "3.14"),
        ("round `2.5` 0", "3"),
        ("round -2.5 0", "-3"),
        ("round 123.4 -1", "120"),
        ("round 1.23 1 0.2", "1.3"),
        ("round 5 400", "NaN"),
        ("bytes `1.5KiB`", "1536"),
        ("bytes `2 MB`", "2e+06"),
        ("duration `1m30.5s`", "90.5"),
        ("duration_seconds `-2h`", "-7200"),
    ],
)
def test_numbers(expression: str, text: str) -> None:
    check(expression, text)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("eq .n `42`", "true"),
        ("eq .n `1` `42`", "true"),
        ("ne .n `42`", "false"),
        ("lt 1 2", "true"),
        ("le 2 2", "true"),
        ("gt `b` `a`", "true"),
        ("ge 1.5 2.5", "false"),
        ("eq (add 1 2) 3", "true"),
        ("eq (index .msg 0) 104", "true"),  # a byte and an int
        ("eq nil .missing", "false"),
        ("eq nil nil", "true"),
        ("eq (fromJson .json).q nil", "true"),
        ("eq __timestamp__ __timestamp__", "true"),
        ("and 1 0 2", "0"),
        ("and .n .msg", "hello world"),
        ("or .e 0 .n", "42"),
        ("or .e 0", "0"),
        ("and false (div 1 0)", "false"),  # never evaluated
        ("not .e", "true"),
        ("len .u", "13"),
        ("len (fromJson .json).a", "2"),
        ("index . `n`", "42"),
        ("index . `missing`", ""),
        ("index .u 1", "195"),
        ("index (fromJson .json) `a` 0", "1"),
        ("index (fromJson .json) `a` 1 `b`", "<no value>"),
        ("slice .u 1 3", "é"),
        ("slice .msg 6", "world"),
        ("slice (fromJson `[1,2,3]`) 1 2", "[2]"),
        ("print 1 2 `x` 3 nil", "1 2x3 <nil>"),
        ("println `a` 1", "a 1\n"),
        ("html `<a href='x'>&\"`", "&lt;a href=&#39;x&#39;&gt;&amp;&#34;"),
        ('js `it\'s "<b>" =\n`', 'it\\\'s \\"\\u003Cb\\u003E\\" \\u003D\\u000A'),
        ("urlquery `a b` `&`", "a+b%26"),
        ('fromJson `{"b":1.50,"a":[true,null,"x"]}`', "map[a:[true <nil> x] b:1.5]"),
        ('fromJson `{"a":1,"a":2}`', "map[a:2]"),
        ("fromJson `[1e400]`", "[<nil>]"),
        ('fromJson `"\\ud83d\\ude00\\ud800"`', "😀\ufffd"),
        ("fromJson `{`", "<no value>"),
        ("fromJson `NaN`", "<no value>"),
        ("fromJson ``", "<no value>"),
    ],
)
def test_comparison_parts_and_values(expression: str, text: str) -> None:
    check(expression, text)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("__timestamp__", "2024-01-02 03:04:05.123456789 +0000 UTC"),
        ("__timestamp__ | date `2006-01-02T15:04:05.000Z07:00`", "2024-01-02T03:04:05.123Z"),
        ("date `2006-01-02` 86400", "1970-01-02"),
        ("date `15:04` (add 3600 0)", "01:00"),
        ("unixEpoch __timestamp__", "1704164645"),
        ("unixEpochMillis __timestamp__", "1704164645123"),
        ("unixEpochNanos __timestamp__", "1704164645123456789"),
        ("toDate `2006-01-02` `2024-05-06`", "2024-05-06 00:00:00 +0000 UTC"),
        ("toDate `2006-01-02` `2024-02-30`", "0001-01-01 00:00:00 +0000 UTC"),
        (
            "toDateInZone `2006-01-02 15:04` `Europe/Berlin` `2024-07-01 12:00`",
            "2024-07-01 12:00:00 +0200 CEST",
        ),
        ("toDateInZone `2006` `No/Where` `2024` | unixEpoch", "1704067200"),
        ("unixToTime `19503`", "2023-05-26 00:00:00 +0000 UTC"),
        ("unixToTime .ts", "2023-11-14 22:13:20 +0000 UTC"),
        ("unixToTime `1700000000123`", "2023-11-14 22:13:20.123 +0000 UTC"),
        ("unixToTime `1700000000123456`", "2023-11-14 22:13:20.123456 +0000 UTC"),
        ("unixToTime `1700000000123456789`", "2023-11-14 22:13:20.123456789 +0000 UTC"),
        (
            "sub (unixEpoch (toDate `2006-01-02` `2021-11-02`)) (unixEpoch (toDate `2006-01-02` `2021-11-01`))",
            "86400",
        ),
        ("div (unixEpoch now) (unixEpoch now)", "1"),
    ],
)
def test_times(expression: str, text: str) -> None:
    check(expression, text)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("__timestamp__.Format `Mon Jan _2 2006`", "Tue Jan  2 2024"),
        ("__timestamp__.Year", "2024"),
        ("__timestamp__.Month", "January"),
        ("printf `%d` __timestamp__.Month", "1"),
        ("__timestamp__.Weekday", "Tuesday"),
        ("__timestamp__.YearDay", "2"),
        ("__timestamp__.Nanosecond", "123456789"),
        ("__timestamp__.UnixMicro", "1704164645123456"),
        ("__timestamp__.Truncate 3600000000000", "2024-01-02 03:00:00 +0000 UTC"),
        ("__timestamp__.Round 1000000000", "2024-01-02 03:04:05 +0000 UTC"),
        ("__timestamp__.Add 1000000000", "2024-01-02 03:04:06.123456789 +0000 UTC"),
        ("__timestamp__.AddDate 0 1 29", "2024-03-02 03:04:05.123456789 +0000 UTC"),
        ("__timestamp__.Sub (unixToTime `1704164640`)", "5.123456789s"),
        ("(__timestamp__.Sub (unixToTime .ts)).Hours", "1156.8458676268858"),
        ("__timestamp__.After (unixToTime .ts)", "true"),
        ("__timestamp__.Equal __timestamp__.UTC", "true"),
        ("__timestamp__.Compare (unixToTime .ts)", "1"),
        ("__timestamp__.IsZero", "false"),
        ("(toDate `2006` `x`).IsZero", "true"),
        ("__timestamp__.UTC.Location", "UTC"),
        ("printf `%s` __timestamp__.MarshalText", "2024-01-02T03:04:05.123456789Z"),
        ("(toDateInZone `2006-01-02` `Europe/Berlin` `2024-07-01`).IsDST", "true"),
        (
            "__timestamp__.GoString",
            "time.Date(2024, time.January, 2, 3, 4, 5, 123456789, time.Local)",
        ),
    ],
)
def test_methods_of_times(expression: str, text: str) -> None:
    check(expression, text)


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        ("div 1 .bad", "error calling div: runtime error: integer divide by zero"),
        ("mod 1 0", "error calling mod: runtime error: integer divide by zero"),
        ("divf 1 .bad", "error calling divf: decimal division by 0"),
        ("addf `nan`", "error calling addf: Cannot create a Decimal from NaN"),
        ("substr 5 2 .msg", "error calling substr: runtime error: slice bounds out of range [5:2]"),
        (
            "substr -1 99 `abc`",
            "error calling substr: runtime error: slice bounds out of range [:99] with length 3",
        ),
        ("repeat -1 `a`", "error calling repeat: strings: negative Repeat count"),
        (
            "regexReplaceAll `(` .msg ``",
            "error calling regexReplaceAll: error parsing regexp: missing closing ): `(`",
        ),
        ("count `[` .msg", "error calling count: error parsing regexp: missing closing ]: `[`"),
        ("urldecode `a%zz`", 'error calling urldecode: invalid URL escape "%zz"'),
        ("b64dec `a*==`", "error calling b64dec: illegal base64 data at input byte 1"),
        ("b64dec `abcde`", "error calling b64dec: illegal base64 data at input byte 5"),
        ("bytes `x`", 'error calling bytes: strconv.ParseFloat: parsing "": invalid syntax'),
        ("duration `5`", 'error calling duration: time: missing unit in duration "5"'),
        ("duration_seconds ``", 'error calling duration_seconds: time: invalid duration ""'),
        ("unixToTime `123`", "error calling unixToTime: unable to parse time '123': %!w(<nil>)"),
        (
            "unixToTime `x`",
            "error calling unixToTime: unable to parse time 'x': strconv.ParseInt: parsing \"x\": invalid syntax",
        ),
        ("index .msg 11", "error calling index: reflect: string index out of range"),
        ("index .msg 12", "error calling index: index out of range: 12"),
        ("index (fromJson `[1]`) 1", "error calling index: reflect: slice index out of range"),
        ("index . 1", "error calling index: value has type int; should be string"),
        ("index .msg `x`", "error calling index: cannot index slice/array with type string"),
        ("index nil 1", "error calling index: index of untyped nil"),
        ("index 3 1", "error calling index: can't index item of type int"),
        ("slice .msg 3 1", "error calling slice: invalid slice index: 3 > 1"),
        ("slice .msg 1 2 3", "error calling slice: cannot 3-index slice a string"),
        ("len 3", "error calling len: len of type int"),
        ("len (fromJson .json).q", "error calling len: len of nil pointer"),
        ("eq .n 42", "error calling eq: incompatible types for comparison: string and int"),
        ("eq 1 1.0", "error calling eq: incompatible types for comparison: int and float64"),
        ("eq .n", "error calling eq: missing argument for comparison"),
        ("eq . .", "error calling eq: non-comparable type map[bad:junk e: json:"),
        ("lt true false", "error calling lt: invalid type for comparison"),
        ("lt . 1", "error calling lt: invalid type for comparison"),
        ("__timestamp__.In nil", "error calling In: time: missing Location in call to Time.In"),
    ],
)
def test_what_functions_refuse(expression: str, wrong: str) -> None:
    assert failure(expression).startswith(wrong)


def test_now_is_the_time_and_carries_the_monotonic_clock() -> None:
    assert " m=+" in shown("now")
    assert abs(float(shown("now.UnixNano")) - float(shown("now.UnixNano"))) < 60e9
    assert math.isfinite(float(shown("(now.Sub now).Seconds")))


def test_every_function_of_the_language_is_there() -> None:
    """As the language's page lists them."""
    listed = """
        and or not eq ne lt le gt ge len index slice print printf println html js urlquery call
        lower upper title trunc substr contains hasPrefix hasSuffix indent nindent replace repeat trim trimAll
        trimPrefix trimSuffix default alignLeft alignRight count regexReplaceAll regexReplaceAllLiteral
        urlencode urldecode b64enc b64dec
        ToLower ToUpper Replace Trim TrimLeft TrimRight TrimPrefix TrimSuffix TrimSpace
        int float64 add sub mul div mod max min addf subf mulf divf maxf minf ceil floor round
        bytes duration duration_seconds
        now date toDate toDateInZone unixEpoch unixEpochMillis unixEpochNanos unixToTime fromJson
    """
    assert set(FUNCTIONS) == set(listed.split())
