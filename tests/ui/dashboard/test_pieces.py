"""The pure pieces of the dashboard: escaping, tinting, charts, paging, queries, sentences, shared answers."""

from __future__ import annotations

import html
import json
import re
import threading
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.errors import ServerError
from tests.ui.dashboard.shop import Shop
from tests.ui.dashboard.shop_lines import HOSTILE
from ui.client import Client
from ui.dashboard import (
    anomalies,
    changes,
    charts,
    curves,
    lines,
    paging,
    patterns,
    query,
    timerange,
)
from ui.dashboard.launch import APP, command
from ui.dashboard.markup import tag, visible
from ui.dashboard.server import Server
from ui.dashboard.timerange import Range
from ui.series import Series

ANY_TEXT = st.text(alphabet=st.characters(codec=None))


class Reader(HTMLParser):
    """What a browser would make of HTML: its text, its elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.elements = "", list[str]()
        self.feed(html)
        self.close()

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append(name)

    def handle_data(self, told: str) -> None:
        self.text += told


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_in_an_element_or_attribute_is_read_back_as_text(
    inner: str, attribute: str
) -> None:
    html = tag("p", inner, title=attribute)
    read = Reader(html)
    assert read.elements == ["p"]
    assert read.text.replace("\r", "") == visible(inner).replace("\r", "")
    html.encode("utf-8")


@given(ANY_TEXT, st.lists(st.tuples(st.integers(-5, 40), st.integers(-5, 40))))
def test_tinting_shows_the_whole_line_whatever_the_spans(
    line: str, spans: list[tuple[int, int]]
) -> None:
    read = Reader(lines.tinted(line, [list(span) for span in spans]))
    assert read.text == visible(line)
    assert set(read.elements) <= {"var"}


def test_a_very_long_line_is_cut_and_says_by_how_much() -> None:
    shown = lines.tinted("x" * 10_000_000, [])
    assert len(shown) < 2_000
    assert "10M more characters" in shown


def test_slots_are_coloured_and_tags_in_templates_are_text() -> None:
    shown = patterns.slots(f"took <NUM> from <IP> to <*> {HOSTILE}")
    assert re.findall(r'class="(slot-\w+)"', shown) == ["slot-num", "slot-net", "slot-any"]
    assert set(Reader(shown).elements) == {"var"}


@given(
    st.dictionaries(
        st.sampled_from(["error", "info", "unknown", "nobody knows"]),
        st.lists(st.tuples(st.floats(-100, 4_000), st.integers(0, 10**9))),
    )
)
def test_a_histogram_has_one_note_per_bucket_and_stays_inside(series: dict[str, Any]) -> None:
    drawn = charts.histogram(series, Range(0, 3_600), 60, alt="")
    tips = re.search(r'data-tips="([^"]*)"', drawn)
    assert tips
    assert len(json.loads(tips[1].replace("&quot;", '"').replace("&#x27;", "'"))) == 60
    assert all(0 <= float(y) <= 100.01 for y in re.findall(r"M[\d.]+,([\d.]+)v", drawn))


def test_one_error_beside_a_million_lines_is_still_seen() -> None:
    drawn = charts.histogram(
        {"error": [(0, 1)], "info": [(0, 1_000_000)]}, Range(0, 60), 60, alt=""
    )
    assert re.search(r'class="sev-error"', drawn)
    rise = re.search(r"M0\.09,100\.00v-([\d.]+)", drawn)
    assert rise
    assert float(rise[1]) >= 1


def test_the_worst_severity_stands_on_the_axis() -> None:
    drawn = charts.histogram({"info": [(0, 5)], "error": [(0, 5)]}, Range(0, 60), 60, alt="")
    assert re.search(r'd="M0\.09,100\.00[^"]*" class="sev-error"', drawn)


def line(ts: int, line_id: int) -> Any:
    return {"ts": str(ts), "line_id": line_id}


@given(st.lists(st.integers(1, 4), min_size=1, max_size=60), st.integers(1, 7))
def test_pages_hold_every_line_once_in_order(times: list[int], size: int) -> None:
    stored = sorted(
        (line(ts, i) for i, ts in enumerate(times)),
        key=lambda each: (-int(each["ts"]), -each["line_id"]),
    )
    walked: list[Any] = []
    after = None
    while True:
        asked = [each for each in stored if after is None or int(each["ts"]) < after.ts + 1]
        shown, after = paging.page(asked, after, size)
        walked += shown
        if after is None:
            break
        assert paging.cursor(str(after)) == after
    assert walked == stored


@given(st.text(), st.text(min_size=1), st.sets(st.sampled_from(["error", "warn"])))
def test_words_are_looked_for_as_they_are(typed: str, service: str, levels: set[str]) -> None:
    made = query.asked(typed, query.matcher("service_name", service), levels).text
    assert made.startswith("{service_name=")
    if typed.strip() and not typed.lstrip().startswith("{"):
        assert json.loads(made.rpartition("} |= ")[2]) == typed.strip()


def test_the_place_of_a_mistake_is_where_it_was_typed() -> None:
    typed = '  {app="x"} oops'
    asked = query.asked(typed, 'service_name="api"', ["error"])
    at = asked.text.index("oops")
    assert typed[asked.typed(at) :] == "oops"
    assert query.asked("{} oops", 'service_name="api"').text == '{service_name="api"} oops'


@pytest.mark.parametrize("text", ["yesterday", "", "2026-13-01T00:00:00Z", "12:00", "9" * 30])
def test_what_is_no_time_is_answered_with_what_would_be_one(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time; write"):
        timerange.parse(text, 0.0)


def test_sentences_tell_anomalies_first_and_nothing_twice() -> None:
    shop = Shop()
    diff = {
        "new": [{**shop.template(8, 0, 1), "count": 4, "base_count": 0, "ratio": 5.0}],
        "changed": [
            {**shop.template(12, 0, 1), "count": 90, "base_count": 9, "ratio": 9.1},
            {**shop.template(0, 0, 1), "count": 12, "base_count": 1, "ratio": 6.5},
        ],
        "vanished": [{**shop.template(15, 0, 1), "count": 0, "base_count": 80, "ratio": 0.01}],
        "reworded": [
            {**shop.template(3, 0, 1), "count": 9, "base_id": "1", "base_text": "as it was"},
            {**(wider := shop.template(4, 0, 1)), "base_id": wider["id"], "base_text": "narrow"},
        ],
    }
    told = changes.changes(shop.anomalies[:1], diff, now_s=shop.now)  # type: ignore[arg-type]
    assert [each.mark for each in told] == ["anomaly", "rising", "vanished", "new"], (
        "the new one is the anomaly's own pattern; the last took the place of another"
    )
    assert "as it was" in "".join(map(str, told[-1].said))
    assert "Nothing new" in changes.told([])


def test_the_summary_can_be_pasted_into_a_ticket() -> None:
    each = {**Shop().anomalies[0], "feedback": [], "effects": {}}
    said = anomalies.summary(each)  # type: ignore[arg-type]
    assert said.startswith("**payments: 42 errors")
    assert "seen 400, expected 9.3" in said


class Slow:
    """A server's answers that take until they are let go."""

    def __init__(self) -> None:
        self.asked = 0
        self.go = threading.Event()

    def question(self, number: int) -> int:
        self.asked += 1
        self.go.wait(5)
        if number < 0:
            raise ServerError("no")
        return number


def test_the_same_question_is_asked_once_and_again_when_its_answer_is_old() -> None:
    slow, now = Slow(), [0.0]
    server = Server(Client(), keep_s=2.0, clock=lambda: now[0])
    first, second = server.ask(slow.question, 1), server.ask(slow.question, 1)
    slow.go.set()
    assert (first.result(), second.result(), slow.asked) == (1, 1, 1)
    now[0] = 3.0
    assert (server.ask(slow.question, 1).result(), slow.asked) == (1, 2)
    server.changed()
    assert (server.ask(slow.question, 1).result(), slow.asked) == (1, 3)
    server.close()


def test_a_failure_is_not_kept() -> None:
    slow = Slow()
    slow.go.set()
    server = Server(Client())
    for asked in (1, 2):
        with pytest.raises(ServerError):
            server.ask(slow.question, -1).result()
        assert slow.asked == asked
    server.close()


@pytest.mark.parametrize(
    ("listen", "host", "port"), [("0.0.0.0:80", "0.0.0.0", "80"), ("[::1]:8501", "::1", "8501")]
)
def test_the_command_line_starts_streamlit_there(listen: str, host: str, port: str) -> None:
    made = command("http://127.0.0.1:3100", listen)
    assert APP.exists()
    assert f"--server.address={host}" in made
    assert f"--server.port={port}" in made
    assert "--browser.gatherUsageStats=false" in made


POINTS = st.lists(
    st.tuples(
        st.integers(0, 20).map(lambda i: i * 60.0),
        st.one_of(st.floats(-1e9, 1e9), st.sampled_from([float("nan"), float("inf")])),
    ),
    max_size=25,
    unique_by=lambda point: point[0],
).map(sorted)


@given(st.lists(POINTS, max_size=5))
def test_curves_stay_inside_and_tell_every_step(many: list[list[tuple[float, float]]]) -> None:
    series = [Series({"host": f"<{i}>"}, points) for i, points in enumerate(many)]
    drawn = curves.curves(series, curves.look(series), Range(0, 1_200), 60, alt="")
    tips = re.search(r'data-tips="([^"]*)"', drawn)
    assert tips
    told = json.loads(html.unescape(tips[1]))
    assert len(told) == 21
    assert sum(len(rows) - 1 for rows in told if rows[1][2] != "no value") == sum(map(len, many))
    for path in re.findall(r' d="([^"]*)"', drawn):
        for x, y in re.findall(r"([-\d.]+),([-\d.]+)", path):
            assert 0 <= float(x) <= curves.WIDTH
            assert -0.01 <= float(y) <= curves.HEIGHT + 0.01
    assert "<0>" not in drawn


def test_a_gap_is_not_drawn_over_and_a_lone_point_is_a_dot() -> None:
    series = Series({}, [(0, 1.0), (60, 2.0), (600, 3.0)])
    drawn = curves.curves([series], ["hue-0"], Range(0, 1_200), 60, alt="")
    lines, dots = re.findall(r'<path d="([^"]*)"', drawn)
    assert (lines.count("M"), lines.count("L")) == (1, 1)
    assert dots.endswith("h.01")
