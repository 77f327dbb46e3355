"""How fmt writes one basic value with a verb and flags. None stands for a verb that does not fit the value."""

from __future__ import annotations

from dataclasses import dataclass, replace

from driftwood.logql import gotext
from driftwood.logql.gotemplate import numbers
from driftwood.logql.gotemplate.values import decoded, encoded

_MASK = (1 << 64) - 1


@dataclass(slots=True)
class Flags:
    """What stands between % and the verb."""

    minus: bool = False
    plus: bool = False
    sharp: bool = False
    space: bool = False
    zero: bool = False
    go_syntax: bool = False
    """`%#v`"""
    plus_v: bool = False
    """`%+v`"""
    width: int | None = None
    precision: int | None = None

    @classmethod
    def of(cls, marks: str) -> Flags:
        return cls(
            minus="-" in marks,
            plus="+" in marks,
            sharp="#" in marks,
            space=" " in marks,
            zero="0" in marks,
        )

    def for_verb(self, verb: str) -> Flags:
        """With %v, # and + ask for other things."""
        if verb in "vw":
            self.go_syntax, self.sharp = self.sharp, False
            self.plus_v, self.plus = self.plus, False
        return self

    def padded(self, text: str, zero: bool | None = None) -> str:
        """`text`, at least as wide as `width`; zeros only on the left. `zero` overrules the flag."""
        if not self.width:
            return text
        if self.minus:
            return text.ljust(self.width)
        zero = self.zero if zero is None else zero
        return text.rjust(self.width, "0" if zero else " ")

    def truncated(self, text: str) -> str:
        return text if self.precision is None else text[: self.precision]


def string(text: str, verb: str, flags: Flags) -> str | None:
    match verb:
        case "v" if not flags.go_syntax:
            return flags.padded(flags.truncated(text))
        case "s":
            return flags.padded(flags.truncated(text))
        case "v" | "q":
            return _quoted(flags.truncated(text), flags)
        case "x" | "X":
            return _hexadecimal(encoded(text), verb, flags)
    return None


def raw(value: bytes, verb: str, flags: Flags) -> str:
    """[]byte with s, q, x or X."""
    return string(decoded(value), verb, flags) or ""


def _quoted(text: str, flags: Flags) -> str:
    if flags.sharp and _fits_backquotes(text):
        return flags.padded(f"`{text}`")
    return flags.padded(gotext.quote_to_ascii(text) if flags.plus else gotext.quote(text))


def _fits_backquotes(text: str) -> bool:
    """Without control characters but tabs, and valid UTF-8."""
    return not any(
        (c < " " and c != "\t") or c in "`\x7f\ufeff" or "\ud800" <= c <= "\udfff" for c in text
    )


def _hexadecimal(value: bytes, verb: str, flags: Flags) -> str:
    """Two digits a byte; with a blank flag apart, with # after 0x."""
    if flags.precision is not None:
        value = value[: flags.precision]
    prefix = "0x" if flags.sharp else ""
    if not value:
        text = ""
    elif flags.space:
        text = prefix + f" {prefix}".join(f"{byte:02x}" for byte in value)
    else:
        text = prefix + value.hex()
    return flags.padded(text.upper() if verb == "X" else text)


_BASES = {"v": "d", "d": "d", "b": "b", "o": "o", "O": "o", "x": "x", "X": "X"}


def integer(value: int, verb: str, flags: Flags, signed: bool) -> str | None:
    if verb == "c":
        return flags.padded(_character(value))
    if verb == "q":
        return flags.padded(_quoted_character(_character(value), flags.plus))
    if verb == "U":
        return _code_point(value & _MASK, flags)
    if verb not in _BASES:
        return None
    if verb == "v" and flags.go_syntax and not signed:
        return _digits(value, "x", replace(flags, sharp=True))
    return _digits(value, verb, flags)


def _digits(value: int, verb: str, flags: Flags) -> str:
    sign = "-" if value < 0 else "+" if flags.plus else " " if flags.space else ""
    least = 0
    if flags.precision is not None:
        if flags.precision == 0 and value == 0:  # nothing but the width
            return " " * (flags.width or 0)
        least = flags.precision
    elif flags.zero and not flags.minus and flags.width:
        least = flags.width - bool(sign)
    text = format(abs(value), _BASES[verb]).rjust(least, "0")
    if flags.sharp:
        text = _prefix(verb, text) + text
    if verb == "O":
        text = "0o" + text
    return flags.padded(sign + text, zero=False)


def _prefix(verb: str, digits: str) -> str:
    if verb in "oO":
        return "" if digits.startswith("0") else "0"
    return {"b": "0b", "x": "0x", "X": "0X"}.get(verb, "")


def _character(code: int) -> str:
    """A character, U+FFFD for what is none."""
    if not 0 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    return chr(code)


def _quoted_character(char: str, ascii_only: bool) -> str:
    if char == "'":
        return r"'\''"
    if char == '"':
        return "'\"'"
    quoted = gotext.quote_to_ascii(char) if ascii_only else gotext.quote(char)
    return f"'{quoted[1:-1]}'"


def _code_point(code: int, flags: Flags) -> str:
    text = f"U+{code:0{max(flags.precision or 0, 4)}X}"
    if flags.sharp and code <= 0x10FFFF and chr(code).isprintable():
        text += f" '{chr(code)}'"
    return flags.padded(text, zero=False)


def floating(value: float, verb: str, flags: Flags) -> str | None:
    if verb not in "vbgGxXfFeE":
        return None
    form = {"v": "g", "F": "f"}.get(verb, verb)
    precision = flags.precision
    if precision is None:
        precision = 6 if form in "feE" else -1
    text = numbers.format_float(value, form, precision)
    if text[0] not in "+-":
        text = "+" + text
    if flags.space and text[0] == "+" and not flags.plus:
        text = " " + text[1:]
    if text[1] in "IN":
        if text[1] == "N" and not flags.space and not flags.plus:
            text = text[1:]
        return flags.padded(text, zero=False)  # an infinity always has its sign
    if flags.sharp and form != "b":
        text = _with_point(text, form, precision)
    if not flags.plus and text[0] == "+":
        return flags.padded(text[1:])
    if flags.zero and not flags.minus and flags.width and flags.width > len(text):
        return text[0] + text[1:].rjust(flags.width - 1, "0")
    return flags.padded(text)


def _with_point(text: str, form: str, precision: int) -> str:
    """`%#g` and its like: always a point, and as many digits as asked for."""
    sign, text = text[0], text[1:]
    mark = "p" if form in "xX" else "e"
    at = max(text.find(mark), text.find(mark.upper()))
    mantissa, tail = (text[:at], text[at:]) if at >= 0 else (text, "")
    digits = 0
    if form in "gGx":
        digits = 6 if precision == -1 else precision
    digits -= len(mantissa.replace(".", "").lstrip("0"))
    if "." not in mantissa:
        if mantissa == "0":
            digits -= 1
        mantissa += "."
    return sign + mantissa + "0" * max(digits, 0) + tail


def complex_number(value: complex, verb: str, flags: Flags) -> str | None:
    if verb not in "vbgGxXfFeE":
        return None
    real = floating(value.real, verb, flags)
    plus, flags.plus = flags.plus, True  # the imaginary part always has a sign
    imaginary = floating(value.imag, verb, flags)
    flags.plus = plus
    return f"({real}{imaginary}i)"
