from __future__ import annotations

import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.logql.stages import StageError
from driftwood.logql.stages.ip import addresses


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("192.168.0.1", "from 192.168.0.1:80", True),
        ("192.168.0.1", "from 192.168.0.10", False),
        ("192.168.0.1", "x192.168.0.1y", True),
        ("192.168.0.1", "192.168.0.1.5", False),
        ("192.168.0.1", "192.168.00.1", False),
        ("10.0.0.0/8", "a 11.0.0.1 b 10.255.0.1", True),
        ("10.1.2.3/8", "10.0.0.1", True),
        ("0.0.0.0/0", "1.1.1.1", True),
        ("10.0.0.1-10.0.0.9", "10.0.0.9", True),
        ("10.0.0.1-10.0.0.9", "10.0.0.10", False),
        ("::1", "::1", True),
        ("::1", "vpn ::1 up", True),
        ("::1", "0:0:0:0:0:0:0:1", True),
        ("2001:db8::/32", "[2001:db8::2]:80", True),
        ("2001:db8::1-2001:db8::8", "2001:DB8::5", True),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.1", True),
        ("10.0.0.1", "::ffff:10.0.0.1", False),
        ("::/0", "10.0.0.1", False),
        ("::", "::", False),  # only `::` before a digit is taken for an address
        ("fe80::1%eth0", "fe80::1", False),
        ("10.0.0.1", "é 10.0.0.1 é", True),
        ("10.0.0.1", "", False),
        ("10.0.0.1", "\udcff10.0.0.1", True),
    ],
)
def test_addresses_are_found_in_texts(pattern: str, text: str, found: bool) -> None:
    assert addresses(pattern).found_in(text) == found


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "b",
        "300.1.1.1",
        "1.1.1",
        "01.1.1.1",
        "10.0.0.0/33",
        "10.0.0.0/08",
        "10.0.0.0/",
        "192.168.0.2-1.0.0.0",
        "192.168.0.1 - 192.168.0.9",
        "1.1.1.1-::1",
        "1.1.1.1%eth0",
        "fe80::1%",
        ":::1",
    ],
)
def test_what_is_no_address_is_refused(pattern: str) -> None:
    with pytest.raises(StageError, match=re.escape(f'ip: invalid pattern: "{pattern}"')):
        addresses(pattern)


@given(st.ip_addresses(), st.integers(0, 32), st.ip_addresses(v=4))
def test_a_network_holds_what_the_standard_library_says(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
    prefix: int,
    network: ipaddress.IPv4Address,
) -> None:
    inside = address in ipaddress.ip_network(f"{network}/{prefix}", strict=False)
    assert addresses(f"{network}/{prefix}").found_in(f"a {address} b") == inside
    assert addresses(str(address)).found_in(f"({address})") or str(address) == "::"


@given(st.text(alphabet="0123456789.:abx -/%", max_size=20))
def test_any_text_is_refused_or_can_be_searched_for(text: str) -> None:
    try:
        found = addresses(text)
    except StageError:
        return
    found.found_in(text)
    found.found_in(f"x{text}y")
