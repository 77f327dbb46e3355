"""What a level is called, as OpenTelemetry's severity number: 1-4 trace, 5-8 debug, 9-12 info, 13-16 warn, 17-20 error,
21-24 fatal, 0 unknown.
"""

from __future__ import annotations

from typing import Final

UNKNOWN: Final = 0
INFO: Final = 9
WARN: Final = 13
ERROR: Final = 17

# Level words in lower case. The numbers for Python's and syslog's levels are OpenTelemetry's own mapping.
_WORDS: Final = {
    "trace": 1, "trc": 1, "finest": 1, "finer": 2, "verbose": 1, "silly": 1,
    "debug": 5, "dbg": 5, "fine": 5, "debu": 5,
    "info": 9, "inf": 9, "information": 9, "informational": 9, "notice": 10, "success": 10, "config": 9, "log": 9,
    "warn": 13, "warning": 13, "wrn": 13,
    "error": 17, "err": 17, "eror": 17, "severe": 17, "failure": 17, "fail": 17,
    "critical": 21, "crit": 21, "fatal": 21, "ftl": 21, "panic": 21, "dpanic": 21,
    "alert": 22, "emerg": 23, "emergency": 23,
}  # fmt: skip

# The same words as they stand in a header: INFO and Info. In lower case a level needs brackets or a colon
# (`[error]`, `warn:`): in running text `info` and `error` are just words. Neither `Log` nor `Fail` nor `Config` opens
# a header anywhere; as words of a sentence they do.
HEADER_WORDS: Final = {
    spelling: number
    for word, number in _WORDS.items()
    for spelling in (word.upper(), word.capitalize())
    if spelling not in {"Log", "Fail", "Config", "Fine", "Success", "Notice", "Alert", "FAIL"}
}
WORDS: Final = {**_WORDS, **HEADER_WORDS}

# klog, glog and Android write one letter.
LETTERS: Final = {"V": 1, "D": 5, "I": 9, "W": 13, "E": 17, "F": 21, "A": 22}

_SYSLOG: Final = (23, 22, 21, 17, 13, 10, 9, 5)
_TENS: Final = {10: 1, 20: 5, 30: 9, 40: 13, 50: 17, 60: 21}  # bunyan and pino


def of_syslog(severity: int) -> int:
    """From syslog's severity, 0 (emergency) .. 7 (debug); of a PRI that is `pri % 8`.

    >>> [of_syslog(n) for n in (0, 3, 4, 6, 7)]
    [23, 17, 13, 9, 5]
    """
    return _SYSLOG[severity] if 0 <= severity <= 7 else UNKNOWN


def of_status(status: int) -> int:
    """From an HTTP status: a server's fault is an error, a client's a warning, everything else information.

    >>> [of_status(n) for n in (200, 404, 503)]
    [9, 13, 17]
    """
    return ERROR if status >= 500 else WARN if status >= 400 else INFO


def of_value(level: object) -> int:
    """From the value of a level key: a word, a number of bunyan's or pino's (10..60), or either as text.

    >>> [of_value(v) for v in ("Warning", 50, "30", "err", 3, None, "loud")]
    [13, 17, 9, 17, 0, 0, 0]
    """
    if isinstance(level, str):
        if number := WORDS.get(level) or _WORDS.get(level.strip().lower()):
            return number
        return (
            _TENS.get(int(level), UNKNOWN) if level in ("10", "20", "30", "40", "50", "60") else 0
        )
    if isinstance(level, int) and not isinstance(level, bool):
        return _TENS.get(level, UNKNOWN)
    return UNKNOWN


def of_number(number: object) -> int:
    """An OpenTelemetry severity number as it came, 0 for anything else."""
    return number if isinstance(number, int) and 1 <= number <= 24 else UNKNOWN
