"""How a line's header lies in it: what one line teaches about all lines that start alike but for their digits.

Every pattern of `ingest.headers` takes a digit for any other, so lines whose first `reach` characters are the same
once each digit is blurred have the same form, level and program, and their times stand in the same places. A layout is
learnt from one of them, in which `reach` is as far as any pattern looked; what cannot be bounded so is not learnt.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ingest import headers
from ingest.headers import Found
from ingest.levels import level_reach
from ingest.timestamps import (
    BASIC,
    COMPACT,
    CTIME,
    DAY_FIRST,
    ISO,
    JAVA_UTIL,
    NO_DATE,
    NO_YEAR,
    NO_YEAR_KLOG,
    NO_YEAR_WORDS,
    RFC_1123,
    SHORT_YEAR,
    UNPADDED,
    Stamp,
)

MAX_REACH: Final = 128
"""Characters; a header that ends later is read line by line."""

_FORMS: Final[dict[str, tuple[re.Pattern[str], Stamp, tuple[int, int, int]]]] = {
    **{
        name: (headers.leading(stamp), stamp, (1, 2, 3))
        for name, stamp in (
            ("iso", ISO),
            ("unpadded", UNPADDED),
            ("basic", BASIC),
            ("short_year", SHORT_YEAR),
            ("month_day", NO_YEAR),
            ("day_first", DAY_FIRST),
            ("ctime", CTIME),
            ("rfc1123", RFC_1123),
            ("java_util", JAVA_UTIL),
            ("time", NO_DATE),
        )
    },
    "compact": (headers.COMPACT_LINE, COMPACT, (1, 0, 0)),
    "klog": (headers.KLOG, NO_YEAR_KLOG, (2, 3, 0)),
    "android": (headers.ANDROID, NO_YEAR, (1, 2, 0)),
    "access": (headers.ACCESS, DAY_FIRST, (1, 2, 3)),
    "prefixed": (headers.PREFIXED, ISO, (1, 2, 3)),
}
"""By form: its pattern, and the groups of second, fraction and zone in it (0: there is none)."""

_TOKEN: Final = re.compile(r"\S+")
_WORD: Final = re.compile(r"[\[(<]?[A-Za-z]{0,14}")
_CRI_TAIL: Final = 12
"""Characters behind an ISO time that tell the kubelet's lines: ` stdout F `."""


class Span(NamedTuple):
    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start


NOWHERE: Final = Span(0, 0)


class Place(NamedTuple):
    """Where the time stands."""

    stamp: Stamp
    second: Span
    fraction: Span
    zone: Span
    quote: int = 0
    """Of an access log: where the request opens. Its status is read behind it."""


class Layout(NamedTuple):
    reach: int
    form: str
    place: Place
    severity: int
    service: str


def learn(line: str, found: Found) -> Layout | None:
    """What `line`, of which `Headers.read` said `found`, teaches; None when that is nothing certain."""
    form, ts, severity, service = found
    if ts is None or any(c.isdigit() for c in service):
        return None
    if form == "syslog_3164" and line[:1] != "<":
        fitting = ((s, match(line, 0, MAX_REACH)) for s, match in headers.SYSLOG_STAMPS)
        stamp, m = next(((s, m) for s, m in fitting if m), (NO_YEAR_WORDS, None))
        groups = (1, 2, 3)
    elif form in _FORMS:
        pattern, stamp, groups = _FORMS[form]
        m = pattern.match(line)
    else:
        return None
    if m is None:
        return None
    if form in {"access", "prefixed"}:  # after forms that look further, or at the value of a digit
        first = line.split(None, 1)[0]
        if "=" in first or (form == "prefixed" and first.isdigit()):
            return None
    second, fraction, zone = (_span(m, group) for group in groups)
    reach = _reach(line, form, m, severity)
    if reach is None or reach > MAX_REACH or not line[:reach].isascii():
        return None
    quote = line.index('"', m.end(1)) if form == "access" else 0
    return Layout(reach, form, Place(stamp, second, fraction, zone, quote), severity, service)


def _span(m: re.Match[str], group: int) -> Span:
    return Span(*m.span(group)) if group and m[group] else NOWHERE


def _reach(line: str, form: str, m: re.Match[str], severity: int) -> int | None:
    """How many characters decide what was found: none behind them were looked at."""
    if form == "access":
        # What stands behind the quote is looked at line by line, see `ingest.heads`.
        return line.index('"', m.end(1)) + 1
    if form in {"compact", "klog", "android"}:
        return m.end() + 2
    reach = max(m.end() + 2, level_reach(line, m.end()))
    if form == "iso":
        reach = max(reach, m.end() + _CRI_TAIL)
    if form == "month_day":  # Android's lines were tried before
        reach = max(reach, _tokens(line, 0, 5) or MAX_REACH + 1)
    if form == "prefixed":  # and here access logs
        tokens = _TOKEN.findall(line, 0, MAX_REACH)[:6]
        if any(token[0] == "[" for token in tokens[1:]):
            return None
        reach = max(reach, _tokens(line, 0, 6) or MAX_REACH + 1)
    if form == "syslog_3164" or (form == "iso" and m[3] and line[10] == "T"):
        tagged = _tag_reach(line, m.end())
        if tagged is None:
            return None
        reach = max(reach, tagged) if form == "iso" else tagged
        tag = headers.HOST_AND_TAG.match(line, m.end(), headers.HEAD)
        if tag is None:
            reach = max(reach, level_reach(line, m.end()))
        else:
            word = _WORD.match(line, tag.end())
            reach = max(reach, (word.end() if word else tag.end()) + 3)
    return reach


def _tag_reach(line: str, start: int) -> int | None:
    """How far the pattern of host and program looks: three words, unless one opens a bracket that may hold blanks."""
    words = [m for _, m in zip(range(3), _TOKEN.finditer(line, start, MAX_REACH), strict=False)]
    if any(word[0][0] == "(" for word in words[1:]):
        return None
    return words[2].end() + 1 if len(words) == 3 else len(line) + 1


def _tokens(line: str, start: int, count: int) -> int | None:
    """Where the blank behind the `count`-th word stands; the end of a line that has fewer."""
    at = 0
    for n, token in enumerate(_TOKEN.finditer(line, start, MAX_REACH + 1), 1):
        at = token.end() + 1
        if n == count:
            return at
    return len(line) + 1
