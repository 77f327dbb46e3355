"""/api/v1/parse: what editors and command lines learn of a query before it is asked."""

from __future__ import annotations

import pytest

from ui.client import Client


@pytest.mark.parametrize(
    ("query", "kind", "canonical"),
    [
        ('{app = "api"}|="x"', "log", '{app="api"} |= "x"'),
        ("{}", "log", "{}"),
        ('sum by(app)(rate({app="api"}[5m]))', "metric", 'sum by (app)(rate({app="api"}[5m]))'),
        ("1 + 2", "metric", "3"),
    ],
)
def test_a_query_is_told_by_its_kind_and_its_canonical_form(
    client: Client, query: str, kind: str, canonical: str
) -> None:
    told = client.parse(query)
    assert told["ok"]
    assert (told["kind"], told["canonical"], told["error"]) == (kind, canonical, "")


def test_a_long_query_is_laid_out_over_several_lines(client: Client) -> None:
    failed = (
        'sum by (app) (rate({app="api", level="error"} |= "a" |= "b" | json | status > 500 [5m]))'
    )
    told = client.parse(f'{failed} / sum by (app) (rate({{app="api"}}[5m]))')
    assert told["pretty"].splitlines()[1:] == ["/", '  sum by (app)(rate({app="api"}[5m]))']


@pytest.mark.parametrize(
    ("query", "at", "said", "hint"),
    [
        ('{app="api"} |= error', 15, "unexpected IDENTIFIER, expecting STRING", "in double quotes"),
        ('sum(rate({app="api"}[5m])', 25, "unexpected $end", "a parenthesis is not closed"),
        ("rate({}[5m])", 5, "at least one regexp or equality matcher", "one such as"),
        ('{app="api"} | regexp "("', 21, "missing closing )", "as in | regexp"),
        ("", 0, "unexpected $end", "a query starts with a selector"),
    ],
)
def test_what_is_no_query_is_told_with_its_place_and_what_would_be_right(
    client: Client, query: str, at: int, said: str, hint: str
) -> None:
    told = client.parse(query)
    assert (told["ok"], told["kind"]) == (False, "")
    assert said in told["error"]
    assert hint in told["hint"]
    assert told["at"] == at
