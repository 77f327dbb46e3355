"""`ip("...")`: an address, a CIDR or a range of addresses, searched in a text.

The search looks at runs of characters that could be an address, left to right, and takes up behind a run that is none.
So an address that is glued to another run of such characters is not found.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass

from driftwood.logql.gotext import quote
from driftwood.logql.stages.errors import StageError

_V4_BITS, _V6_BITS = 32, 128
_START = re.compile(r"([0-9](?=\.|.\.|..\.))|(?=::[0-9a-fA-F]|[0-9a-fA-F]{1,4}:)", re.DOTALL)
"""Only what begins like this is looked at."""
_V4_RUN = re.compile(r"[0-9.]+")
_V6_RUN = re.compile(r"[0-9a-fA-F:.]+")
_OCTET = re.compile(r"(?:0|[1-9][0-9]{0,2})")
_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,2})")


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses from `first` to `last`. IPv4 and IPv6 never match one another, mapped addresses included."""

    bits: int
    first: int
    last: int

    def found_in(self, text: str) -> bool:
        """Whether any address in `text` is among them."""
        at = 0
        while (start := _START.search(text, at)) is not None:
            run = (_V4_RUN if start[1] else _V6_RUN).match(text, start.start())
            assert run is not None
            if self._contains(run[0]):
                return True
            at = run.end() + 1
        return False

    def _contains(self, text: str) -> bool:
        address = _parsed(text)
        return (
            address is not None
            and address[0] == self.bits
            and self.first <= address[1] <= self.last
        )


def addresses(pattern: str) -> Addresses:
    """Raises StageError for what is neither `1.2.3.4`, `1.2.3.0/24` nor `1.2.3.4-1.2.3.9`, or the same with IPv6."""
    found = _single(pattern) or _cidr(pattern) or _range(pattern)
    if found is None:
        raise StageError(f"ip: invalid pattern: {quote(pattern)}")
    return found


def _single(pattern: str) -> Addresses | None:
    address, percent, zone = pattern.partition("%")
    parsed = _parsed(address)
    if parsed is None or (percent and (not zone or parsed[0] == _V4_BITS)):
        return None
    bits, value = parsed
    # no text has a zone, so none is equal to an address with one
    return Addresses(bits, value, -1 if zone else value)


def _cidr(pattern: str) -> Addresses | None:
    address, slash, length = pattern.rpartition("/")
    parsed = _parsed(address)
    if not slash or parsed is None or not _NUMBER.fullmatch(length) or int(length) > parsed[0]:
        return None
    bits, value = parsed
    free = bits - int(length)
    first = value >> free << free
    return Addresses(bits, first, first + (1 << free) - 1)


def _range(pattern: str) -> Addresses | None:
    first_text, dash, last_text = pattern.partition("-")
    first, last = _parsed(first_text), _parsed(last_text)
    if not dash or first is None or last is None or first[0] != last[0] or first > last:
        return None
    return Addresses(first[0], first[1], last[1])


def _parsed(text: str) -> tuple[int, int] | None:
    """How many bits the address `text` has, and its value."""
    if ":" in text:
        return _parsed_v6(text)
    octets = text.split(".")
    if len(octets) != 4:
        return None
    value = 0
    for octet in octets:
        if not _OCTET.fullmatch(octet) or (number := int(octet)) > 255:
            return None
        value = value << 8 | number
    return _V4_BITS, value


def _parsed_v6(text: str) -> tuple[int, int] | None:
    if not _V6_RUN.fullmatch(text):
        return None
    try:
        return _V6_BITS, int.from_bytes(socket.inet_pton(socket.AF_INET6, text), "big")
    except OSError:
        return None
