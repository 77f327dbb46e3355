"""Typed masks: what is a value whatever the log says (a number, an address, a time) becomes `<NUM>`, `<IP>`, `<TIME>`.

One combined expression, tried left to right; at a place the first kind that fits wins. Look-arounds and not `\\b` hold
the kinds to whole words, so nothing fires inside an identifier (`sha1sum`, `eth0`, `ipv4` stay as they are). Classes
are ASCII, so that RE2 (see `parsing.shapes`) and `re` agree on what a word is.
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
_IPV4 = rf"(?:{_OCTET}\.){{3}}{_OCTET}"
_DECIMAL = r"\d+(?:\.\d+)?"
_SIGN_BEFORE = r"(?:(?<=[\s=:(\[{,|\"'])|\A)"

# Kinds of whole words, in the order of trial, by what the word starts with. `BEFORE` and `AFTER` guard them.
BEFORE = "(?<![A-Za-z0-9_])"
AFTER = "(?![A-Za-z0-9_])"
_AFTER_DIGIT = (
    (
        "TIME",
        rf"\d{{4}}(?:-\d{{1,2}}-|/\d{{1,2}}/|\.\d{{1,2}}\.)\d{{1,2}}(?:{_AT_CLOCK})?{_ZONE}?"
        rf"|\d{{1,2}}[/.-](?:\d{{1,2}}|{_MONTH})[/.-]\d{{2,4}}[T:\s]{_CLOCK}{_ZONE}?"
        rf"|\d{{1,2}}[/-]\d{{1,2}}\s{_CLOCK}"
        rf"|\d{{1,2}}\s{_MONTH}\s\d{{4}}\s{_CLOCK}{_ZONE}?"
        rf"|{_CLOCK}{_ZONE}?",
    ),
    ("IP", rf"{_IPV4}(?::\d{{1,5}})?"),
    ("DUR", rf"(?:{_DECIMAL}(?:ns|us|µs|ms|s|secs?|m|mins?|h|d))+"),
    ("SIZE", rf"{_DECIMAL}(?:(?:[KMGTP]i?)?[Bb](?:/s|ps)?|[KMGTP]i?)"),
    ("HEX", rf"0[xX]{_H}+"),
)
_AFTER_HEX = (
    ("UUID", rf"{_H}{{8}}(?:-{_H}{{4}}){{3}}-{_H}{{12}}"),
    ("MAC", rf"{_H}{{2}}(?:(?::{_H}{{2}}){{5}}|(?:-{_H}{{2}}){{5}})"),
    (
        "IP",
        rf"(?:{_H}{{1,4}}:){{7}}{_H}{{1,4}}"
        rf"|(?:{_H}{{1,4}}:){{1,6}}:(?:{_H}{{1,4}}(?::{_H}{{1,4}}){{0,5}})?",
    ),
    (
        "HEX",
        rf"(?:{_H}{{1,12}}(?:-|::?)){{3,7}}{_H}{{1,12}}"
        rf"|(?=[0-9]*[A-Fa-f])(?=[A-Fa-f]*[0-9]){_H}{{6,}}",
    ),
)
_AFTER_LETTER = (
    (
        "TIME",
        rf"(?:{_DAY},?\s)?{_MONTH}\s{{1,2}}\d{{1,2}},?(?:\s\d{{4}})?\s{_CLOCK}{_ZONE}?(?:\s\d{{4}})?"
        rf"|{_DAY},?\s\d{{1,2}}\s{_MONTH}\s\d{{4}}\s{_CLOCK}{_ZONE}?",
    ),
    ("BOOL", "true|false|True|False|TRUE|FALSE"),
    ("ID", r"[A-Za-z]+\d+[A-Za-z]+\d[A-Za-z0-9]*"),
)
_URL = r"[A-Za-z][A-Za-z0-9+.-]{1,15}://[^\s\"'<>\\^`{|}()\[\],;]+"
_EMAIL = r"[A-Za-z0-9_.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"
_HOST = r"[A-Za-z](?:[A-Za-z0-9-]{0,62}\.){1,8}[A-Za-z0-9-]{1,63}:\d{2,5}"
_PATH = (
    r"(?<![A-Za-z0-9_/.\\:>~-])(?=[/\\.~]|[A-Za-z]:\\)(?:~|\.\.?|[A-Za-z]:)?"
    r"(?:[/\\][^\s/\\\"'<>|:;,=()\[\]{}]+){2,}[/\\]?"
)
_LOOSE = (
    ("PCT", rf"(?<![A-Za-z0-9_.]){_DECIMAL}%"),
    (
        "NUM",
        rf"{_SIGN_BEFORE}[+-]{_DECIMAL}(?:[eE][+-]?\d+)?{AFTER}"
        rf"|{BEFORE}{_DECIMAL}(?:[eE][+-]?\d{{1,3}}{AFTER})?"
        r"|(?<=_)\d+|\d{4,}",
    ),
)

_ALL = (
    *_AFTER_DIGIT,
    *_AFTER_HEX,
    *_AFTER_LETTER,
    *_LOOSE,
    *(("URL", _URL), ("EMAIL", _EMAIL), ("HOST", _HOST), ("PATH", _PATH)),
)
KINDS = (
    *("URL", "EMAIL", "UUID", "TIME", "MAC", "IP", "HOST", "HEX", "PATH"),
    *("DUR", "SIZE", "PCT", "BOOL", "ID", "NUM"),
)
PLACEHOLDER = re.compile(rf"<(?:\*|{'|'.join(KINDS)})>")


def _words(kinds: tuple[tuple[str, str], ...], suffix: str) -> str:
    return "|".join(f"(?P<{kind}_{suffix}>{pattern})" for kind, pattern in kinds)


def _combined(scheme: bool, at: bool) -> re.Pattern[str]:
    """The kinds that start with a free run of letters cost most and need `://` or `@`: left out where there is none."""
    named = ([("URL", _URL)] if scheme else []) + ([("EMAIL", _EMAIL)] if at else [])
    letters = (*named, *_AFTER_LETTER, ("HOST", _HOST))
    return re.compile(
        rf"(?P<keep>{PLACEHOLDER.pattern})|{BEFORE}(?:"
        + (rf"(?:{_words(tuple(named[1:]), 'd')}){AFTER}|" if at and scheme else "")
        + rf"(?=\d)(?:{_words(_AFTER_DIGIT, 'd')}){AFTER}"
        rf"|(?={_H})(?:{_words(_AFTER_HEX, 'h')}){AFTER}"
        rf"|(?=[A-Za-z])(?:{_words(letters, 'l')}){AFTER})"
        rf"|(?P<PATH_p>{_PATH})|{_words(_LOOSE, 'n')}",
        re.ASCII,
    )


_MASKS = {(scheme, at): _combined(scheme, at) for scheme in (False, True) for at in (False, True)}
# Kind -> its expression alone, for finding the value again in a line.
SINGLE = {
    kind: re.compile("|".join(pattern for name, pattern in _ALL if name == kind), re.ASCII)
    for kind in KINDS
}
# Where a placeholder touches a word, what was hidden by the value's edge may now be found.
_TOUCHES = re.compile(rf"{PLACEHOLDER.pattern}[A-Za-z0-9_]|[A-Za-z0-9_]{PLACEHOLDER.pattern}")


def _placeholder(match: re.Match[str]) -> str:
    kind = match.lastgroup or ""
    return match.group() if kind == "keep" else f"<{kind[:-2]}>"


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
