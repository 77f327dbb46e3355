"""Severities in the one order everything is stacked and listed in, worst first, with their colours in `style.css`."""

from __future__ import annotations

ORDER = ("fatal", "error", "warn", "info", "debug", "trace", "")
BAD = ("fatal", "error")


def name(severity: str) -> str:
    """What a person reads: "" is a line whose severity nobody said."""
    return severity or "unknown"


def known(severity: str) -> str:
    """Counts call it unknown where lines leave it empty; anything else that is no severity is none, too.

    >>> known("warn"), known("unknown"), known("<x>")
    ('warn', '', '')
    """
    return severity if severity in ORDER else ""


def css(severity: str) -> str:
    """The class that colours it; a severity nobody knows is coloured like none.

    >>> css("error"), css(""), css("<x>")
    ('sev-error', 'sev-none', 'sev-none')
    """
    return f"sev-{severity}" if severity in ORDER and severity else "sev-none"
