"""Credentials out of the text, before anything is stored.

By default only what is unmistakable: tokens with a prefix of their own (AWS, GitHub, Slack, ...), private keys, JWTs,
`Authorization` headers, passwords in URLs, and the values of keys that name a secret (`password=`, `"api_key":`).
Prose is left alone: "Failed password for root" holds no password. What is found becomes `<redacted:kind>`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from driftwood.config import Redaction
from driftwood.errors import ConfigError

# kind -> (what any of them holds, what it looks like). A search for a literal is fifty times as fast as a pattern.
_TOKENS: Final = {
    "aws_key": ("AKIA ASIA", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "github_token": (
        "gh github_pat_",
        r"\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{22,}",
    ),
    "gitlab_token": ("glpat-", r"\bglpat-[A-Za-z0-9_-]{20,}"),
    "slack_token": ("xox", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    "slack_webhook": ("hooks.slack.com", r"hooks\.slack\.com/services/[A-Za-z0-9/]{20,}"),
    "stripe_key": ("k_live_", r"\b[rs]k_live_[0-9A-Za-z]{16,}"),
    "google_key": ("AIza", r"\bAIza[0-9A-Za-z_-]{35}"),
    "jwt": ("eyJ", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"),
    "private_key": (
        "PRIVATE",
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    ),
}
_PATTERNS: Final = {
    kind: (hints.split(), re.compile(pattern)) for kind, (hints, pattern) in _TOKENS.items()
}
_ENTROPY: Final = r"[A-Za-z0-9+/_=-]{20,}"
_CARD: Final = r"\b[3-6][0-9]{3}(?:[ -]?[0-9]){9,12}\b"
_LEAST_ENTROPY: Final = 4.0
"""Bits per character; English words and paths lie below 3.8, random base64 of 24 characters and more above 4.1."""

_NAMES: Final = (
    r"passw(?:or)?d|passphrase|pwd|secret|token|credential"
    r"|api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key|encryption[_-]?key"
)
_QUOTE: Final = r"\\?[\"']"
_ASSIGN: Final = rf"(?:{_QUOTE}\s*[:=]\s*| = |=)"

# One pass of RE2 over a whole batch finds the few texts worth a look: too many rather than too few. It is compiled
# for every batch, so it is kept small: no counted repeats, no classes where a prefix tells enough.
_SUSPECT: Final = "|".join(
    (
        r"AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|hooks\.slack\.com",
        r"k_live_|AIza|eyJ[^.]+\.eyJ|PRIVATE KEY",
        r"://[^\s/@:]*:[^\s/@]+@",
        r"(?i:bearer\s|authorization\W)",
        r"(?i:passw|passphrase|pwd|secret|key|token|credential)[a-z]*(?:\\?[\"']\s*[:=]| = |=)",
    )
)

_AUTHORIZATION: Final = re.compile(
    r"""(\bauthorization\\?["']?\s?[:=]\s?\\?["']?(?:[a-z-]{3,20}\s+)?|\bbearer\s+)([A-Za-z0-9._~+/=-]{8,})""",
    re.I,
)
_URL: Final = re.compile(r"(://[^\s/:@<]{0,255}:)(?!<redacted:)([^\s/@]{1,255})(?=@)")
_ASSIGNED: Final = re.compile(
    # The look-ahead says nothing new: it passes over most places faster than the names do.
    rf"""(?=[acepst])({_NAMES})({_ASSIGN})(\\"[^"]*\\"|"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,;&"']+)""",
    re.I,
)
_HARMLESS: Final = re.compile(
    r"(?:<redacted:|\$\{|\*+$|<\w*>$|\[\w*\]$|%\w$|\{\w*\}$|(?:null|none|nil|true|false|undefined|yes|no)$)",
    re.I,
)
_LOOKS_SECRET: Final = re.compile(
    r"(?=[A-Za-z0-9._~+/=-]*[0-9])[A-Za-z0-9._~+/=-]{8,}$|[A-Za-z0-9._~+/=-]{24,}$"
)
_SECRET_NAME: Final = re.compile(rf"(?:{_NAMES}|authorization)$", re.I)


class Redactor:
    """Replaces credentials; a text without any comes back as it is. Pure: the same text always gives the same one."""

    def __init__(self, settings: Redaction) -> None:
        """Raises ConfigError for a pattern of `extra` that is no regular expression."""
        suspect = [_SUSPECT] if settings.enabled else []
        self._enabled = settings.enabled
        self._entropy = re.compile(_ENTROPY) if settings.entropy and settings.enabled else None
        self._card = re.compile(_CARD) if settings.card_numbers and settings.enabled else None
        if self._entropy:
            suspect.append(_ENTROPY)
        if self._card:
            suspect.append(_CARD)
        for pattern in settings.extra if settings.enabled else ():
            _check(pattern)
            suspect.append(f"(?:{pattern})")
        self._suspect = "|".join(suspect)
        self._extra = [re.compile(pattern) for pattern in settings.extra]

    def array(self, texts: pa.StringArray) -> pa.StringArray:
        """`texts` with credentials replaced; the same array when there are none."""
        rows = self._suspects(texts)
        if not rows:
            return texts
        changed = texts.to_pylist()
        for row in rows:
            changed[row] = self._clean(changed[row] or "")
        return pa.array(changed, pa.string())

    def apply(self, texts: Sequence[str]) -> list[str]:
        """Likewise for a list of texts that UTF-8 can write."""
        clean = list(texts)
        for row in self._suspects(pa.array(clean, pa.string())):
            clean[row] = self._clean(clean[row])
        return clean

    def values(self, keys: Sequence[str], values: Sequence[str]) -> list[str]:
        """Metadata: as `apply`, but a value whose key names a secret is replaced as a whole."""
        if not self._enabled:
            return list(values)
        # Metadata repeats itself from record to record: look once at each distinct key and value.
        secret = {key: name[0] for key in dict.fromkeys(keys) if (name := _SECRET_NAME.search(key))}
        distinct = list(dict.fromkeys(values))
        clean = dict(zip(distinct, self.apply(distinct), strict=True))
        if not secret:
            return [clean[value] for value in values]
        return [
            f"<redacted:{_kind(secret[key])}>"
            if key in secret and not _harmless(secret[key], value)
            else clean[value]
            for key, value in zip(keys, values, strict=True)
        ]

    def raw(self, message: bytes) -> bytes:
        """Bytes of any kind: what lies between the credentials stays as it is, byte for byte."""
        return (
            self._clean(message.decode("latin-1")).encode("latin-1") if self._enabled else message
        )

    def _suspects(self, texts: pa.StringArray) -> list[int]:
        if not self._suspect or not len(texts):
            return []
        hit = pc.match_substring_regex(texts, self._suspect)
        return [row for row in pc.indices_nonzero(hit).to_pylist() if row is not None]

    def _clean(self, text: str) -> str:
        for kind, (hints, pattern) in _PATTERNS.items():
            if any(hint in text for hint in hints):
                text = pattern.sub(f"<redacted:{kind}>", text)
        text = _URL.sub(r"\1<redacted:password>", text)
        lower = text.lower()
        if "authorization" in lower or "bearer" in lower:
            text = _AUTHORIZATION.sub(r"\1<redacted:authorization>", text)
        text = _ASSIGNED.sub(_assigned, text)
        for pattern in self._extra:
            text = pattern.sub("<redacted:extra>", text)
        if self._card:
            text = self._card.sub(lambda m: "<redacted:card>" if _luhn(m[0]) else m[0], text)
        if self._entropy:
            text = self._entropy.sub(
                lambda m: "<redacted:entropy>" if _random(m[0]) else m[0], text
            )
        return text


def _check(pattern: str) -> None:
    try:
        re.compile(pattern)
        pc.match_substring_regex(pa.array([""]), pattern)
    except (re.error, pa.ArrowInvalid) as error:
        raise ConfigError(
            f"[redaction] extra: {pattern!r} is not a regular expression that RE2 can run: {error}; "
            "look-around and back-references are not supported"
        ) from error


def _assigned(m: re.Match[str]) -> str:
    name, assign, value = m.groups()
    quote = re.match(_QUOTE, value)
    opened = quote[0] if quote else ""
    bare = value.removeprefix(opened)
    closed = opened if opened and bare.endswith(opened) else ""
    if closed:
        bare = bare.removesuffix(closed)
    elif not opened:
        stripped = bare.rstrip(")}].")
        bare, closed = stripped, bare[len(stripped) :]
    if _harmless(name, bare):
        return m[0]
    return f"{name}{assign}{opened}<redacted:{_kind(name)}>{closed}"


def _kind(name: str) -> str:
    """
    >>> _kind("API-Key"), _kind("passwd")
    ('api_key', 'password')
    """
    plain = name.lower().replace("-", "_")
    return "password" if plain.startswith(("pass", "pwd")) else plain.replace("apikey", "api_key")


def _harmless(name: str, value: str) -> bool:
    """No secret after all: empty, a placeholder, a folder after PWD=, or a word after `token=` as in running text."""
    if not value or _HARMLESS.match(value):
        return True
    name = name.lower()
    if name == "pwd":
        return value[0] in "/~." or value[1:2] == ":"
    return name in {"token", "secret", "credential"} and not _LOOKS_SECRET.match(value)


def _luhn(digits: str) -> bool:
    """
    >>> _luhn("4111 1111 1111 1111"), _luhn("4111 1111 1111 1112")
    (True, False)
    """
    numbers = [int(c) for c in reversed(digits) if c.isdigit()]
    return sum(sum(divmod(n * 2, 10)) if i % 2 else n for i, n in enumerate(numbers)) % 10 == 0


def _random(word: str) -> bool:
    bits = -sum(n / len(word) * math.log2(n / len(word)) for n in Counter(word).values())
    return (
        bits >= _LEAST_ENTROPY and any(c.isdigit() for c in word) and any(c.isalpha() for c in word)
    )
