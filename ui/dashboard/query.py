"""The query that Explore asks: what was typed, narrowed by the service and severities that were picked."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass

from ui.dashboard.markup import Html, join, tag

_LEADING = re.compile(r"\s*\{\s*")


@dataclass(frozen=True, slots=True)
class Asked:
    """`text` goes to the server; `shift` is by how much a place in it lies behind its place in what was typed."""

    text: str
    shift: int = 0


def asked(typed: str, service: str = "", severities: Collection[str] = ()) -> Asked:
    """LogQL of what was typed. What does not open with a brace is words to look for; nothing is every line.

    >>> asked('{a="b"} |= "x"', "api", ["error", "warn"]).text
    '{service_name="api", level=~"error|warn", a="b"} |= "x"'
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
    brace = _LEADING.match(typed)
    if not brace:
        return Asked("{" + inner + "} |= " + quoted(typed.strip()))
    if not inner:
        return Asked(typed)
    rest = typed[brace.end() :]
    head = "{" + inner + ("" if rest.startswith("}") else ", ")
    return Asked(head + rest, len(head) - brace.end())


def quoted(text: str) -> str:
    """A LogQL string.

    >>> quoted('say "hi"')
    '"say \\\\"hi\\\\""'
    """
    return json.dumps(text, ensure_ascii=False)


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
    if not (brace := _LEADING.match(typed)):
        return "{" + matcher + "} |= " + quoted(typed.strip())
    rest = typed[brace.end() :]
    return "{" + matcher + ("" if rest.startswith("}") else ", ") + rest


def underlined(typed: str, message: str, at: int | None) -> Html:
    """The query with the place of its mistake underlined, and what to do about it.

    >>> underlined("{a}", "a matcher needs =", 2)
    '<div class="dw-mistake"><pre>{a<u>}</u></pre><p>a matcher needs =</p></div>'
    """
    if at is None or not typed:
        return tag("div", tag("p", message), cls="dw-mistake")
    at = min(max(at, 0), len(typed))
    word = re.match(r"\w+|.|$", typed[at:], re.DOTALL)
    end = at + max(word.end() if word else 1, 1)
    marked = join(typed[:at], tag("u", typed[at:end] or " "), typed[end:])
    return tag("div", tag("pre", marked), tag("p", message), cls="dw-mistake")
