"""Words and gaps: nothing is lost, a message is found, and a long line is looked at in part."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsing.params import matches
from parsing.tokens import MAX_CHARS, MAX_WORDS, cut, head, joined, masked


def _message(line: str) -> str:
    words, _, start, stop = cut(line)
    return " ".join(words[start:stop])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Jun 14 15:16:01 combo sshd[19939]: session opened", "session opened"),
        ("17/06/09 20:10:58 INFO storage.BlockManager: Found block", "Found block"),
        ("2024-01-01 10:00:00 user bob logged in", "user bob logged in"),
        ("Failed password for root", "Failed password for root"),
        ('{"ts":1,"level":"info","msg":"cache is full","n":2}', '"msg":"cache is full",'),
        ('{"level": "info", "message": "cache is full"}', '"message": "cache is full"}'),
        ('level=info msg="cache is full" n=2', 'msg="cache is full"'),
        ("level=info msg=full n=2", "msg=full"),
        ("", ""),
    ],
)
def test_the_message_is_told_from_header_and_members(line: str, message: str) -> None:
    assert _message(line) == message


def test_a_member_is_one_word_whatever_its_value_holds() -> None:
    assert cut('{"user":"bob jones","n":1}').words == ('{"user":"bob jones",', '"n":<NUM>}')
    assert cut('level=info user="bob jones"').words == ("level=info", 'user="bob jones"')


def test_lists_and_deep_objects_of_a_json_line_are_values() -> None:
    text, _ = masked('{"a":[1,{"b":2}],"c":{"d":{"e":"f ]}"},"g":true},"h":"[x]"}')
    assert text == '{"a":<JSON>,"c":{"d":<JSON>,"g":<BOOL>},"h":"[x]"}'


def test_of_several_lines_the_first_with_a_letter_counts() -> None:
    assert head("java.lang.Error: bad\n\tat x") == ("java.lang.Error: bad", True)
    assert head("---\nstarting\nnow") == ("---\nstarting", True)
    assert head("one line") == ("one line", False)


def test_of_a_long_line_no_more_than_a_bounded_part_is_looked_at() -> None:
    tokens = cut("word " * 1_000_000)
    assert len(tokens.words) == MAX_WORDS + 1
    assert tokens.words[-1] == "<*>"
    assert len(cut("x" * 10_000_000).words[0]) == MAX_CHARS


def test_a_lone_surrogate_is_no_reason_to_fail() -> None:
    assert cut("a\ud800b").words == ("a?b",)


PARTS = st.sampled_from([*'{}[]":, \\a1\n', "msg", '":"'])
TEXTS = st.one_of(st.text(max_size=80), st.lists(PARTS, max_size=40).map("".join))


@given(TEXTS)
def test_words_and_gaps_give_the_masked_line_back(line: str) -> None:
    text, more = masked(line)
    tokens = cut(line)
    whole = joined(tokens.words, tokens.gaps)
    assert whole == text + "<*>" if more else whole == text
    assert len(tokens.gaps) == len(tokens.words) + 1
    assert 0 <= tokens.start <= tokens.stop <= len(tokens.words)
    assert matches(line, whole)
