"""The labels of a pushed stream: read as Loki reads them, checked against its limits, and refused in its words.

They stay exactly as they came. What they say of service and severity goes into columns only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from driftwood.config import Push
from driftwood.labels import SERVICE_LABELS, label_key
from driftwood.logql.gotext import quote, unquote
from ingest.severity import UNKNOWN, of_number, of_value

LEVEL_KEYS: Final = (
    "level",
    "severity",
    "detected_level",
    "severity_text",
    "lvl",
    "loglevel",
    "log_level",
    "severity_number",
)
"""Labels and metadata that tell a severity, the most trusted first."""

_REMEMBERED_CHARS: Final = 8 * 1024 * 1024

_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_PAIR: Final = re.compile(
    r"""\s*(?P<name>[a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*
        (?P<value>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)\s*(?P<end>[,}])""",
    re.VERBOSE,
)
_END: Final = re.compile(r"\s*\}\s*$")
_ALLOWED: Final = re.compile(r"""(?:[a-zA-Z_][a-zA-Z0-9_]*|[\s,=!}]|"(?:[^"\\\n]|\\.)*")*""")


class Stream(NamedTuple):
    """Labels that were accepted."""

    key: str
    """Their canonical JSON (`driftwood.labels.label_key`)."""
    service: str
    severity: int


class BadLabels(ValueError):
    """What Loki says about labels that it does not take."""


class PushLabels:
    """Reads and checks labels, each distinct set once. Any thread may ask."""

    def __init__(self, limits: Push) -> None:
        self._limits = limits
        self._known: dict[str, Stream | BadLabels] = {}
        self._chars = 0

    def of_text(self, text: str) -> Stream:
        """`{app="api", env="prod"}`. Raises BadLabels."""
        known = self._known.get(text)
        if known is None:
            known = self._remember(text, lambda: self._checked(_parsed(text), text))
        if isinstance(known, BadLabels):
            raise known
        return known

    def of_map(self, labels: Mapping[str, str]) -> Stream:
        """Likewise for names and values. Raises BadLabels."""
        key = label_key(labels)
        known = self._known.get(key)
        if known is None:
            known = self._remember(key, lambda: self._of_new(labels))
        if isinstance(known, BadLabels):
            raise known
        return known

    def _remember(self, given: str, read: Callable[[], Stream]) -> Stream | BadLabels:
        outcome: Stream | BadLabels
        try:
            outcome = read()
        except BadLabels as error:
            outcome = error
        self._chars += len(given)
        if self._chars > _REMEMBERED_CHARS:
            self._known.clear()
            self._chars = len(given)
        self._known[given] = outcome
        return outcome

    def _of_new(self, labels: Mapping[str, str]) -> Stream:
        text = text_of(labels)
        for name in labels:
            if not _NAME.fullmatch(name):
                raise BadLabels(_unparsable(text))
        return self._checked(labels, text)

    def _checked(self, given: Mapping[str, str], text: str) -> Stream:
        limits = self._limits
        labels = {name: value for name, value in given.items() if value}  # empty is absent
        if not labels:
            raise BadLabels("error at least one label pair is required per stream")
        count = len(labels) - ("service_name" in labels)
        if count > limits.max_label_names:
            raise BadLabels(
                f"entry for stream '{text}' has {count} label names; limit {limits.max_label_names}"
            )
        for name, value in labels.items():
            if len(name.encode()) > limits.max_label_name_bytes:
                raise BadLabels(f"stream '{text}' has label name too long: '{name}'")
            if len(value.encode()) > limits.max_label_value_bytes:
                raise BadLabels(f"stream '{text}' has label value too long: '{value}'")
        service = next((labels[name] for name in SERVICE_LABELS if name in labels), "")
        return Stream(label_key(labels), service, severity_of(labels))


def severity_of(pairs: Mapping[str, str]) -> int:
    """What labels or metadata say about the severity, 0 when they say nothing.

    >>> severity_of({"level": "warn"}), severity_of({"severity_number": "17"}), severity_of({"app": "error"})
    (13, 17, 0)
    """
    for name in LEVEL_KEYS:
        if name in pairs and (severity := severity_of_value(name, pairs[name])):
            return severity
    return UNKNOWN


def severity_of_value(name: str, value: str) -> int:
    if name == "severity_number":
        return of_number(int(value)) if value.isascii() and value.isdigit() else UNKNOWN
    return of_value(value)


def text_of(labels: Mapping[str, str]) -> str:
    """Labels as Loki writes them.

    >>> print(text_of({"b": 'x"y', "a": "1"}))
    {a="1", b="x\\"y"}
    """
    return "{" + ", ".join(f"{name}={quote(labels[name])}" for name in sorted(labels)) + "}"


def _parsed(text: str) -> dict[str, str]:
    labels: dict[str, str] = {}
    start = re.match(r"\s*\{", text)
    at = start.end() if start else 0
    while not _END.match(text, at):
        pair = _PAIR.match(text, at)
        if start is None or pair is None:
            raise BadLabels(_unparsable(text))
        name = pair["name"]
        if name in labels:
            raise BadLabels(f"stream '{text}' has duplicate label name: '{name}'")
        try:
            labels[name] = _unquoted(pair["value"]).encode(errors="backslashreplace").decode()
        except ValueError:
            raise BadLabels(_unparsable(text)) from None
        at = pair.end() if pair["end"] == "," else pair.end() - 1
    return labels


def _unquoted(token: str) -> str:
    """Single quotes hold a whole text here, as PromQL has it."""
    if token[0] == "'":
        token = '"' + token[1:-1].replace("\\'", "'").replace('"', '\\"') + '"'
    return unquote(token)


def _unparsable(text: str) -> str:
    allowed = _ALLOWED.match(text, 1)
    at = allowed.end() if allowed else 0
    if not text.startswith("{"):
        why = "1:1: parse error: unexpected character: " + repr(text[:1])
    elif at < len(text):
        why = f"1:{len(text[:at].encode()) + 1}: parse error: unexpected character inside braces: {text[at]!r}"
    else:
        why = 'parse error: labels are written {name="value", ...}, and a name is [a-zA-Z_][a-zA-Z0-9_]*'
    return f"Error parsing labels '{text}' with error: {why}"
