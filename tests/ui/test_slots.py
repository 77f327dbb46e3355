"""What stands in the slots of a template, with names, kinds and the spread of numbers."""

from __future__ import annotations

from ui.slots import slots


def test_lines_that_do_not_match_a_template_leave_its_values_alone() -> None:
    (found,) = slots(["nothing like it", "took 12 ms", "took 12 ms", "took 7 ms"], "took <NUM> ms")
    assert found["top"] == [("12", 2), ("7", 1)]
    assert found["distinct"] == 2
    assert slots(["no variable"], "no variable") == []


def test_numbers_are_spread_in_seconds_bytes_or_as_they_are() -> None:
    (took,) = slots([f"took {n} ms" for n in (10, 20, 4_000)], "took <NUM> ms")
    assert (took["kind"], took["spread"]) == ("duration", {"min": 0.01, "median": 0.02, "max": 4.0})
    user, count = slots(["user=ann n=3", "user=bob n=5"], "user=<*> n=<NUM>")
    assert (user["name"], user["kind"], user["spread"]) == ("user", "text", None)
    assert (count["name"], count["kind"]) == ("n", "number")
    assert count["spread"] == {"min": 3.0, "median": 4.0, "max": 5.0}


def test_a_slot_that_holds_words_and_numbers_has_no_spread() -> None:
    (mixed,) = slots(["from 12", "from 14", "from bob"], "from <*>")
    assert (mixed["kind"], mixed["spread"], mixed["distinct"]) == ("text", None, 3)
