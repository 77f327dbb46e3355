"""Loki's functions on texts. `trunc` and the two that align count characters, `substr` bytes: it may cut one in two."""

from __future__ import annotations

from collections.abc import Callable

from driftwood.logql import re2
from driftwood.logql.gotemplate.encodings import b64dec, b64enc, urldecode, urlencode
from driftwood.logql.gotemplate.errors import LONGEST_TEXT, CallError, too_long
from driftwood.logql.gotemplate.signatures import Function, Param
from driftwood.logql.gotemplate.values import decoded, encoded, valid

_SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
"""What strings.TrimSpace takes off."""

# -- case


def _simple(full: Callable[[str], str], exceptions: dict[str, str]) -> Callable[[str], str]:
    """Go changes a character to one character: `ß` has no upper case of its own."""

    def change(text: str) -> str:
        if text.isascii():
            return full(text)
        return "".join(map(one, valid(text)))

    def one(char: str) -> str:
        if char in exceptions:
            return exceptions[char]
        changed = full(char)
        if len(changed) == 1:
            return changed
        title = char.title()  # the capital with an iota below stands as the title case
        return title if len(title) == 1 else char

    return change


upper = _simple(str.upper, {})
lower = _simple(str.lower, {"İ": "i"})
_titled = _simple(str.title, {})


def _separates(char: str) -> bool:
    """Whether a word may begin behind `char`."""
    if char.isascii():
        return not char.isalnum() and char != "_"
    return not char.isalpha() and not char.isdecimal() and char in _SPACES


def title(text: str) -> str:
    """Every word with a capital: strings.Title."""
    before = " "
    titled = []
    for char in valid(text):
        titled.append(_titled(char) if _separates(before) else char)
        before = char
    return "".join(titled)


# -- parts


def _by_bytes(text: str, cut: Callable[[bytes], bytes]) -> str:
    return decoded(cut(encoded(text)))


def trunc(count: int, text: str) -> str:
    """The first characters; with a negative count the last."""
    if count >= 0:
        return text if count >= len(text) else valid(text)[:count]
    return valid(text)[count:] if len(text) + count > 0 else text


def substr(start: int, end: int, text: str) -> str:
    """Bytes from `start` to `end`; without an end where that is negative or too far."""
    return _by_bytes(text, lambda raw: _sliced(raw, start, end))


def _sliced(raw: bytes, start: int, end: int) -> bytes:
    out_of_range = "runtime error: slice bounds out of range"
    if start < 0:
        if end < 0:
            raise CallError(f"{out_of_range} [:{end}]")
        if end > len(raw):
            raise CallError(f"{out_of_range} [:{end}] with length {len(raw)}")
        return raw[:end]
    if end < 0 or end > len(raw):
        end = len(raw)
    if start > end:
        raise CallError(f"{out_of_range} [{start}:{end}]")
    return raw[start:end]


def _clean(*texts: str) -> bool:
    """Whether all are UTF-8, so that characters may stand for bytes."""
    return all(text.isascii() or "\\udc" not in ascii(text) for text in texts)


def contains(part: str, text: str) -> bool:
    return part in text if _clean(part, text) else encoded(part) in encoded(text)


def has_prefix(prefix: str, text: str) -> bool:
    return encoded(text).startswith(encoded(prefix))


def has_suffix(suffix: str, text: str) -> bool:
    return encoded(text).endswith(encoded(suffix))


def trim_prefix(prefix: str, text: str) -> str:
    return _by_bytes(text, lambda raw: raw.removeprefix(encoded(prefix)))


def trim_suffix(suffix: str, text: str) -> str:
    return _by_bytes(text, lambda raw: raw.removesuffix(encoded(suffix)))


def _trim_space(text: str) -> str:
    return text.strip(_SPACES)


# -- replacing


def replace(old: str, new: str, text: str, count: int = -1) -> str:
    """strings.Replace; an empty `old` is found before every character and at the end."""
    found = text.count(old)
    if count >= 0:
        found = min(found, count)
    if len(text) + found * (len(new) - len(old)) > LONGEST_TEXT:
        raise too_long()
    if not old or _clean(old, text):
        return text.replace(old, new, count)
    return _by_bytes(text, lambda raw: raw.replace(encoded(old), encoded(new), count))


def _regex(pattern: str) -> re2.Regex:
    try:
        return re2.compile(pattern)
    except re2.RegexError as error:
        raise CallError(str(error)) from None


def regex_replace_all(pattern: str, text: str, template: str) -> str:
    """In `template`, $1, ${1}, $name and ${name} stand for groups."""
    regex = _regex(pattern)
    _check_growth(regex, text, template, literal=False)
    return regex.replace_all(text, template)


def regex_replace_all_literal(pattern: str, text: str, replacement: str) -> str:
    regex = _regex(pattern)
    _check_growth(regex, text, replacement, literal=True)
    return regex.replace_all_literal(text, replacement)


def _check_growth(regex: re2.Regex, text: str, template: str, literal: bool) -> None:
    """Before anything is built; the matches are looked at one by one only where there might be too much."""
    most = (len(text) + 1) * (len(template) + 1) + len(text) * template.count("$")
    if most <= LONGEST_TEXT:
        return
    room = LONGEST_TEXT - len(text)
    for match in regex.finditer(text):
        room += len(match.group() or "")
        room -= len(template if literal else match.expand(template))
        if room < 0:
            raise too_long()


def count(pattern: str, text: str) -> int:
    return sum(1 for _ in _regex(pattern).finditer(text))


# -- layout


def repeat(times: int, text: str) -> str:
    if times < 0:
        raise CallError("strings: negative Repeat count")
    if times * len(text) > LONGEST_TEXT:
        raise too_long()
    return text * times


def indent(spaces: int, text: str) -> str:
    padding = repeat(spaces, " ")
    return padding + replace("\n", "\n" + padding, text)


def nindent(spaces: int, text: str) -> str:
    return "\n" + indent(spaces, text)


def _aligned(width: int, text: str, left: bool) -> str:
    """Just `width` characters; one that is too long loses them on the other side. A negative width does nothing."""
    if width < 0 or width == len(text):
        return text
    if width > LONGEST_TEXT:
        raise too_long()
    if width > len(text):
        return text.ljust(width) if left else text.rjust(width)
    text = valid(text)
    return text[:width] if left else text[len(text) - width :]


def align_left(width: int, text: str) -> str:
    return _aligned(width, text, left=True)


def align_right(width: int, text: str) -> str:
    return _aligned(width, text, left=False)


_S, _I = Param.STRING, Param.INT
_TEXT, _PAIR = (_S,), (_S, _S)


def _text(call: Callable[..., str], *params: Param) -> Function:
    return Function(call, params, text=True)


TEXT_FUNCTIONS = {
    "ToLower": _text(lower, _S),
    "ToUpper": _text(upper, _S),
    "Replace": _text(lambda s, old, new, n: replace(old, new, s, n), _S, _S, _S, _I),
    "Trim": _text(lambda s, cutset: s.strip(cutset), _S, _S),
    "TrimLeft": _text(lambda s, cutset: s.lstrip(cutset), _S, _S),
    "TrimRight": _text(lambda s, cutset: s.rstrip(cutset), _S, _S),
    "TrimPrefix": _text(lambda s, prefix: trim_prefix(prefix, s), _S, _S),
    "TrimSuffix": _text(lambda s, suffix: trim_suffix(suffix, s), _S, _S),
    "TrimSpace": _text(_trim_space, _S),
    "lower": _text(lower, _S),
    "upper": _text(upper, _S),
    "title": _text(title, _S),
    "trim": _text(_trim_space, _S),
    "trimAll": _text(lambda cutset, s: s.strip(cutset), _S, _S),
    "trimPrefix": _text(trim_prefix, _S, _S),
    "trimSuffix": _text(trim_suffix, _S, _S),
    "trunc": _text(trunc, _I, _S),
    "substr": _text(substr, _I, _I, _S),
    "contains": Function(contains, _PAIR),
    "hasPrefix": Function(has_prefix, _PAIR),
    "hasSuffix": Function(has_suffix, _PAIR),
    "replace": _text(replace, _S, _S, _S),
    "regexReplaceAll": _text(regex_replace_all, _S, _S, _S),
    "regexReplaceAllLiteral": _text(regex_replace_all_literal, _S, _S, _S),
    "count": Function(count, _PAIR),
    "repeat": _text(repeat, _I, _S),
    "indent": _text(indent, _I, _S),
    "nindent": _text(nindent, _I, _S),
    "alignLeft": _text(align_left, _I, _S),
    "alignRight": _text(align_right, _I, _S),
    "urlencode": _text(urlencode, _S),
    "urldecode": _text(urldecode, _S),
    "b64enc": _text(b64enc, _S),
    "b64dec": _text(b64dec, _S),
}
