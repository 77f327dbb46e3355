"""The ways in which logs write a time, each as a regular expression; `ingest/clock.py` turns them into nanoseconds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MONTHS: Final = {
    "Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6,
    "Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": 11, "Dec": 12,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stamp:
    """One way to write a time.

    `pattern` has three groups: the text up to the second, the fraction, the zone; one that the form does not have is
    empty. `fields` takes the first apart, into groups named as in `_PARTS`.
    """

    pattern: str
    fields: re.Pattern[str]
    millis: bool = False
    """The fraction is a count of milliseconds without leading zeros: `:7` is 7 ms."""
    seconds_last: bool = True
    """The first group ends with the two digits of the second."""


# A layout below is written with `%` and one of these letters, as for `strftime`; capitals are padded.
_PARTS: Final = {
    "Y": "[0-9]{4}",
    "y": "[0-9]{2}",
    "m": "[0-9]{2}",
    "b": "(?:" + "|".join(MONTHS) + ")",
    "d": "(?: [0-9]|[0-9]{1,2})",
    "D": "[0-9]{2}",
    "a": "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)",
    "H": "[0-9]{2}",
    "M": "[0-9]{2}",
    "S": "[0-9]{2}",
    "h": "[0-9]{1,2}",
    "n": "[0-9]{1,2}",
    "s": "[0-9]{1,2}",
    "p": "(?:AM|PM)",
}
_FRACTION: Final = "(?:[.,]([0-9]{1,9})[0-9]*)?"
# "Z", " UTC", "+0200", "+02:00", "-07"; the dash that opens the rest of a header (" - INFO") is none.
_ZONE: Final = r"(?: ?(Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)(?![0-9A-Za-z:.-]))?"
_NONE: Final = "()"


def _stamp(
    layout: str, fraction: str = _FRACTION, zone: str = _ZONE, *, millis: bool = False
) -> Stamp:
    """
    >>> re.match(_stamp("%y%m%D %H%M%S", _NONE, _NONE).pattern, "081109 203615 148").groups()
    ('081109 203615', '', '')
    """
    plain = re.sub("%([a-zA-Z])", lambda m: _PARTS[m[1]], layout)
    named = re.sub("%([a-zA-Z])", lambda m: f"(?P<{m[1]}>{_PARTS[m[1]]})", layout)
    return Stamp(f"({plain}){fraction}{zone}", re.compile(named), millis, layout.endswith("%S"))


ISO: Final = _stamp("%Y[-/.]%m[-/.]%D[T _-]%H[:.]%M[:.]%S")
BASIC: Final = _stamp("%Y%m%D[T ]%H%M%S")
UNPADDED: Final = _stamp("%Y%m%D-%h:%n:%s", ":([0-9]{1,3})", _NONE, millis=True)
SHORT_YEAR: Final = _stamp("%y/%m/%D %H:%M:%S")
COMPACT: Final = _stamp("%y%m%D %H%M%S", _NONE, _NONE)
DAY_FIRST: Final = _stamp("%D[/-]%b[/-]%Y[: ]%H:%M:%S")
# Here the fraction stands before the year, so that its group lies inside the first one.
CTIME: Final = _stamp("%a %b %d %H:%M:%S(?:[.]([0-9]{1,9}))? %Y", "", _NONE)
RFC_1123: Final = _stamp("%a, %D %b %Y %H:%M:%S")
JAVA_UTIL: Final = _stamp("%b %d, %Y %h:%M:%S %p", _NONE, _NONE)
SYSLOG_YEAR: Final = _stamp("%b %d %Y %H:%M:%S")

NO_YEAR_WORDS: Final = _stamp("%b %d %H:%M:%S", zone=_NONE)
NO_YEAR: Final = _stamp("%m[-.]%D %H:%M:%S", zone=_NONE)
NO_YEAR_KLOG: Final = _stamp("%m%D %H:%M:%S", zone=_NONE)
NO_DATE: Final = _stamp("%H:%M:%S", zone=_NONE)
