"""What a line of text says of itself at its start: when, how grave, which service.

A *form* is one way to begin a line; `docs/formats.md` shows all of them. The first twelve characters, with digits and
letters blurred, decide which forms can fit at all; that is remembered, so that a line is matched against one or two
patterns and not against twenty. What is read is a pure function of the line and of `before`, which only decides the
year or the day of a time stamp that has none.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import Final

from ingest.clock import Clock
from ingest.levels import level_after, level_at, level_word
from ingest.severity import (
    HEADER_WORDS,
    LETTERS,
    UNKNOWN,
    of_status,
    of_syslog,
)
from ingest.structured import Keys, parse_object
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
    SYSLOG_YEAR,
    UNPADDED,
    Stamp,
)

Found = tuple[str, int | None, int, str]
"""Form, time in ns or None, severity or 0, service or ""."""
Form = Callable[[str, int], Found | None]

TEXT: Final[Found] = ("text", None, UNKNOWN, "")

_SHAPE_LENGTH: Final = 12
_SHAPE: Final = bytes.maketrans(
    (string.digits + string.ascii_lowercase + string.ascii_uppercase).encode(),
    b"0" * 10 + b"a" * 26 + b"A" * 26,
)
_SHAPES: Final = 8_192
HEAD: Final = 512
"""Characters in which a header must end; keeps every pattern below cheap on a line of 10 MB."""
ACCESS_HEAD: Final = 8_192
"""Likewise for access logs, whose status stands after the URL."""

_TAG: Final = (
    r"([A-Za-z_/][\w./@+-]{0,127})(?:\([^)\s]{0,64}\))?(\[[0-9]{0,10}\])?"
    r"(?: v?[0-9][0-9.]{0,15}| \([^)]{0,128}\))?:(?:\s|$)"
)
HOST_AND_TAG: Final = re.compile(rf"\s(?:\S{{1,255}}\s+)?{_TAG}", re.ASCII)
_PRI: Final = re.compile(r"<([0-9]{1,3})>(?:(1) )?")
_5424: Final = re.compile(
    rf"(?:-|{ISO.pattern}) \S{{1,255}} (\S{{1,48}}) \S{{1,128}} \S{{1,32}}(?: |$)"
)
ACCESS: Final = re.compile(
    rf'\S+ (?:\S+ ){{1,3}}?\[{DAY_FIRST.pattern}\] "[^"\\]*+(?:\\.[^"\\]*+)*+"(?: ([1-5][0-9]{{2}})(?: |$))?'
)
_EPOCH: Final = re.compile(
    r"\[?([0-9]{10}(?:\.[0-9]{1,9})?|[0-9]{13}|[0-9]{16}|[0-9]{19})\]?(?=[\s,|;]|$)"
)
_NODE: Final = re.compile(
    r"(?:-|[A-Z][A-Z0-9_-]{0,31}) ([0-9]{10}) [0-9]{4}\.[0-9]{2}\.[0-9]{2} \S{1,64} "
)
_NUMBERED: Final = re.compile(r"[0-9]{1,12} (?:\S{1,64} ){2,5}?([12][0-9]{9}) -?[0-9]+ ")
KLOG: Final = re.compile(rf"([VDIWEF]){NO_YEAR_KLOG.pattern} +[0-9]+ \S+?:[0-9]+\]")
ANDROID: Final = re.compile(rf"{NO_YEAR.pattern} +[0-9]+ +[0-9]+ ([VDIWEFA]) ")
COMPACT_LINE: Final = re.compile(rf"{COMPACT.pattern} [0-9]+ ([A-Z]+) ")
# Words before the time that are no words of a sentence: a file name, a container, a thread.
PREFIXED: Final = re.compile(
    rf"(?:(?=\S*[^\sA-Za-z])\S{{1,200}}\s+(?:\|\s*)?){{1,3}}?[\[(]?{ISO.pattern}"
)
_BEFORE_STAMP: Final = re.compile(r"[\s:|-]{0,8}[\[(]?")


def leading(stamp: Stamp) -> re.Pattern[str]:
    return re.compile(rf"[\[(]?{stamp.pattern}")


class Headers:
    """Reads the headers of one source's lines. Thread-confined."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.keys = Keys(clock)
        self._shapes: dict[bytes, tuple[Form, ...]] = {}
        # (what the blurred start must look like, the form): the first that fits wins.
        forms: tuple[tuple[str, Form], ...] = (
            (r"\{", self._json),
            (r"<0", self._pri),
            (r"[\[(]?0000[-/.]00[-/.]0", self._stamped("iso", ISO, tagged=True)),
            (r"00000000-0", self._stamped("unpadded", UNPADDED)),
            (r"\[?00000000[ A]0", self._stamped("basic", BASIC)),
            (r"000000 00000", self._compact),
            (r"\[?00/00/00 0", self._stamped("short_year", SHORT_YEAR)),
            (r"00[-.]00 00:0", self._android),
            (r"\[?00[-.]00 00:0", self._stamped("month_day", NO_YEAR)),
            (r"\[?00[/-]Aaa[/-]0", self._stamped("day_first", DAY_FIRST)),
            (r"[\[(]?Aaa Aaa ", self._stamped("ctime", CTIME)),
            (r"\[?Aaa, 00 A", self._stamped("rfc1123", RFC_1123)),
            (r"Aaa 00?, 0", self._stamped("java_util", JAVA_UTIL)),
            (r"Aaa [ 0]", self._syslog),
            (r"A0000 00:0", self._klog),
            (r"\[?00:00:00", self._stamped("time", NO_DATE)),
            (r"\[?0000000000", self._epoch),
            (r"- 000000000|A[A0_ -]+", self._node),
            (r"[\[(<]?[Aa]", self._levelled),
            (r"[Aa@_]", self._logfmt),
            (r"[0Aa:*-]", self._access),
            (r"0+ ", self._numbered),
            (r"[^\s{<]", self._prefixed),
        )
        self._forms = tuple((re.compile(guard), form) for guard, form in forms)

    def read(self, line: str, before: int) -> Found:
        """`before`: ns, the arrival of the line or the last change of its file."""
        # Of bytes, because there one call of C does it; no form begins with what is not ASCII.
        shape = line[:_SHAPE_LENGTH].encode("ascii", "replace").translate(_SHAPE)
        forms = self._shapes.get(shape)
        if forms is None:
            if len(self._shapes) >= _SHAPES:
                self._shapes.clear()
            start = shape.decode()
            forms = tuple(form for guard, form in self._forms if guard.match(start))
            self._shapes[shape] = forms
        for form in forms:
            if found := form(line, before):
                return found
        return TEXT

    def _stamped(self, name: str, stamp: Stamp, *, tagged: bool = False) -> Form:
        """The time first, then perhaps a level; `tagged`: or a host and a program, as rsyslog writes files."""
        match = leading(stamp).match
        read = self._clock.read

        def form(line: str, before: int) -> Found | None:
            m = match(line, 0, HEAD)
            if m is None:
                return None
            second, fraction, zone = m.groups()
            ts = read(stamp, second, fraction, zone, before)
            if ts is None:
                return None
            end = m.end()
            severity = level_after(line, end)
            if tagged and zone and line[10] == "T":
                tag = HOST_AND_TAG.match(line, end, HEAD)
                if tag and (tag[2] or not severity):
                    return name, ts, severity or level_at(line, tag.end()), _program(tag[1])
            return name, ts, severity, ""

        return form

    def _json(self, line: str, before: int) -> Found | None:
        obj = parse_object(line)
        return None if obj is None else ("json", *self.keys.read(obj, before))

    def _logfmt(self, line: str, before: int) -> Found | None:
        found = self.keys.logfmt(line, before)
        return None if found is None else ("logfmt", *found)

    def _pri(self, line: str, before: int) -> Found | None:
        m = _PRI.match(line)
        if m is None or int(m[1]) > 191:
            return None
        severity = of_syslog(int(m[1]) % 8)
        if m[2]:
            if new := _5424.match(line, m.end(), HEAD):
                second, fraction, zone, program = new.groups()
                ts = second and self._clock.read(ISO, second, fraction, zone, before)
                return "syslog_5424", ts or None, severity, "" if program == "-" else program
            return None
        _, ts, _, service = self.read(line[m.end() : m.end() + HEAD], before)
        return "syslog_3164", ts, severity, service

    def _syslog(self, line: str, before: int) -> Found | None:
        for stamp, match in SYSLOG_STAMPS:
            if m := match(line, 0, HEAD):
                ts = self._clock.read(stamp, m[1], m[2], m[3], before)
                if ts is None:
                    return None
                end = m.end()
                if tag := HOST_AND_TAG.match(line, end, HEAD):
                    return "syslog_3164", ts, level_at(line, tag.end()), _program(tag[1])
                return "syslog_3164", ts, level_after(line, end), ""
        return None

    def _klog(self, line: str, before: int) -> Found | None:
        m = KLOG.match(line, 0, HEAD)
        ts = m and self._clock.read(NO_YEAR_KLOG, m[2], m[3], None, before)
        return ("klog", ts, LETTERS[m[1]], "") if m and ts is not None else None

    def _android(self, line: str, before: int) -> Found | None:
        m = ANDROID.match(line, 0, HEAD)
        ts = m and self._clock.read(NO_YEAR, m[1], m[2], None, before)
        return ("android", ts, LETTERS[m[4]], "") if m and ts is not None else None

    def _compact(self, line: str, before: int) -> Found | None:
        m = COMPACT_LINE.match(line, 0, HEAD)
        ts = m and self._clock.read(COMPACT, m[1], None, None, before)
        if not m or ts is None:
            return None
        return "compact", ts, HEADER_WORDS.get(m[4], UNKNOWN), ""

    def _epoch(self, line: str, before: int) -> Found | None:
        m = _EPOCH.match(line)
        ts = m and self._clock.value(m[1], before)
        return ("epoch", ts, level_after(line, m.end()), "") if m and ts is not None else None

    def _node(self, line: str, before: int) -> Found | None:
        """`- 1117838570 2005.06.03 NODE` and then a header of its own, in the local time of the machine."""
        m = _NODE.match(line, 0, HEAD)
        ts = m and self._clock.value(m[1], before)
        if not m or ts is None:
            return None
        end = m.end()
        if inner := _ISO_AT.match(line, end, HEAD):
            ts += self._clock.read(ISO, inner[1], inner[2], None, before) or 0
            ts -= self._clock.read(ISO, inner[1], None, None, before) or 0
            return "epoch_node", ts, level_after(line, inner.end()), ""
        _, _, severity, service = self.read(line[end : end + HEAD], before)
        return "epoch_node", ts, severity, service

    def _numbered(self, line: str, before: int) -> Found | None:
        m = _NUMBERED.match(line, 0, HEAD)
        ts = m and self._clock.value(m[1], before)
        return ("epoch_column", ts, UNKNOWN, "") if ts is not None else None

    def _access(self, line: str, before: int) -> Found | None:
        m = ACCESS.match(line, 0, ACCESS_HEAD)
        ts = m and self._clock.read(DAY_FIRST, m[1], m[2], m[3], before)
        if not m or ts is None:
            return None
        return "access", ts, of_status(int(m[4])) if m[4] else UNKNOWN, ""

    def _prefixed(self, line: str, before: int) -> Found | None:
        m = PREFIXED.match(line, 0, HEAD)
        ts = m and self._clock.read(ISO, m[1], m[2], m[3], before)
        return ("prefixed", ts, level_after(line, m.end()), "") if m and ts is not None else None

    def _levelled(self, line: str, before: int) -> Found | None:
        """`ERROR [2024-06-14 15:16:01,123] ...`, `WARN: ...`, `[error] ...`: a level, then perhaps a time."""
        severity, end = level_word(line, 0)
        if not severity:
            return None
        start = _BEFORE_STAMP.match(line, end)
        at = start.end() if start else end
        for stamp, match in _STAMPS_AFTER_LEVEL:
            if m := match(line, at, at + HEAD):
                ts = self._clock.read(stamp, m[1], m[2], m[3], before)
                if ts is not None:
                    return "level", ts, severity, ""
        return "level", None, severity, ""


_ISO_AT: Final = re.compile(ISO.pattern)
SYSLOG_STAMPS: Final = tuple(
    (stamp, leading(stamp).match) for stamp in (NO_YEAR_WORDS, SYSLOG_YEAR)
)
_STAMPS_AFTER_LEVEL: Final = tuple(
    (stamp, re.compile(stamp.pattern).match)
    for stamp in (ISO, DAY_FIRST, SHORT_YEAR, CTIME, NO_DATE)
)


def _program(tag: str) -> str:
    """A syslog tag without the folder: /usr/sbin/cron is cron, but postfix/smtpd stays."""
    return tag.rpartition("/")[2] or tag if tag[0] == "/" else tag
