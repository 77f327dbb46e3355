"""The query that Explore asks: what was typed, narrowed by the service and severities that were picked."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass

from ui.dashboard.markup import Html, tag
from ui.dashboard.vocabulary import WORDS

_QUIET = r"(?:\s|\#[^\n]*\n|//[^\n]*\n)*"
_FUNCTION = "|".join(re.escape(word.name) for word in WORDS["functions"])
_LOGQL = re.compile(
    rf"""{_QUIET}(?:[(+-]{_QUIET})*(?:
        \{{                                                  # a selector
      | (?:{_FUNCTION}){_QUIET}(?:\(|by\b|without\b)         # a function of one
      | [0-9.]+\w*\s*(?:[-+*/%^<>]|[=!]=)[^\n{{]*\{{         # a number with one
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_STRING_OR_BRACE = re.compile(
    r'"(?:\\.|[^"\\\n])*"?|`[^`]*`?|\#[^\n]*|//[^\n]*|/\*.*?(?:\*/|$)|\{', re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Asked:
    """`text` goes to the server."""

    text: str
    inserted: tuple[tuple[int, int], ...] = ()
    """(where in `text`, how many characters) stand there that were not typed."""
    words: bool = False
    """Typed were words to look for."""

    def typed(self, at: int) -> int:
        """Where in what was typed a place in `text` lies.

        >>> asked("{} oops", 'app="api"').typed(12)
        3
        """
        before = 0
        for start, length in self.inserted:
            if at >= start:
                before += min(length, at - start)
        return at - before


def is_logql(typed: str) -> bool:
    """Whether it is meant as a query; anything else is words to look for.

    >>> [is_logql(t) for t in ('{a="b"}', "sum by (a) (", "Rate ({", "2 * ({", "(# all\\n{", "rate limit", "404", "")]
    [True, True, True, True, True, False, False, False]
    """
    return _LOGQL.match(typed) is not None


def matcher(label: str, value: str) -> str:
    """That a label has a value.

    >>> matcher("app", "api")
    'app="api"'
    """
    return f"{label}={quoted(value)}"


def asked(typed: str, of_service: str = "", severities: Collection[str] = ()) -> Asked:
    """LogQL of what was typed: every selector in it narrowed, by a matcher of the service and by severities.

    Words are looked for in all lines; nothing is every line.

    >>> asked('rate({a="{"}[1m]) / rate({}[1m])', 'app="api"', ["error", "warn"]).text
    'rate({app="api", level=~"error|warn", a="{"}[1m]) / rate({app="api", level=~"error|warn"}[1m])'
    >>> asked("timed out").text, asked("").text
    ('{} |= "timed out"', '')
    """
    of_level = f"level=~{quoted('|'.join(sorted(severities)))}" if severities else ""
    inner = ", ".join(filter(None, (of_service, of_level)))
    if not typed.strip():
        return Asked("{" + inner + "}" if inner else "")
    if not is_logql(typed):
        return Asked("{" + inner + "} |= " + quoted(typed.strip()), words=True)
    return _narrowed(typed, inner) if inner else Asked(typed)


def narrowed(typed: str, name: str, value: str) -> str:
    """The query with one more label matcher; the same one twice is one.

    >>> narrowed('{a="b"} |= "x"', "host", "db-1"), narrowed("", "host", "db-1"), narrowed("oops", "a", "b")
    ('{host="db-1", a="b"} |= "x"', '{host="db-1"}', '{a="b"} |= "oops"')
    """
    wanted = matcher(name, value)
    if wanted in typed:
        return typed
    if not typed.strip():
        return "{" + wanted + "}"
    if not is_logql(typed):
        return "{" + wanted + "} |= " + quoted(typed.strip())
    return _narrowed(typed, wanted).text


def filtered(typed: str, name: str, value: str) -> str:
    """The query with one more label filter at its end; the same one twice is one.

    >>> filtered('{a="b"} | json', "status", "500"), filtered("oops", "trace", "b7")
    ('{a="b"} | json | status="500"', '{} |= "oops" | trace="b7"')
    """
    added = f"| {matcher(name, value)}"
    if added in typed:
        return typed
    base = typed.rstrip() if is_logql(typed) else asked(typed).text or "{}"
    # A comment would swallow what follows it.
    return f"{base}\n{added}" if "#" in base or "//" in base else f"{base} {added}"


def quoted(text: str) -> str:
    """A LogQL string.

    >>> quoted('say "hi"')
    '"say \\\\"hi\\\\""'
    """
    return json.dumps(text, ensure_ascii=False)


def _narrowed(typed: str, inner: str) -> Asked:
    """With matchers put into each selector."""
    text, inserted, done = "", [], 0
    for found in _STRING_OR_BRACE.finditer(typed):
        if found[0] != "{":
            continue
        text += typed[done : found.end()]
        done = found.end()
        added = inner if typed[done:].lstrip().startswith("}") else f"{inner}, "
        inserted.append((len(text), len(added)))
        text += added
    return Asked(text + typed[done:], tuple(inserted))


def refused(message: str, hint: str = "") -> Html:
    """A query that is one and yet cannot be answered: what is wrong, and what to do about it."""
    return tag("div", tag("p", message), tag("p", hint) if hint else None, cls="dw-mistake")
