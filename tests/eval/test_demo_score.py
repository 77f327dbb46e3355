"""What counts as found, what as a false alarm, and that the real shop's incidents are found in time."""

from __future__ import annotations

import pytest

from driftwood.config import Detection
from driftwood.errors import ConfigError
from driftwood.records import Anomaly
from eval import BENCHES
from eval.demo import ALL, SECOND, START, Told, outcome_of, run, score, shop_of
from ingest.demo_incidents import Incident

MINUTE = 60 * SECOND


def anomaly(service: str, minute: int, name: str) -> Anomaly:
    start = START + minute * MINUTE
    return Anomaly(name, "d", "k", "{}", service, start, start + MINUTE, 3.0, 0.001, "t")


def test_found_is_an_anomaly_of_the_service_that_overlaps_up_to_one_window_after_the_end() -> None:
    truth = [
        Incident("silence", "api", START + 10 * MINUTE, START + 12 * MINUTE),
        Incident("silence", "pay", START + 10 * MINUTE, START + 12 * MINUTE),
        Incident("brute_force", "auth", START + 30 * MINUTE, START + 31 * MINUTE),
    ]
    told = [
        Told(START + 9 * MINUTE, anomaly("api", 9, "before")),
        Told(START + 14 * MINUTE, anomaly("api", 12, "just after its end")),
        Told(START + 13 * MINUTE, anomaly("api", 10, "within")),
        Told(START + 15 * MINUTE, anomaly("pay", 13, "too late")),
        Told(START + 31 * MINUTE, anomaly("api", 30, "another service")),
    ]
    outcome = score(truth, told, hours=2.0, window_ns=MINUTE)
    assert outcome.delays == {"silence": [180.0, None], "brute_force": [None]}
    assert (outcome.told, outcome.false) == (5, 3)


def test_an_unknown_subject_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="did you mean 'rate_change'"):
        run(subjects=["rate_chang"], seeds=1)


def test_the_benchmark_is_in_the_table() -> None:
    assert BENCHES.locate("demo") == "eval.demo:run"


@pytest.mark.slow
def test_every_kind_of_incident_is_found_within_a_window_and_lateness() -> None:
    """On a seed of development; what is reported is measured on others."""
    hours, settings = 0.55, Detection()
    shop = shop_of(104, hours, history_h=6.0)
    outcome = outcome_of(shop, ALL, hours, settings)
    assert len(outcome.delays) == 7
    found = [d for delays in outcome.delays.values() for d in delays if d is not None]
    assert len(found) == sum(map(len, outcome.delays.values()))
    assert (
        max(found) <= settings.window_s + settings.lateness_s + 2.0
    )  # arrivals come in ticks of two seconds
    assert outcome.false <= 3
