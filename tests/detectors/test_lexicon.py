"""Lines without a severity are errors when they read like one."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.lexicon import Lexicon, reads_like_an_error
from driftwood.records import Events
from eval.simulated import events


@pytest.mark.parametrize(
    "line",
    [
        "Failed password for invalid user admin from 10.0.0.1 port 22 ssh2",
        "java.lang.NullPointerException: at Foo.bar",
        "connect() failed (111: Connection refused) while connecting to upstream",
        "kernel: Out of memory: Killed process 1234",
        "request timed out after 30 s",
        "ERROR could not open file",
        "Traceback (most recent call last):",
    ],
)
def test_these_read_like_errors(line: str) -> None:
    assert reads_like_an_error(line)


@pytest.mark.parametrize(
    "line",
    [
        "Accepted publickey for deploy from 10.0.0.1",
        "finished with 0 errors",
        "no errors found",
        "session opened for user root",
        "terrorism and ferrous are words, too",
        "",
    ],
)
def test_these_do_not(line: str) -> None:
    assert not reads_like_an_error(line)


def lines(texts: list[str], templates: list[int], severities: list[int]) -> Events:
    n = len(texts)
    columns = {
        "ts": np.arange(n),
        "service": np.zeros(n, np.int64),
        "template": np.array(templates, np.int64),
        "severity": np.array(severities, np.int64),
    }
    table = events(columns, ["s"])
    return Events(table.set_column(3, table.schema.field(3), [texts]))


def test_only_lines_without_a_severity_are_judged_and_once_per_template() -> None:
    lexicon = Lexicon()
    batch = lines(
        ["all fine", "disk failed", "disk failed", "all fine"], [1, 2, 2, 3], [0, 0, 9, 13]
    )
    assert lexicon.severity(batch).tolist() == [0, 17, 9, 13]
    again = lines(["error!", "all fine"], [1, 2], [0, 0])
    assert lexicon.severity(again).tolist() == [0, 17], "a template stays what its first line was"
