"""Number constants: what a token is as an integer, a float or a complex number."""

from __future__ import annotations

import re

from driftwood.logql import gotext
from driftwood.logql.gotemplate import nodes, numbers
from driftwood.logql.gotemplate.tokens import Kind, Token

_PARTS = re.compile(r"(.+(?<![eEpP]))([+-].+)i")


def number(token: Token) -> nodes.Number:
    """Raises ValueError with Go's text."""
    if token.kind is Kind.CHAR_CONSTANT:
        return _character(token)
    if token.kind is Kind.COMPLEX:
        return _complex(token, _two_parts(token.text))
    if token.text.endswith("i"):
        try:
            return _complex(token, complex(0, gotext.parse_float(token.text[:-1])))
        except ValueError:
            pass  # "0x1i" is none of the others either
    return _real(token)


def _character(token: Token) -> nodes.Number:
    try:
        code = ord(gotext.unquote(token.text))
    except (ValueError, TypeError):
        if len(token.text) > 3 and not token.text.startswith("'\\"):
            raise ValueError(f"malformed character constant: {token.text}") from None
        raise ValueError("invalid syntax") from None
    return nodes.Number(token.at, token.text, code, float(code), unsigned=True)


def _two_parts(text: str) -> complex:
    found = _PARTS.fullmatch(text)
    try:
        if found is not None:
            return complex(gotext.parse_float(found[1]), gotext.parse_float(found[2]))
    except ValueError:
        pass
    raise ValueError("syntax error scanning complex number")


def _complex(token: Token, value: complex) -> nodes.Number:
    """Without an imaginary part it is a float, and perhaps an integer, too."""
    if value.imag != 0:
        return nodes.Number(token.at, token.text, complex_=value)
    integer = _as_integer(value.real)
    unsigned = integer is not None and integer >= 0
    return nodes.Number(token.at, token.text, integer, value.real, value, unsigned)


def _real(token: Token) -> nodes.Number:
    text = token.text
    integer = numbers.parse_any_base(text)
    if integer is not None and -(1 << 63) <= integer < 1 << 63:
        return nodes.Number(token.at, text, integer, float(integer), unsigned=integer >= 0)
    if integer is not None and text[0] not in "+-" and integer < 1 << 64:
        return nodes.Number(token.at, text, None, float(integer), unsigned=True)
    try:
        value = gotext.parse_float(text)
    except ValueError:
        raise ValueError(f"illegal number syntax: {gotext.quote(text)}") from None
    if not any(mark in text for mark in ".eEpP"):
        raise ValueError(f"integer overflow: {gotext.quote(text)}")
    return nodes.Number(token.at, text, _as_integer(value), value, unsigned=value >= 0)


def _as_integer(value: float) -> int | None:
    if value == int(value) and -(2.0**63) <= value < 2.0**63:
        return int(value)
    return None
