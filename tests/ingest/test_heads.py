"""Lines that are read together say what each of them says alone: short batches are read line by line."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.columns import Rows
from ingest.decode import Decoder, Raw
from ingest.texts import Texts

NOW = 1_795_262_400 * 10**9  # 2026-11-21T12:00:00Z
ALONE = 50
"""A batch of so many lines is read line by line."""

HEADS = (
    "2026-02-02 00:00:00,052 DEBUG [exec-4] shop.StockService - 64 left",
    "2026-02-02 00:00:00,104 - INFO - search.query - 'jackets' matched 131 products in 5 ms",
    "2026-06-14T15:16:01.123456Z host1 sshd[42]: Accepted publickey for ops",
    "2026-06-14T15:16:01+02:00 web nginx: error: upstream gone",
    "2026-06-14T15:16:01.123Z stdout F a line of the kubelet",
    "[2026-06-14 15:16:01] production.ERROR: Oops",
    "2015-10-17 15:37:56,547 INFO [main] org.apache.hadoop.mapreduce.v2.app.MRAppMaster: Created",
    "081109 203615 148 INFO dfs.DataNode$PacketResponder: PacketResponder 1 for block terminated",
    "17/06/09 20:10:40 INFO executor.CoarseGrainedExecutorBackend: Registered signal handlers",
    "20171223-22:15:29:606|Step_LSC|30002312|onStandStepChanged 3579",
    "20260614 151601 WARN disk almost full",
    "03-17 16:13:38.811  1702  2395 D WindowManager: printFreezingDisplayLogs",
    "[10.30 16:49:06] chrome.exe - proxy.cse.cuhk.edu.hk:5070 open through proxy",
    "I0614 15:16:01.123456    7 server.go:42] ready",
    "[Sun Dec 04 04:47:44 2005] [notice] workerEnv.init() ok",
    "Mon, 02 Feb 2026 00:00:00 GMT WARN late",
    "Feb 02, 2026 3:04:05 PM com.example.Main run",
    "15:16:01 [error] boom",
    "Feb  2 00:00:00 bastion-1 sshd[1242]: Accepted publickey for ops",
    "Jun 14 15:16:01 combo sshd(pam_unix)[19939]: authentication failure; logname= uid=0",
    "Jun 14 15:16:01 kernel: WARNING: cpu too hot",
    "Jun 14 15:16:01 web python3[7]: info: a program with a digit",
    "Feb 29 15:16:01 web cron: only in leap years",
    '203.0.35.94 - - [02/Feb/2026:00:00:00 +0000] "GET /a?page=6 HTTP/1.1" 200 6515 "-" "curl"',
    '203.0.35.94 - - [02/Feb/2026:00:00:00 +0000] "GET /\\"a HTTP/1.1" 503 6515',
    '::1 - frank [02/Feb/2026:00:00:00 -0700] "GET / HTTP/1.0" 404',
    "nova-api.log.1.2017-05-16_13:53:08 2017-05-16 00:00:00.008 25746 INFO nova.osapi [req] GET",
    "web-1 | 2026-06-14T15:16:01Z WARN something",
    "- 1117838570 2005.06.03 R02-M1 2005-06-03-15.42.50.675872 R02-M1 RAS KERNEL INFO corrected",
    "<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
    '{"time":"2026-02-02T00:00:00.044Z","level":"warn","service":"checkout","msg":"cart"}',
    "ts=2026-02-02T00:00:00.106Z level=info service=payments msg=x",
    "1718378161 epoch first",
    "plain prose with no header at all",
    "ERROR [2024-06-14 15:16:01,123] dropwizard",
)
NOT_LEARNT = {"cri", "json", "epoch_node", "logfmt", "level", "text"}
ALPHABET = "0123456789 :-/.,[](){}|\"'\\=TZaeIWERinforw\n\u00e9\u0663"


def read(lines: Sequence[str], size: int, **given: Any) -> list[dict[str, Any]]:
    decoder = Decoder("test", {}, now=lambda: NOW)
    rows: list[dict[str, Any]] = []
    for at in range(0, len(lines), size):
        part = lines[at : at + size]
        records = decoder.lines(
            part, range(at, at + len(part)), topic="t", part=0, labels={}, **given
        )
        records.validate(full=True)
        rows += records.to_pylist()
    return rows


def assert_same(lines: Sequence[str], **given: Any) -> None:
    together, alone = read(lines, len(lines), **given), read(lines, ALONE, **given)
    for one, other in zip(together, alone, strict=True):
        assert one == other


def varied(line: str, chance: random.Random) -> str:
    """`line` with other digits, and sometimes with something broken."""
    text = "".join(chance.choice("0123456789") if c in "56789" else c for c in line)
    for _ in range(chance.choice((0, 0, 0, 1, 3))):
        at = chance.randrange(min(len(text), 90) + 1)
        text = (
            text[:at]
            + chance.choice(("", chance.choice(ALPHABET)))
            + text[at + chance.randrange(2) :]
        )
    return text or "-"


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    heads=st.lists(st.sampled_from(HEADS), min_size=1, max_size=5),
    mtime=st.sampled_from((None, 1_700_000_000 * 10**9, 1_740_787_230 * 10**9)),
)
def test_lines_read_together_say_what_each_says_alone(
    seed: int, heads: list[str], mtime: int | None
) -> None:
    chance = random.Random(seed)
    assert_same([varied(chance.choice(heads), chance) for _ in range(300)], mtime_ns=mtime)


@pytest.mark.parametrize("before", [1_740_787_230, 1_740_787_200, 1_709_251_203, 1_704_067_199])
def test_the_year_of_lines_around_new_year_is_the_same_together(before: int) -> None:
    lines = [
        f"{day} 0{n % 10}:{n % 60:02}:{n % 61:02} web cron[{n}]: tick {n}"
        for n in range(400)
        for day in ("Dec 31", "Jan  1", "Feb 28", "Feb 29", "Mar  1", "Mar  2")
    ]
    assert_same(lines, mtime_ns=before * 10**9)


def test_real_logs_say_the_same_together(shared: Path) -> None:
    paths = sorted((shared / "data").glob("loghub_2k/*/*_2k.log"))
    assert paths
    for path in paths:
        assert_same(path.read_bytes().decode("utf-8", "backslashreplace").splitlines())


@pytest.mark.parametrize(
    "head", [head for head in HEADS if head[0] in "02[(FSMJIw" and "python3" not in head]
)
def test_a_header_is_learnt_from_one_line_and_known_in_the_next(head: str) -> None:
    texts = Texts("UTC")
    lines = [head] * 100
    found = texts.known(pa.array(lines), (NOW, NOW))
    assert found is not None
    if Texts("UTC").read(Rows(), 0, head, NOW, NOW) in NOT_LEARNT or "\\" in head:
        assert (found.layout < 0).all()
    else:
        assert (found.layout >= 0).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), heads=st.lists(st.sampled_from(HEADS), min_size=1, max_size=5))
def test_messages_read_together_say_what_each_says_alone(seed: int, heads: list[str]) -> None:
    chance = random.Random(seed)
    raws = [
        Raw(
            varied(chance.choice(heads), chance).encode(),
            f"orders/{chance.randrange(2)}",
            chance.randrange(3),
            off,
            record_ts=chance.choice((None, -1, NOW - 10**15, NOW - off * 10**9)),
        )
        for off in range(300)
    ]
    if seed % 4 == 0:
        raws[7] = raws[7]._replace(value=b"\0\0\0\0\7framed")
        raws[9] = raws[9]._replace(value=b"\n", headers=(("content-type", b"text/plain"),))
        raws[seed % 300] = raws[0]._replace(value=b"2026-02-02 00:00:00 caf\xe9", off=seed % 300)

    def read_in(size: int) -> tuple[list[Any], list[Any], dict[str, dict[str, int]]]:
        decoder = Decoder("test", {}, now=lambda: NOW)
        parts = [decoder.messages(raws[at : at + size], {}) for at in range(0, len(raws), size)]
        records = [row for part, _ in parts for row in part.to_pylist()]
        return records, [row for _, dead in parts for row in dead.to_pylist()], decoder.chosen()

    assert read_in(len(raws)) == read_in(ALONE)
