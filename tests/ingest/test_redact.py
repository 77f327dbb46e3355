from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.config import Redaction
from driftwood.errors import ConfigError
from ingest.redact import Redactor

# Put together here, so that no scanner takes this file for a leak.
AWS = "AKIA" + "IOSFODNN7EXAMPLE"
GITHUB = "ghp_" + "a1B2" * 9
SLACK = "xoxb-" + "123456789012-abcdef"
STRIPE = "sk_live_" + "a1B2c3D4e5F6g7H8"
GOOGLE = "AIza" + "SyA-1234567890abcdefghijklmnopqrstu"
JWT = "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----"

SECRETS = [
    (f"key {AWS} used", "key <redacted:aws_key> used"),
    (f"clone https://{GITHUB}@github.com/x", "clone https://<redacted:github_token>@github.com/x"),
    (f"posting with {SLACK}.", "posting with <redacted:slack_token>."),
    (f"charge {STRIPE}", "charge <redacted:stripe_key>"),
    (f"maps?key={GOOGLE}&q=1", "maps?key=<redacted:google_key>&q=1"),
    (f"jwt {JWT} ok", "jwt <redacted:jwt> ok"),
    (f"read {PEM} done", "read <redacted:private_key> done"),
    ("Authorization: Bearer abc.def-123", "Authorization: Bearer <redacted:authorization>"),
    ('"authorization":"Basic dXNlcjpwdw=="', '"authorization":"Basic <redacted:authorization>"'),
    ("db postgres://bob:s3cret@db:5432/x", "db postgres://bob:<redacted:password>@db:5432/x"),
    ("redis://:hunter2@cache", "redis://:<redacted:password>@cache"),
    ("login user=bob password=hunter2 ok", "login user=bob password=<redacted:password> ok"),
    ("login passwd='hunter 2' ok", "login passwd='<redacted:password>' ok"),
    ('{"password":"hun\\"ter2","a":1}', '{"password":"<redacted:password>","a":1}'),
    ('{"password" : "hunter2"}', '{"password" : "<redacted:password>"}'),
    ('"{\\"password\\":\\"hunter2\\"}"', '"{\\"password\\":\\"<redacted:password>\\"}"'),
    ("{'db_password': 'hunter2'}", "{'db_password': '<redacted:password>'}"),
    ("User{name=bob, password=hunter2}", "User{name=bob, password=<redacted:password>}"),
    ("api_key=abcdef", "api_key=<redacted:api_key>"),
    ("X-Api-Key=abcdef;", "X-Api-Key=<redacted:api_key>;"),
    ("AWS_SECRET_ACCESS_KEY=wJalr/K7", "AWS_SECRET_ACCESS_KEY=<redacted:access_key>"),
    ("refreshToken = 8f3b2c1d-77", "refreshToken = <redacted:token>"),
    ("?token=abc123def456&x=1", "?token=<redacted:token>&x=1"),
    ("Server=db;Uid=sa;Pwd=hunter2;", "Server=db;Uid=sa;Pwd=<redacted:password>;"),
]
HARMLESS = [
    "Failed password for invalid user root from 203.0.113.9 port 4711 ssh2",
    "pam_unix(sshd:auth): check pass; user unknown",
    "please enter password: ",
    "password= uid=0 euid=0",
    "password=null token=none secret=",
    "password=**** password=<hidden> password=${DB_PASSWORD} password=%s",
    "wtoken = AppWindowToken{9f4ef63 token=Token{a64f992 ActivityRecord{de9231d u0}}}",
    "token=<3 words> expected",
    "the secret=sauce is out",
    "sudo: bob : TTY=pts/0 ; PWD=/srv/shop ; USER=root ; COMMAND=/bin/ls",
    "max_tokens=4096 page_tokens=12",
    "basic authorization of bearer bonds",
    "http://203.0.113.9:8080/a@b",
    "author: Bob <bob@example.com>",
    "order 4111111111111111 at 1718378161123456789",
    "5b8efff798038103d269b633813fc60c",
]


def redact(text: str, **settings: object) -> str:
    (clean,) = Redactor(Redaction(**settings)).apply([text])  # type: ignore[arg-type]
    return clean


@pytest.mark.parametrize(("text", "clean"), SECRETS)
def test_a_credential_is_replaced_and_the_rest_stays(text: str, clean: str) -> None:
    assert redact(text) == clean
    assert redact(clean) == clean
    assert redact(text.encode().decode("latin-1"), enabled=False) == text


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_one_stays(text: str) -> None:
    assert redact(text) == text


PIECES = st.sampled_from([*(t for pair in SECRETS for t in pair), *HARMLESS, " ", "\n", '"', "="])


@given(st.lists(st.lists(PIECES | st.text(max_size=4), max_size=4).map("".join), max_size=5))
def test_one_pass_over_the_batch_misses_nothing_that_a_text_alone_shows(texts: list[str]) -> None:
    redactor = Redactor(Redaction())
    texts = [text for text in texts if text.isprintable()]
    expected = [redactor.raw(text.encode()).decode() for text in texts if text.isascii()]
    assert [c for t, c in zip(texts, redactor.apply(texts), strict=True) if t.isascii()] == expected
    assert redactor.array(pa.array(texts, pa.string())).to_pylist() == redactor.apply(texts)


def test_a_batch_without_credentials_is_given_back_as_it_is() -> None:
    texts = pa.array(["a", "b"])
    assert Redactor(Redaction()).array(texts) is texts


def test_bytes_between_credentials_stay_as_they_are() -> None:
    raw = b"\x00\xff password=hunter2 \xfe"
    assert Redactor(Redaction()).raw(raw) == b"\x00\xff password=<redacted:password> \xfe"
    assert Redactor(Redaction(enabled=False)).raw(raw) == raw


def test_metadata_under_a_secret_key_is_replaced_as_a_whole() -> None:
    redactor = Redactor(Redaction())
    assert redactor.values(
        ["password", "user", "http_authorization", "note", "token"],
        ["two words", "bob", "x", "api_key=abc", "none"],
    ) == [
        "<redacted:password>",
        "bob",
        "<redacted:authorization>",
        "api_key=<redacted:api_key>",
        "none",
    ]


def test_card_numbers_are_opt_in_and_checked() -> None:
    text = "card 4111 1111 1111 1111, order 4111 1111 1111 1112"
    assert redact(text) == text
    assert redact(text, card_numbers=True) == "card <redacted:card>, order 4111 1111 1111 1112"


def test_random_words_are_opt_in() -> None:
    text = "found q8Zr1Lk0Vx5Tn3Wb7Yd2Mf9P in /usr/share/dictionary/words/of_the_language"
    assert redact(text) == text
    assert redact(text, entropy=True) == text.replace(
        "q8Zr1Lk0Vx5Tn3Wb7Yd2Mf9P", "<redacted:entropy>"
    )


def test_patterns_of_ones_own_are_replaced_too() -> None:
    assert redact("badge E-1234 seen", extra=("E-[0-9]{4}",)) == "badge <redacted:extra> seen"


@pytest.mark.parametrize("pattern", ["(", "(?=x)", "(a)\\1"])
def test_a_pattern_that_cannot_run_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigError, match="is not a regular expression that RE2 can run"):
        Redactor(Redaction(extra=(pattern,)))


def test_real_logs_without_secrets_are_left_alone(shared: Path) -> None:
    redactor = Redactor(Redaction())
    for path in (shared / "data" / "loghub_2k").glob("*/*_2k.log"):
        texts = path.read_bytes().decode("utf-8", "backslashreplace").splitlines()
        assert redactor.apply(texts) == texts, path.name
