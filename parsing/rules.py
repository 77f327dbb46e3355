"""What users decided about templates, as pure functions that a parser asks: protect, mask, keep apart, rename.

A rule is checked when it is made (`checked`), so that what is stored always works. Expressions are RE2's, whose time
is linear in the line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc

from driftwood.errors import ConfigError
from parsing.masks import PLACEHOLDER

Kind = Literal["protect", "mask", "apart", "rename"]
KINDS: tuple[Kind, ...] = get_args(Kind)

MAX_RULES = 500
MAX_PATTERN = 500
MAX_NAME = 120
_PARAMETER = re.compile(r"[A-Z][A-Z_]{0,31}")
# A protected token travels through masks and miner as letters of a private plane of Unicode, one a byte: no mask knows
# them, and the miner takes them for delimiters, which never vary within a template.
_HIDDEN = 0xF0000
HIDDEN = re.compile("[\U000f0000-\U000f00ff]+")
_WORDS = re.compile(r"[^\s=:,;|()\[\]{}\"'<>]+")


@dataclass(frozen=True, slots=True)
class Rule:
    """`pattern`: the token to protect, the expression to mask, or the token that keeps two templates apart.
    `name`: of the parameter, or of the template.
    """

    kind: Kind
    pattern: str = ""
    name: str = ""
    templates: tuple[int, ...] = ()
    """Two to keep apart, one to rename."""

    @property
    def id(self) -> str:
        """Follows from what the rule is about, so that saying it again replaces it."""
        pattern = "" if self.kind == "apart" else self.pattern
        about = (self.kind, pattern, *map(str, sorted(self.templates)))
        return blake2b("\0".join(about).encode(), digest_size=8).hexdigest()


def checked(rule: Rule) -> Rule:
    """The rule, tidied. Raises ConfigError that says what is wrong and what would be right."""
    needed = {"apart": 2, "rename": 1}.get(rule.kind, 0)
    if len(set(rule.templates)) != needed or len(rule.templates) != needed:
        raise ConfigError(f"a rule to {rule.kind} names {needed or 'no'} template(s) by id")
    if rule.kind == "rename":
        if rule.pattern:
            raise ConfigError("a rule to rename has no pattern; it is about a template")
    else:
        _checked_pattern(rule)
    if rule.kind == "mask":
        name = rule.name.strip("<>:").upper()
        if not _PARAMETER.fullmatch(name):
            raise ConfigError(
                f"{rule.name!r} cannot name a parameter: up to 32 letters and _, a letter first, as in ORDER_ID"
            )
        return Rule("mask", rule.pattern, name)
    name = " ".join(rule.name.split())
    if rule.kind == "rename" and not (0 < len(name) <= MAX_NAME and name.isprintable()):
        raise ConfigError(f"a template's name has 1 to {MAX_NAME} printable characters")
    if rule.kind != "rename" and name:
        raise ConfigError(f"a rule to {rule.kind} has no name")
    return Rule(rule.kind, rule.pattern, name, tuple(sorted(rule.templates)))


def _checked_pattern(rule: Rule) -> None:
    if not 0 < len(rule.pattern) <= MAX_PATTERN:
        raise ConfigError(f"the pattern of a rule has 1 to {MAX_PATTERN} characters")
    if rule.kind != "mask":
        if any(c.isspace() for c in rule.pattern):
            raise ConfigError(f"{rule.pattern!r} is more than one token: protect them one by one")
        return
    try:
        empty = pc.match_substring_regex(pa.array([""]), rule.pattern)[0].as_py()
    except (pa.ArrowInvalid, UnicodeEncodeError) as error:
        raise ConfigError(f"{rule.pattern!r} is no expression of RE2: {error}") from error
    if empty:
        raise ConfigError(
            f"{rule.pattern!r} also matches nothing at all: ask for one character at least"
        )


class Rules:
    """All rules in force. Pure: the same line is masked in the same way as long as the rules are the same."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self.all = tuple(rules)
        tokens = {r.pattern for r in rules if r.kind in ("protect", "apart")}
        self._protected = tuple(sorted(tokens, key=lambda token: (-len(token), token)))
        self._masks = tuple((r.pattern, f"<:{r.name}:>") for r in rules if r.kind == "mask")
        self._apart = frozenset(r.templates for r in rules if r.kind == "apart")
        self._names = {r.templates[0]: r.name for r in rules if r.kind == "rename"}

    @property
    def revision(self) -> str:
        """Changes with what decides how lines are parsed; a new name of a template changes nothing."""
        deciding = sorted(
            (r.kind, r.pattern, r.name, r.templates) for r in self.all if r.kind != "rename"
        )
        return blake2b(repr(deciding).encode(), digest_size=8).hexdigest() if deciding else ""

    def protect(self, token: str) -> bool:
        """Whether this token never becomes a parameter."""
        return token in self._protected

    def prepared(self, lines: pa.StringArray) -> pa.StringArray:
        """The lines as masks and miner shall see them: protected tokens hidden, then the users' masks applied."""
        for token in self._protected:
            lines = pc.replace_substring_regex(lines, _whole(token), hidden(token))
        for pattern, placeholder in self._masks:
            lines = pc.replace_substring_regex(lines, pattern, placeholder)
        return lines

    def mask(self, text: str) -> str:
        """`text` with `<:NAME:>` where a rule masks it, the oldest rule first.

        >>> Rules([Rule("mask", "ord-[a-z]+", "ORDER")]).mask("paid ord-xy")
        'paid <:ORDER:>'
        """
        return shown(str(self.prepared(pa.array([text]))[0].as_py()))

    def apart(self, a: int, b: int) -> bool:
        """Whether these two templates never become one."""
        return (min(a, b), max(a, b)) in self._apart

    def name(self, template: int) -> str:
        """That a user gave it, or ""."""
        return self._names.get(template, "")


def hidden(token: str) -> str:
    """What stands for a protected token.

    >>> shown(hidden("8080")) == "8080", hidden("8080").isascii()
    (True, False)
    """
    return "".join(chr(_HIDDEN + byte) for byte in token.encode())


def shown(text: str) -> str:
    """`text` with its hidden tokens as they are, whatever the rules are by now."""
    return HIDDEN.sub(
        lambda run: bytes(ord(c) - _HIDDEN for c in run.group()).decode("utf-8", "replace"), text
    )


def _whole(token: str) -> str:
    """An expression of RE2 for the token as a whole word."""
    before = r"\b" if token[0].isascii() and (token[0].isalnum() or token[0] == "_") else ""
    after = r"\b" if token[-1].isascii() and (token[-1].isalnum() or token[-1] == "_") else ""
    quoted = "".join(
        c if c.isalnum() or ord(c) > 127 or c == "_" else f"\\x{{{ord(c):x}}}" for c in token
    )
    return before + quoted + after


def distinguishing(a: str, b: str) -> str | None:
    """A token that one template text has and the other has not: protecting it keeps them apart for good.

    >>> distinguishing("user bob left", "user <*> left"), distinguishing("a <NUM>", "a <IP>")
    ('bob', None)
    """
    words = [_WORDS.findall(PLACEHOLDER.sub(" ", text)) for text in (a, b)]
    for mine, others in (words, words[::-1]):
        for word in sorted(mine, key=len, reverse=True):
            if word not in others and len(word) <= MAX_PATTERN:
                return str(word)
    return None
