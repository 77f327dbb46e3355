"""The demo shop: the same lines for the same seed, at the promised rates, with the promised rhythm."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import islice, takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.demo_incidents import KINDS, SECOND, Incident, schedule
from ingest.demo_messages import SERVICES
from ingest.demo_shop import MINUTE, Line, generate

START = 1_795_257_312_000_000_000  # 2026-11-21T10:35:12Z
HOUR = 60 * MINUTE


def lines(
    start: int, end: int, incidents: tuple[Incident, ...] = (), seed: int = 7, rate: float = 4.0
) -> list[Line]:
    return [line for minute in generate(seed, start, end, incidents, rate) for line in minute]


@pytest.fixture(scope="module")
def day() -> list[Line]:
    midnight = START - START % (24 * HOUR)
    return lines(midnight, midnight + 24 * HOUR, rate=1.0)


def test_the_same_seed_gives_the_same_lines_and_another_seed_others() -> None:
    assert lines(START, START + HOUR) == lines(START, START + HOUR)
    assert lines(START, START + HOUR) != lines(START, START + HOUR, seed=8)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 3600), st.integers(0, 3600))
def test_any_part_of_a_run_equals_that_part_of_the_whole(a: int, b: int) -> None:
    begin, end = (START + min(a, b) * SECOND, START + max(a, b) * SECOND)
    incidents = tuple(islice(schedule(7, START, 5.0), 12))
    assert lines(begin, end, incidents) == [line for line in _hour() if begin <= line.ts < end]


@cache
def _hour() -> list[Line]:
    return lines(START, START + HOUR, tuple(islice(schedule(7, START, 5.0), 12)))


def test_lines_are_ordered_and_their_numbers_ascend(day: list[Line]) -> None:
    assert [line.ts for line in day] == sorted(line.ts for line in day)
    offs = [line.off for line in day]
    assert offs == sorted(set(offs))


def test_noon_is_as_busy_as_the_rate_says_and_midnight_is_quiet(day: list[Line]) -> None:
    by_hour = Counter(line.ts // HOUR % 24 for line in day)
    assert by_hour[11] + by_hour[12] == pytest.approx(2 * 3600 * 1.0, rel=0.07)
    assert by_hour[0] + by_hour[23] < 0.4 * (by_hour[11] + by_hour[12])


def test_every_service_speaks_all_day(day: list[Line]) -> None:
    per_hour = Counter((line.service, line.ts // HOUR % 24) for line in day)
    assert min(per_hour[service, hour] for service in SERVICES for hour in range(24)) > 25


def test_a_purchase_can_be_followed_through_four_services(day: list[Line]) -> None:
    charge = next(line for line in day if "authorising charge" in line.text)
    rid, order = (
        charge.text.split(f"{name}=")[1].split()[0].strip('"') for name in ("rid", "order")
    )
    told = [line.service for line in day if rid in line.text or order in line.text]
    assert {"gateway", "checkout", "inventory", "payments"} <= set(told)


def test_a_stack_trace_is_one_record(day: list[Line]) -> None:
    trace = next(line for line in day if "\n\tat " in line.text)
    assert trace.service == "inventory"
    assert trace.text.splitlines()[0].endswith("from pool stock-db")


def test_the_first_incident_is_a_new_error_five_seconds_after_the_start() -> None:
    first = next(schedule(7, START, 5.0))
    assert (first.kind, first.start) == ("new_error", START + 5 * SECOND)
    told = lines(START, START + 10 * SECOND, (first,))
    marked = [line for line in told if line.service == first.service and line.ts >= first.start]
    assert marked[0].ts == first.start


def test_every_kind_happens_within_half_an_hour() -> None:
    soon = takewhile(lambda i: i.start < START + 30 * MINUTE, schedule(7, START, 5.0))
    assert {incident.kind for incident in soon} == set(KINDS)


@pytest.mark.parametrize("seed", range(3))
def test_the_schedule_is_ordered_and_incidents_of_a_service_never_overlap(seed: int) -> None:
    incidents = list(islice(schedule(seed, START, 5.0), 200))
    assert [i.start for i in incidents] == sorted(i.start for i in incidents)
    ends: dict[str, int] = {}
    for incident in incidents:
        assert incident.start >= ends.get(incident.service, 0)
        ends[incident.service] = incident.end


def happening(kind: str) -> tuple[Incident, list[Line], list[Line]]:
    """The first incident of a kind, what its service says during it, and what it would have said."""
    incident = next(i for i in schedule(7, START, 5.0) if i.kind == kind)

    def said(incidents: tuple[Incident, ...]) -> list[Line]:
        told = lines(incident.start - MINUTE, incident.end + MINUTE, incidents)
        return [line for line in told if line.service == incident.service]

    return incident, said((incident,)), said(())


@pytest.mark.parametrize("kind", KINDS)
def test_an_incident_changes_its_service_and_only_between_start_and_end(kind: str) -> None:
    incident, with_it, without = happening(kind)
    changed = {(line.ts, line.text) for line in with_it} ^ {(n.ts, n.text) for n in without}
    assert len(changed) >= 10
    assert all(incident.start <= ts < incident.end for ts, _ in changed)


def test_the_other_services_do_not_notice() -> None:
    incident = next(i for i in schedule(7, START, 5.0) if i.kind == "silence")
    others = [
        [(n.ts, n.text) for n in lines(START, START + HOUR, told) if n.service != incident.service]
        for told in ((), (incident,))
    ]
    assert others[0] == others[1]


def test_a_new_error_was_never_said_before(day: list[Line]) -> None:
    _, with_it, without = happening("new_error")
    new = {line.text for line in with_it} - {line.text for line in without}
    words = " ".join(sorted(new)[0].split('"')[1].split()[:3])
    assert not any(words in line.text for line in day)


def test_silence_is_silent() -> None:
    incident, with_it, _ = happening("silence")
    assert not [line for line in with_it if incident.start <= line.ts < incident.end]
