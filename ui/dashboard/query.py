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

        >>> asked("{} oops", "api").typed(21)
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


def asked(typed: str, service: str = "", severities: Collection[str] = ()) -> Asked:
    """LogQL of what was typed: every selector in it narrowed. Words are looked for in all lines; nothing is every line.

    >>> asked('rate({a="{"}[1m]) / rate({}[1m])', "api", ["error", "warn"]).text
    'rate({service_name="api", level=~"error|warn", a="{"}[1m]) / rate({service_name="api", level=~"error|warn"}[1m])'
    >>> asked("timed out").text, asked("").text
    ('{} |= "timed out"', '')
    """
    matchers = []
    if service:
        matchers.append(f"service_name={quoted(service)}")
    if severities:
        matchers.append(f"level=~{quoted('|'.join(sorted(severities)))}")
    inner = ", ".join(matchers)
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
    matcher = f"{name}={quoted(value)}"
    if matcher in typed:
        return typed
    if not typed.strip():
        return "{" + matcher + "}"
    if not is_logql(typed):
        return "{" + matcher + "} |= " + quoted(typed.strip())
    return _narrowed(typed, matcher).text


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
