"""SQL laid out for people says the same."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from ui.sql_layout import laid_out

WORDS = st.lists(
    st.sampled_from(
        ["SELECT", "FROM", "WHERE", "(", ")", "x", ",", "'a  b'", "' FROM '", '"WHERE"', "count(*)", "LIMIT 5",
         "GROUP BY", "UNION ALL", "(SELECT", "'it''s  (SELECT'"]
    ),
    max_size=30,
).map(" ".join)  # fmt: skip


@given(WORDS)
def test_only_blanks_outside_of_quotes_change(sql: str) -> None:
    quoted = re.compile(r"""'(?:''|[^'])*'|"(?:""|[^"])*\"""")
    made = laid_out(sql)
    assert quoted.findall(made) == quoted.findall(sql)
    assert re.sub(r"\s", "", made) == re.sub(r"\s", "", sql)
    assert made.split() or not sql.split()


def test_a_function_of_a_clause_stays_on_its_line() -> None:
    assert (
        laid_out("SELECT extract(year FROM ts) FROM logs")
        == "SELECT extract(year FROM ts)\nFROM logs"
    )
