"""Where a number ends in a text, by the rules of Go's scanner: `1_000`, `.5`, `1e-3`, `0x1p4`, `0b101`."""

from __future__ import annotations

import re

_PREFIXES = {"x": ("hexadecimal", 16), "o": ("octal", 8), "b": ("binary", 2)}
_DIGITS = {False: re.compile(r"[0-9_]*"), True: re.compile(r"[0-9a-fA-F_]*")}


def number_end(text: str, at: int, spaced: bool = False) -> int:
    """Where the number at `at` ends, be it one that ParseFloat can read or not. Raises ValueError in Go's words.

    `spaced`: a blank stands before it. Then Loki takes the `b` of `0b1` for a unit, not for a prefix.
    """
    prefix = text[at + 1 : at + 2].lower() if text[at] == "0" else ""
    if prefix == "b" and spaced:
        raise ValueError("decimal literal has no digits")
    name, base = _PREFIXES.get(prefix, ("decimal", 10))
    end = at + 2 if base != 10 else at
    leading_zero = base == 10 and text[at] == "0"
    digits = _DIGITS[base == 16]
    whole = digits.match(text, end)
    assert whole is not None
    figures, end = whole[0], whole.end()
    fraction = text.startswith(".", end)
    if fraction:
        if base in (2, 8):
            raise ValueError(f"invalid radix point in {name} literal")
        rest = digits.match(text, end + 1)
        assert rest is not None
        figures, end = figures + rest[0], rest.end()
    if not figures.strip("_"):
        raise ValueError(f"{name} literal has no digits")
    mark = text[end : end + 1]
    if mark in ("e", "E", "p", "P"):
        end = _exponent_end(text, end, mark, base)
    elif base == 16 and fraction:
        raise ValueError("hexadecimal mantissa requires a 'p' exponent")
    elif not fraction:
        _check_digits(figures, 8 if leading_zero else base, "octal" if leading_zero else name)
    _check_separators(text[at:end], base)
    return end


def _exponent_end(text: str, at: int, mark: str, base: int) -> int:
    if mark in "eE" and base != 10:
        raise ValueError(f"'{mark}' exponent requires decimal mantissa")
    if mark in "pP" and base != 16:
        raise ValueError(f"'{mark}' exponent requires hexadecimal mantissa")
    end = at + 1 + (text[at + 1 : at + 2] in ("+", "-"))
    digits = _DIGITS[False].match(text, end)
    assert digits is not None
    if not digits[0].strip("_"):
        raise ValueError("exponent has no digits")
    return digits.end()


def _check_digits(figures: str, base: int, name: str) -> None:
    if base > 10:
        return
    for figure in figures:
        if figure != "_" and int(figure) >= base:
            raise ValueError(f"invalid digit '{figure}' in {name} literal")


def _check_separators(number: str, base: int) -> None:
    digit = "[0-9a-fA-F]" if base == 16 else "[0-9]"
    before = f"(?<!{digit})" if base == 10 else f"(?<!{digit})(?<!^0[xXoObB])"
    if re.search(f"{before}_|_(?!{digit})", number):
        raise ValueError("'_' must separate successive digits")
