"""Typed masks: what they take, what they leave alone, and that they take it once."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsing.masks import KINDS, PLACEHOLDER, SINGLE, mask

VALUES = {
    "URL": ["https://example.org/a?b=c", "redis://10.0.0.1:6379/0"],
    "EMAIL": ["bob.smith+x@mail.example.org"],
    "UUID": ["13d56ee4-9d63-446c-a74e-39eb9801a273"],
    "MAC": ["00:1a:2b:3c:4d:5e", "00-1A-2B-3C-4D-5E"],
    "IP": ["10.0.0.7", "10.0.0.7:8080", "fe80::1", "2001:db8:0:0:0:0:2:1"],
    "HOST": ["db-1.internal.example:5432"],
    "TIME": [
        "2024-01-31T10:00:00Z",
        "2024-01-31 10:00:00,123",
        "2024-01-31T10:00:00.123456+02:00",
        "2005-06-03-15.42.50.675872",
        "10/Oct/2000:13:55:36 -0700",
        "Jun 14 15:16:01",
        "Sun Dec 04 20:32:37 2005",
        "17/06/09 20:10:58",
        "03-17 16:13:38.811",
        "10:02:11",
        "2024-01-31",
    ],
    "HEX": ["0x1F", "9f4ef63", "113d3a99c3da401fbd62cc2caa5b96d2"],
    "PATH": ["/etc/httpd/conf", "./a/b.py", "~/x/y", r"C:\Windows\winsxs"],
    "DUR": ["13ms", "1.5s", "1h2m3s", "20µs"],
    "SIZE": ["64172MB", "15GB", "12KiB", "512B"],
    "PCT": ["97%", "1.25%"],
    "BOOL": ["true", "False"],
    "ID": ["hP4M2S4LRW62YbXIBKkWZg", "whjoJo1HTQCMMqq5wiCCeg"],
    "NUM": ["0", "42", "-7", "+3", "1.25", "1e-5", "08"],
}


@pytest.mark.parametrize(
    ("kind", "value"), [(kind, value) for kind, values in VALUES.items() for value in values]
)
def test_a_value_is_masked_with_its_kind_wherever_it_stands(kind: str, value: str) -> None:
    for frame in ("{}", "got {} from there", "a={},", "({})", '"{}"'):
        if kind == "PATH" and value[0] == "~" and frame == "a={},":
            continue
        assert mask(frame.format(value)) == frame.format(f"<{kind}>")


@pytest.mark.parametrize(
    "text",
    [
        "sha1sum of eth0 with ipv4 and utf8",
        "org.apache.Foo$Bar: Baz",
        "May I come in? Sunday or later",
        "truest falsehood",
        "com.example.Oauth2TokenPostHandler",
        "max-retries reached, see read/write",
        "*** ---- ===",
        "",
        " \t ",
    ],
)
def test_identifiers_and_words_stay_as_they_are(text: str) -> None:
    assert mask(text) == text


def test_a_user_agent_is_one_value_and_a_request_is_not() -> None:
    line = '"GET /api/v1/cart/12 HTTP/1.1" 200 "Mozilla/5.0 (X11; Linux x86_64)" "curl/8.1"'
    assert mask(line) == '"GET <URL>" <NUM> "<AGENT>" "<AGENT>"'


def test_every_kind_has_an_example_and_is_found_again_alone() -> None:
    assert set(VALUES) | {"AGENT", "JSON"} == set(KINDS)
    for kind, values in VALUES.items():
        for value in values:
            found = SINGLE[kind].match(value)
            assert found is not None, (kind, value)
            assert found.end() == len(value), (kind, value)


PARTS = st.sampled_from(
    [
        *"0159afAFgzTZxX.:-_/%@\"'=,;+~ \n\0é<>[](){}",
        *("<NUM>", "<*>", "ab", "ms", "://", "Jan 1", "00", "GET"),
        *(value for values in VALUES.values() for value in values),
    ]
)
TEXTS = st.one_of(st.text(max_size=60), st.lists(PARTS, max_size=14).map("".join))


@given(TEXTS)
def test_masking_twice_is_masking_once(text: str) -> None:
    once = mask(text)
    assert mask(once) == once


@given(TEXTS)
def test_what_is_not_masked_is_left_in_its_order(text: str) -> None:
    constants = PLACEHOLDER.split(mask(text))
    pattern = "(?s:.+)".join(map(re.escape, constants))
    assert re.fullmatch(pattern, text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "1" * 4096,
        "a1" * 2048,
        "a." * 2048,
        "a-" * 2048,
        "ab:" * 1365,
        "/a" * 2048,
        "aaaa@" * 819,
        "1h" * 2048 + "!",
        "aA0_" * 1024,
        "http:" * 819,
        '"a/1' * 1024,
        "Jan " * 1024,
    ],
)
def test_no_text_costs_more_than_its_length_allows(text: str) -> None:
    began = time.process_time()
    mask(text)
    assert time.process_time() - began < 1.0
