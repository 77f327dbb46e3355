"""Every page as Streamlit runs it, without a browser: on a usual day, empty, huge, refused, and with hostile lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.ui.dashboard.shop import Shop
from tests.ui.dashboard.shop_lines import HOSTILE, ident
from tests.ui.dashboard.shop_server import Served
from ui.dashboard.launch import APP

PAGES = ["overview", "explore", "patterns", "anomalies", "benchmarks", "system"]
PATIENCE_S = 30


class Dashboard:
    """The app, driven; `shown` is the HTML of every view on the page."""

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DRIFTWOOD_URL", url)
        st.cache_resource.clear()
        self.app = AppTest.from_file(str(APP), default_timeout=PATIENCE_S)

    def open(self, page: str, **params: str) -> Dashboard:
        """Open a page; `params` stand in its URL."""
        for name, value in params.items():
            self.app.query_params[name] = value
        self.app.run()
        if page != "overview":
            self.app.switch_page(f"app_pages/{page}.py")
            for name, value in params.items():
                self.app.query_params[name] = value
            self.app.run()
        assert not self.app.exception, self.app.exception
        return self

    @property
    def shown(self) -> str:
        return "".join(each["html"] for each in self._given() if "html" in each)

    @property
    def bar(self) -> dict[str, Any]:
        """What Explore's query bar was given."""
        (given,) = (each for each in self._given() if "mistakes" in each)
        return given

    def _given(self) -> list[dict[str, Any]]:
        return [json.loads(each.proto.json) for each in self.app.get("bidi_component")]


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A dashboard in front of a shop that the test describes."""
    served: list[Served] = []

    def start(shop: Shop) -> Dashboard:
        served.append(Served(shop).__enter__())
        return Dashboard(served[-1].url, monkeypatch)

    yield start
    st.cache_resource.clear()
    for each in served:
        each.__exit__()


def test_the_overview_says_what_changed_and_who_is_hit(on: Any) -> None:
    page = on(Shop()).open("overview")
    assert "42 errors among 151 lines" in page.shown
    assert "fell silent after 320 lines" in page.shown
    assert page.shown.index("payments</b>") < page.shown.index("search</b>"), "most errors first"
    assert 'data-pick="anomaly:' in page.shown


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_for_few_things(on: Any, page: str) -> None:
    shop = Shop()
    dashboard = on(shop)
    dashboard.open("overview")
    shop.asked.clear()
    dashboard.open(page)
    assert len({each.partition("?")[0] for each in shop.asked}) <= 7, shop.asked


@pytest.mark.parametrize("page", PAGES[:-2])
def test_an_empty_store_shows_how_to_send_lines(on: Any, page: str) -> None:
    dashboard = on(Shop(empty=True)).open(page)
    assert "no line yet" in dashboard.shown
    assert "driftwood ingest" in dashboard.shown


def test_an_empty_system_page_still_shows_the_way_of_a_line(on: Any) -> None:
    dashboard = on(Shop(empty=True)).open("system")
    assert "dw-flow" in dashboard.shown
    assert "No source is configured" in dashboard.shown


@pytest.mark.parametrize("page", PAGES)
def test_nothing_but_the_page_is_written_on_it(on: Any, page: str) -> None:
    dashboard = on(Shop()).open(page)
    said = [each.value for each in dashboard.app.markdown]
    assert all(each.startswith("#") for each in said), said


def test_a_leaderboard_has_the_newest_values_and_marks_the_best(on: Any) -> None:
    shown = on(Shop()).open("benchmarks", bench="parsing", sort="GA").shown
    assert shown.index("driftwood") < shown.index("drain3") < shown.index("lfa")
    assert '<b class="is-best">0.950</b>' in shown
    assert "0.100" not in shown, "an older run is not shown"
    assert "took more than 600 s" in shown


def test_detectors_have_a_leaderboard_without_their_breakdowns(on: Any) -> None:
    shown = on(Shop()).open("benchmarks", bench="detection").shown
    assert shown.index("episode_memory") < shown.index("knn") < shown.index("all_positive")
    assert '<b class="is-best">0.836</b>' in shown
    assert "R@1%FPR" in shown
    assert "F1@oracle" not in shown
    assert "prevalence" not in shown
    assert '<b class="is-best">0.990</b>' not in shown, "flagging everything wins nothing"


def test_an_empty_leaderboard_says_how_to_fill_it(on: Any) -> None:
    assert "driftwood bench parsing" in on(Shop(empty=True)).open("benchmarks").shown


@pytest.mark.parametrize("page", PAGES)
def test_without_a_server_a_page_says_how_to_start_one(
    monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    dashboard = Dashboard("http://127.0.0.1:9", monkeypatch).open(page)
    assert "No server answers" in dashboard.shown
    assert "driftwood serve" in dashboard.shown


@pytest.mark.parametrize("page", PAGES)
def test_what_the_server_refuses_is_said_on_the_page(on: Any, page: str) -> None:
    dashboard = on(Shop(broken=True)).open(page)
    said = [each.value for each in dashboard.app.error]
    assert any("ask again in a second" in each for each in said), said


@pytest.mark.parametrize("page", PAGES)
def test_a_huge_shop_fits_on_a_page(on: Any, page: str) -> None:
    dashboard = on(Shop(huge=True)).open(page)
    assert len(dashboard.shown) < 600_000
    assert dashboard.shown.count('class="dw-line ') <= 200


@pytest.mark.parametrize(
    ("page", "params"),
    [
        *((page, {}) for page in PAGES),
        ("explore", {"line": "1700000000000"}),
        ("patterns", {"template": ident(6)}),
        ("system", {"letter": "1"}),
        ("explore", {"template": HOSTILE, "before": HOSTILE, "line": HOSTILE, "q": HOSTILE}),
        ("explore", {"q": 'sum by (host) (rate({source="demo"}[5m]))', "series": HOSTILE}),
        ("explore", {"q": 'sum by (host) (rate({source="demo"}[5m]))', "how": "At the end"}),
    ],
)
def test_what_strangers_write_stays_text(on: Any, page: str, params: dict[str, str]) -> None:
    dashboard = on(Shop(hostile=True)).open(page, **params)
    assert "<script" not in dashboard.shown
    assert "<img" not in dashboard.shown


def test_a_line_in_the_link_is_shown_with_what_stood_around_it(on: Any) -> None:
    dashboard = on(Shop()).open("explore", line="1700000000000")
    assert "dw-detail" in dashboard.shown
    assert "copy JSON" in dashboard.shown
    assert dashboard.shown.count('role="listitem"') >= 41


def test_a_search_narrows_by_words_service_and_severity(on: Any) -> None:
    shop = Shop()
    dashboard = on(shop).open("explore", service="payments", q="refused")
    dashboard.app.get("pills")[0].set_value(["error"]).run()
    assert any(
        "service_name%3D%22payments%22" in each and "refused" in each and "error" in each
        for each in shop.asked
    )


def test_a_mistake_in_the_query_goes_to_the_bar_with_its_place(on: Any) -> None:
    query = '{service_name="auth"} oops'
    dashboard = on(Shop()).open("explore", q=query, service="auth")
    (wrong,) = dashboard.bar["mistakes"]
    assert query[wrong["at"] : wrong["end"]] == "oops"
    assert wrong["error"] == "unexpected IDENTIFIER"
    assert "after the selector come" in wrong["hint"]
    assert "Queries to start from" in dashboard.shown


def test_a_search_without_a_match_says_so(on: Any) -> None:
    assert "No line matches" in on(Shop()).open("explore", q="nothing-like-this").shown


def test_the_bar_knows_labels_and_takes_words_as_they_are(on: Any) -> None:
    bar = on(Shop()).open("explore", q="sum of all evil (").bar
    assert bar["text"] == "sum of all evil ("
    assert bar["mistakes"] == []
    assert "service_name" in bar["labels"]


LEVELS = 'sum by (level) (count_over_time({source="demo"}[1m]))'


def test_a_metric_query_is_drawn_and_listed(on: Any) -> None:
    shown = on(Shop()).open("explore", q=LEVELS).shown
    assert shown.count("<g ") == 4
    assert 'class="sev-error"' in shown, "severities keep their colours"
    assert re.search(r"<i>level=</i><b>warn</b>.*?<td class=\"n\">[\d,.]+</td>", shown)
    assert "a value every 15 s" in shown


def test_one_series_of_many_is_looked_at_alone(on: Any) -> None:
    query = 'sum by (host) (rate({source="demo"}[5m]))'
    shop = Shop(huge=True)
    dashboard = on(shop)
    all_of_them = dashboard.open("explore", q=query).shown
    assert all_of_them.count("<g ") == 16
    assert "the 16 that reach highest are drawn" in all_of_them
    last = re.findall(r'data-pick="series:(\w+)"', all_of_them)[-1]
    alone = dashboard.open("explore", q=query, series=last).shown
    assert alone.count("<g ") == 1
    assert f'class="is-on" data-pick="series:{last}"' in alone


def test_a_step_and_the_end_can_be_chosen_in_the_link(on: Any) -> None:
    shop = Shop()
    on(shop).open("explore", q=LEVELS, step="5m")
    assert any("query_range" in each and "step=300" in each for each in shop.asked)
    at_the_end = on(shop).open("explore", q=LEVELS, how="At the end").shown
    assert any("/loki/api/v1/query?" in each for each in shop.asked)
    assert at_the_end.count('class="dw-bar"') == 4


@pytest.mark.parametrize("query", ['{service_name="auth"} |= "x"', LEVELS])
def test_the_plan_of_a_query_is_shown_on_demand(on: Any, query: str) -> None:
    assert "How it is answered" not in on(Shop()).open("explore", q=query).shown
    shown = on(Shop()).open("explore", q=query, plan="true").shown
    assert "6 streams are answered by SQL" in shown
    assert "WHERE contains(line, ?)" in shown


def test_a_number_is_shown_as_one(on: Any) -> None:
    shown = on(Shop()).open("explore", q="vector(3.5)", how="At the end").shown
    assert '<p class="dw-scalar"><b>3.5</b></p>' in shown


def test_a_metric_without_a_series_and_one_that_fails_say_what_to_do(on: Any) -> None:
    dashboard = on(Shop())
    shown = dashboard.open("explore", q='rate({a="nothing-like-this"}[1m])').shown
    assert "No series" in shown
    shown = dashboard.open("explore", q='rate({a="unreadable"} | json [1m])').shown
    assert "pipeline error" in shown
    assert "Leave them out: | __error__=&quot;&quot;" in shown


@pytest.mark.parametrize(
    ("tab", "text"),
    [
        ("New", "refused: pool exhausted"),
        ("Rising", "declined for order"),
        ("Vanished", "merged"),
        ("Rare", "∗"),
    ],
)
def test_the_tabs_of_patterns_show_what_they_say(on: Any, tab: str, text: str) -> None:
    assert text in on(Shop()).open("patterns", tab=tab).shown


def test_a_pattern_shows_what_stands_in_its_slots(on: Any) -> None:
    shown = on(Shop()).open("patterns", template=ident(3)).shown
    assert "What stands in the slots" in shown
    assert "How it came to be" in shown
    assert "slot-net" in shown


def test_the_loudest_open_anomaly_is_opened_by_itself(on: Any) -> None:
    shown = on(Shop()).open("anomalies").shown
    assert "<h2>42 errors among 151 lines" in shown
    assert "seen" in shown
    assert "expected" in shown


def test_an_anomaly_that_is_gone_is_said_to_be_gone(on: Any) -> None:
    dashboard = on(Shop()).open("anomalies", anomaly="a9999")
    assert "it may have been dropped" in dashboard.app.error[0].value


def test_what_a_verdict_teaches_is_said_before_it_is_given(on: Any) -> None:
    learns = "The detectors learn <this> session."
    shop = Shop(effects={"expected": learns, "noise": learns, "real": "Kept.", "open": "Forgets."})
    dashboard = on(shop).open("anomalies")
    assert "<strong>Real</strong> Kept.</p>" in dashboard.shown
    assert "<strong>Noise, Expected change</strong>" in dashboard.shown
    assert "learn &lt;this&gt; session." in dashboard.shown
    assert "Forgets." not in dashboard.shown
    assert dashboard.app.button(key="expected").help == learns
    assert "<strong>Real</strong>" not in on(Shop()).open("anomalies").shown


@pytest.mark.parametrize("verdict", ["real", "noise", "expected"])
def test_a_verdict_is_stored_with_its_note(on: Any, verdict: str) -> None:
    shop = Shop()
    dashboard = on(shop).open("anomalies")
    dashboard.app.text_input(key="note-a0000err").set_value("disk was full")
    dashboard.app.button(key=verdict).click().run()
    assert not dashboard.app.exception
    assert (shop.feedback[-1]["verdict"], shop.feedback[-1]["note"]) == (verdict, "disk was full")
    assert "disk was full" in dashboard.shown


def test_dead_letters_are_read_again_on_a_click(on: Any) -> None:
    shop = Shop()
    dashboard = on(shop).open("system")
    assert "the message ends inside field 2" in dashboard.shown
    replay = next(each for each in dashboard.app.button if each.label == "Replay all")
    replay.click().run()
    assert all(each["replayed_at"] for each in shop.letters)


def test_the_settings_in_force_are_shown_without_secrets(on: Any) -> None:
    dashboard = on(Shop()).open("system", settings_open="true")
    dashboard.app.session_state["settings_open"] = True
    dashboard.app.run()
    assert "broker:9092" in dashboard.shown


def test_a_full_disk_is_on_top_of_every_page(on: Any) -> None:
    dashboard = on(
        Shop(banner="the disk is full: 12 MB left; free some, nothing is lost meanwhile")
    )
    assert "the disk is full" in dashboard.open("explore").shown


def test_lag_is_said_before_anything_old_is_believed(on: Any) -> None:
    assert "What you see is 15 min old" in on(Shop(lag_s=900)).open("overview").shown


def test_a_custom_range_that_cannot_be_read_is_said(on: Any) -> None:
    dashboard = on(Shop()).open("explore", **{"range": "custom", "from": "yesterday-ish"})
    assert "is not a time" in dashboard.app.warning[0].value


def test_the_app_imports_no_store_and_no_torch() -> None:
    import subprocess
    import sys

    wanted = "import sys; sys.path.insert(0, '.'); import ui.dashboard.ways, ui.dashboard.notices, ui.dashboard.flow"
    probe = f"{wanted}; print([m for m in ('duckdb', 'torch', 'driftwood.store', 'ui.api') if m in sys.modules])"
    told = subprocess.run(
        [sys.executable, "-c", probe],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert told.stdout.strip() == "[]"
