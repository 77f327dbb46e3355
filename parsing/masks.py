"""Typed masks: what is a value whatever the log says (a number, an address, a time) becomes `<NUM>`, `<IP>`, `<TIME>`.

One combined expression, tried left to right; at a place the first kind that fits wins. Look-arounds and not `\\b` hold
the kinds to whole words, so nothing fires inside an identifier (`sha1sum`, `eth0`, `ipv4` stay as they are).
"""

from __future__ import annotations

import re

_H = "[0-9A-Fa-f]"
_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_CLOCK = r"\d{1,2}:\d{2}:\d{2}(?:[.,:]\d{1,9})?"
_ZONE = r"(?:\s?(?:Z|[+-]\d{2}:?\d{2})|\s(?:UTC|GMT|[A-Z]{1,3}[DS]T))"
_AT_CLOCK = r"(?:[T_:-]|,?\s)\d{1,2}[:.]\d{2}[:.]\d{2}(?:[.,:]\d{1,9})?"
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_DECIMAL = r"\d+(?:\.\d+)?"
_BOOLEAN = "true|false|True|False|TRUE|FALSE"

BEFORE = "(?<![A-Za-z0-9_])"
AFTER = "(?![A-Za-z0-9_])"

# Kinds of whole words, guarded by BEFORE and AFTER, by what the word starts with and in the order of trial.
_DIGIT = (
    (
        "TIME",
        rf"\d{{4}}(?:-\d{{1,2}}-|/\d{{1,2}}/|\.\d{{1,2}}\.)\d{{1,2}}(?:{_AT_CLOCK})?{_ZONE}?"
        rf"|\d{{1,2}}[/.-](?:\d{{1,2}}|{_MONTH})[/.-]\d{{2,4}}[T:\s]{_CLOCK}{_ZONE}?"
        rf"|\d{{1,2}}[/-]\d{{1,2}}\s{_CLOCK}"
        rf"|\d{{1,2}}\s{_MONTH}\s\d{{4}}\s{_CLOCK}{_ZONE}?"
        rf"|{_CLOCK}{_ZONE}?",
    ),
    ("IP", rf"(?:{_OCTET}\.){{3}}{_OCTET}(?::\d{{1,5}})?"),
    ("DUR", rf"(?:{_DECIMAL}(?:ns|us|µs|ms|s|secs?|m|mins?|h|d))+"),
    ("SIZE", rf"{_DECIMAL}(?:(?:[KMGTP]i?)?[Bb](?:/s|ps)?|[KMGTP]i?)|\d+\.\d+\s(?:[KMGTP]i?)?B"),
    ("HEX", rf"0[xX]{_H}+"),
)
_HEX = (
    ("UUID", rf"{_H}{{8}}(?:-{_H}{{4}}){{3}}-{_H}{{12}}"),
    ("MAC", rf"{_H}{{2}}(?:(?::{_H}{{2}}){{5}}|(?:-{_H}{{2}}){{5}})"),
    (
        "IP",
        rf"(?:{_H}{{1,4}}:){{7}}{_H}{{1,4}}"
        rf"|(?:{_H}{{1,4}}:){{1,6}}:(?:{_H}{{1,4}}(?::{_H}{{1,4}}){{0,5}})?",
    ),
    (
        "HEX",
        rf"(?:{_H}{{1,12}}+(?:-|::?)){{3,7}}{_H}{{1,12}}+"
        rf"|(?=[0-9]*[A-Fa-f])(?=[A-Fa-f]*[0-9]){_H}{{6,}}+",
    ),
)
_LETTER = (
    (
        "TIME",
        rf"(?:{_DAY},?\s)?{_MONTH}\s{{1,2}}\d{{1,2}},?(?:\s\d{{4}})?\s{_CLOCK}{_ZONE}?(?:\s\d{{4}})?"
        rf"|{_DAY},?\s\d{{1,2}}\s{_MONTH}\s\d{{4}}\s{_CLOCK}{_ZONE}?",
    ),
    ("BOOL", _BOOLEAN),
    ("HOST", r"[A-Za-z](?:[A-Za-z0-9-]{0,62}+\.){1,8}[A-Za-z0-9-]{1,63}+:\d{2,5}"),
)
# Random words: two runs of digits amid letters; or long, with both cases and digits, and no long run of small letters.
_WORD = (
    (
        "ID",
        r"[A-Za-z]+\d+[A-Za-z]+\d[A-Za-z0-9]*"
        r"|(?=[A-Z0-9_-]*[a-z])(?=[a-z0-9_-]*[A-Z])(?=[A-Za-z_-]*[0-9])(?=[A-Za-z0-9_-]{20})"
        r"(?:[a-z]{0,6}+[A-Z0-9_-]){6,}+[a-z]{0,6}+(?!-)",
    ),
)
_URL = r"[A-Za-z][A-Za-z0-9+.-]{1,15}+://[^\s\"'<>\\^`{|}()\[\],;]+"
_EMAIL = r"[A-Za-z0-9_.+-]{1,64}+@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"
_VERBS = ("GET", "PUT", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS")
# Kinds with guards of their own.
_LOOSE = (
    (
        "URL",  # the target of an HTTP request
        rf"(?:{'|'.join(f'(?<={verb} )' for verb in _VERBS)})/[^\s\"]*(?:\sHTTP/\d(?:\.\d)?)?",
    ),
    (
        "IP",
        rf"(?<![A-Za-z0-9_/.>])/(?:{_OCTET}\.){{3}}{_OCTET}(?::\d{{1,5}})?{AFTER}(?!/)",
    ),  # Java's
    ("AGENT", r"(?<=\")(?!HTTP/)[A-Za-z][A-Za-z0-9_.-]{1,30}/\d[^\"\n<>]{0,400}(?=\")"),
    (
        "PATH",
        r"(?<![A-Za-z0-9_/.\\:>~-])(?=[/\\.~]|[A-Za-z]:\\)(?:~|\.\.?|[A-Za-z]:)?"
        r"(?:[/\\][^\s/\\\"'<>|:;,=()\[\]{}]+){2,}[/\\]?(?<!\.)",
    ),
    ("PCT", rf"(?<![A-Za-z0-9_.]){_DECIMAL}%"),
    (
        "NUM",
        rf"(?:(?<=[\s=:(\[{{,|\"'])|\A)[+-]{_DECIMAL}(?:[eE][+-]?\d+)?{AFTER}"
        rf"|{BEFORE}{_DECIMAL}(?:[eE][+-]?\d{{1,3}}{AFTER})?"
        r"|(?<=_)-?\d+|\d{4,}",
    ),
)
_ALL = (("URL", _URL), ("EMAIL", _EMAIL), *_DIGIT, *_HEX, *_LETTER, *_WORD, *_LOOSE)

KINDS = tuple(dict.fromkeys([*(kind for kind, _ in _ALL), "JSON"]))
# `<:ORDER_ID:>` is what a rule of a user masks, see `parsing.rules`.
PLACEHOLDER = re.compile(rf"<(?:\*|{'|'.join(KINDS)}|:[A-Z][A-Z_]{{0,31}}:)>")
SINGLE = {
    kind: re.compile("|".join(pattern for name, pattern in _ALL if name == kind), re.ASCII)
    for kind in KINDS
    if kind != "JSON"
}
"""Kind -> its expression alone, to find a value again in a line."""

# Most of a log is plain words: they are passed over in one go, as no kind can start in them.
_PLAIN = (
    r"(?:[\s,;()\[\]{}\"'=|]++"
    rf"|(?!(?:{_BOOLEAN}){AFTER}|{_MONTH}\s|{_DAY},?\s)[A-Za-z_$]++(?:[.$-][A-Za-z_$]++)*+"
    r"(?=[\s,;()\[\]{}\"'=|]|[:.](?=\s)|[:.]?\Z))*+"
)

_PLAIN_NUM = rf"{BEFORE}\d++(?=[,;)\]}}\"'=|]|\s(?!{_MONTH})|\Z)"


def _one_of(kinds: tuple[tuple[str, str], ...], branch: str) -> str:
    return "|".join(f"(?P<{kind}_{branch}>{pattern})" for kind, pattern in kinds)


def _combined(scheme: bool, at: bool) -> re.Pattern[str]:
    """All kinds; the two that begin with a free run of letters only where the text holds `://` or `@`."""
    named = ((("URL", _URL),) if scheme else ()) + ((("EMAIL", _EMAIL),) if at else ())
    words = f"{_one_of(named, 'u')}|" if named else ""
    return re.compile(
        rf"{_PLAIN}(?:(?P<keep>{PLACEHOLDER.pattern})|(?P<NUM_p>{_PLAIN_NUM})|{BEFORE}(?=[A-Za-z0-9_.+-])(?:{words}"
        rf"{_one_of(_HEX[:2], 'x')}|{_one_of(_WORD, 'w')}|(?=\d)(?:{_one_of(_DIGIT, 'd')})"
        rf"|(?={_H})(?:{_one_of(_HEX[2:], 'h')})|(?=[A-Za-z])(?:{_one_of(_LETTER, 'l')})){AFTER}"
        rf"|{_one_of(_LOOSE, 'n')}|[A-Za-z]++(?:\d{{1,3}}(?!\d))?+|.|\Z)",
        re.ASCII | re.DOTALL,
    )


_MASKS = {(scheme, at): _combined(scheme, at) for scheme in (False, True) for at in (False, True)}
# Where a placeholder touches a word, what was hidden by the value's edge may now be found.
_TOUCHES = re.compile(
    rf"{PLACEHOLDER.pattern}[A-Za-z0-9_]|(?:[A-Za-z0-9_]|::){PLACEHOLDER.pattern}"
)


def _placeholder(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind is None or kind == "keep":
        return match.group()
    return f"{match.string[match.start() : match.start(kind)]}<{kind[:-2]}>"


def mask(text: str) -> str:
    """`text` with typed placeholders for its values; a masked text comes back as it is.

    >>> mask("Accepted password for root from 10.0.0.7 port 22 after 13ms")
    'Accepted password for root from <IP> port <NUM> after <DUR>'
    """
    while True:
        masked = _MASKS["://" in text, "@" in text].sub(_placeholder, text)
        if masked == text or not _TOUCHES.search(masked):
            return masked
        text = masked  # ends: every turn leaves fewer characters that are not yet masked
